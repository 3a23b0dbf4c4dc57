import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { createLog } from '../src/log.ts';
import { createPools } from '../src/postgres/pools.ts';
import { sqlOf } from '../src/postgres/sql.ts';
import { providers } from '../src/providers/index.ts';
import { createImporter } from '../src/reconcile/import/importer.ts';
import { reportEndpoint } from '../src/reconcile/import/report-endpoint.ts';

/** `load`: as a dry run, which ends before the promotion. `import`: to the end. */
export type ImportOrder = {
  readonly kind: 'load' | 'import';
  readonly provider: string;
  readonly file: string;
  readonly database: { readonly url: string; readonly role: 'postern_app' | null };
};
export type ImportAnswer = {
  readonly kind: 'done';
  readonly seconds: number;
  readonly cpuS: number;
  readonly rssMb: number;
};

const clock = { now: Date.now };

process.on('message', (order: ImportOrder) => {
  take(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) =>
      process.send?.({ kind: 'failed', message: error instanceof Error ? error.stack : String(error) }),
  );
});
process.on('SIGTERM', () => process.exit(0));

async function take({ kind, provider, file, database }: ImportOrder): Promise<ImportAnswer> {
  const log = createLog('warn');
  const pools = createPools(database.url, { log, role: database.role });
  try {
    const sql = sqlOf(pools.api);
    const name = `bench-${provider}`;
    await sql.query(
      `insert into postern.endpoints (provider, name, account, settings) values ($1, $2, $2, '{}') on conflict do nothing`,
      [provider, name],
    );
    const endpoint = await reportEndpoint(sql, providers, { provider, endpoint: name });
    const importer = createImporter({ pool: pools.api, clock, log });
    const start = performance.now();
    const cpu = process.cpuUsage();
    let seconds = 0;
    const received = await importer.receive(
      {
        endpoint,
        format: null,
        fileName: basename(file),
        acceptDifference: null,
        actor: 'bench',
        bytesMax: Number.MAX_SAFE_INTEGER,
        dryRun: kind === 'load',
        onLoaded: () => {
          seconds = (performance.now() - start) / 1000;
        },
      },
      createReadStream(file),
    );
    if (received.kind === 'proven') {
      await received.finish();
      seconds = (performance.now() - start) / 1000;
    } else if (received.kind !== 'dry_run' || received.examined.faults.count > 0)
      throw new Error(
        `${provider} ended ${JSON.stringify(received, (_, v) => (typeof v === 'bigint' ? String(v) : v)).slice(0, 2_000)}`,
      );
    // Of the whole process, with Node itself: the kernel's own high-water mark.
    const { user, system } = process.cpuUsage(cpu);
    return { kind: 'done', seconds, cpuS: (user + system) / 1e6, rssMb: process.resourceUsage().maxRSS / 1024 };
  } finally {
    await pools.end();
  }
}
