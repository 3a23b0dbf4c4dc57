import { once } from 'node:events';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { Sql } from '../../postgres/sql.ts';
import { STAGED_COLUMNS } from './staged-row.ts';

/** Where the lines of one import wait: a table of its own, dropped with it. */
export type Staging = { readonly settlement: string; readonly table: string };

export const stagingOf = (settlement: string): Staging => ({
  settlement,
  // The id is a UUID, which `open_staging` has checked by its type.
  table: `postern.staged_${settlement.replaceAll('-', '')}`,
});

export async function openStaging(sql: Sql, settlement: string): Promise<Staging> {
  await sql.query('select postern.open_staging($1)', [settlement]);
  return stagingOf(settlement);
}

export async function analyzeStaging(sql: Sql, { settlement }: Staging): Promise<void> {
  await sql.query('select postern.analyze_staging($1)', [settlement]);
}

export async function dropStaging(sql: Sql, settlement: string): Promise<void> {
  await sql.query('select postern.drop_staging($1)', [settlement]);
}

/** Rows on their way into a table, in transactions of a bounded length: a log's sealer waits for each that runs. */
export type Copying = {
  /** Resolves when there is room for more. */
  write(rows: string): Promise<void>;
  /** All that was written is in the table. */
  end(): Promise<void>;
  /** Takes back what is under way, after an error elsewhere. */
  abort(): void;
};

const COPY_BYTES_MAX = 64 * 1024 * 1024;
/** What may wait for the server: with less, each side stands still while the other works. */
const AHEAD_BYTES_MAX = 1024 * 1024;

export function copyInto(client: pg.ClientBase, table: string, columns: string): Copying {
  let stream: ReturnType<typeof begin> | undefined;
  let bytes = 0;

  function begin() {
    const made = client.query(copyFrom(`copy ${table} (${columns}) from stdin`, { highWaterMark: AHEAD_BYTES_MAX }));
    // Told by whoever waits for it; unheard it would end the process.
    made.on('error', () => undefined);
    return made;
  }

  async function finish(): Promise<void> {
    if (stream === undefined) return;
    const ending = stream;
    stream = undefined;
    bytes = 0;
    ending.end();
    await once(ending, 'finish');
  }

  return {
    async write(rows) {
      stream ??= begin();
      bytes += rows.length;
      if (!stream.write(rows)) await once(stream, 'drain');
      if (bytes >= COPY_BYTES_MAX) await finish();
    },
    end: finish,
    abort() {
      stream?.destroy(new Error('the import was broken off'));
      stream = undefined;
    },
  };
}

export const copyLines = (client: pg.ClientBase, { table }: Staging): Copying =>
  copyInto(client, table, STAGED_COLUMNS);
