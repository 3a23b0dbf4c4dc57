import pg from 'pg';
import { expect } from 'vitest';
import type { TestDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import type { Launched } from './launcher.ts';

/** A write of which the process is to be killed in the middle. */
export type Stop = {
  readonly table: string;
  /** `commit`: as the transaction that wrote there ends; it is lost no more, though nobody hears of it. */
  readonly on: 'insert' | 'update' | 'delete' | 'commit';
  /** Of rows of which this is true, as the `when` of a trigger. */
  readonly when?: string;
};

export type Stops = {
  /** Starts a process and kills it (SIGKILL) in the middle of such a write. */
  killAt(stop: Stop, start: () => Launched): Promise<void>;
  end(): Promise<void>;
};

const KEY = 4_711;
const PATIENT = { timeoutMs: 20_000, everyMs: 10 };

/** Catches processes in the middle of a write: a trigger waits for a lock that this session holds until they are killed. */
export async function createStops(database: TestDatabase): Promise<Stops> {
  const client = new pg.Client({ connectionString: database.url, application_name: 'test stops' });
  await client.connect();
  await client.query(
    `create function public.stop_here() returns trigger language plpgsql as $$ begin
       perform pg_advisory_xact_lock_shared(${KEY});
       return coalesce(new, old);
     end $$`,
  );

  async function isCaught({ table, on, when = '' }: Stop): Promise<void> {
    const { rows } = await client.query(
      `select from pg_locks l where l.locktype = 'advisory' and l.classid = 0 and l.objid = ${KEY} and not l.granted
         and l.database = (select oid from pg_database where datname = current_database())`,
    );
    expect(rows, `caught before ${on} of ${table} ${when}`).toHaveLength(1);
  }

  return {
    async killAt(stop, start) {
      const { table, on, when } = stop;
      const trigger =
        on === 'commit'
          ? `constraint trigger stop after insert or update on postern.${table} deferrable initially deferred`
          : `trigger stop before ${on} on postern.${table}`;
      await client.query(
        `create ${trigger} for each row ${when === undefined ? '' : `when (${when})`} execute function public.stop_here()`,
      );
      await client.query(`select pg_advisory_lock(${KEY})`);
      const { child, ended } = start();
      const gone = ended.then(({ out, err }) => {
        throw new Error(`it ended before it came to ${on} on ${table} ${when ?? ''}: ${out}${err}`);
      });
      gone.catch(() => undefined);
      try {
        await Promise.race([eventually(() => isCaught(stop), PATIENT), gone]);
      } finally {
        child.kill('SIGKILL');
        await ended;
        await client.query(`select pg_advisory_unlock(${KEY})`);
      }
      // Waits for what the process left on the server, which notices at its next answer that nobody is there.
      await client.query(`drop trigger stop on postern.${table}`);
    },
    end: () => client.end(),
  };
}
