import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { readEvents } from '../../src/ingest/read-events.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { createMetrics } from '../../src/metrics.ts';
import { providers } from '../../src/providers/index.ts';
import { bankFormats } from '../../src/reconcile/bank/formats.ts';
import { createReconciler } from '../../src/reconcile/engine/reconciler.ts';
import { createBankImporter } from '../../src/reconcile/import/bank-importer.ts';
import { createImporter } from '../../src/reconcile/import/importer.ts';
import type { ToldEvent } from '../../src/simulate/told-event.ts';
import type { AccountWorld } from '../../src/simulate/world/account-world.ts';
import { statementFiles } from '../../src/simulate/world/bank/statement-files.ts';
import { type HandedIn, reportFiles } from '../../src/simulate/world/report-files.ts';
import { sentBody, worldTarget } from '../../src/simulate/world/signed-events.ts';
import type { World } from '../../src/simulate/world/world.ts';
import { uuidv7Bytes } from '../../src/uuid.ts';
import type { TestDatabase } from './database.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import type { Found } from './world-score.ts';

/** A world in real books: its webhooks through intake and worker, its reports and statements through the import, then the engine. */
export type WorldBooks = {
  /** What became of each file: `account/name` → kind, with its first faults. */
  readonly files: ReadonlyMap<string, string>;
  tellEvents(order?: (events: ToldEvent[]) => ToldEvent[]): Promise<void>;
  /** `joined`: so many batches a file. */
  importReports(how?: {
    readonly joined?: number;
    readonly order?: (files: HandedIn[], world: AccountWorld) => HandedIn[];
  }): Promise<void>;
  importStatements(): Promise<void>;
  reconcile(): Promise<void>;
  discrepancies(): Promise<Found[]>;
  /** Of an account's announced items: how many wait for their line, and how many are shown under a missing file. */
  open(account: string): Promise<{ waiting: number; underFile: number }>;
  stop(): Promise<void>;
};

const BYTES_MAX = 4 * 1024 ** 3;
const AT_ONCE = 64;
const DRAINED_WITHIN_MS = 240_000;

export async function openWorldBooks(database: TestDatabase, world: World): Promise<WorldBooks> {
  const endpoints: Endpoint[] = [];
  const byAccount = new Map<string, Endpoint>();
  for (const { account } of world.accounts) {
    const { provider: name } = account.dialect.simulator;
    const provider = providers.get(name);
    if (provider === undefined) throw new Error(`no provider ${name}`);
    const { settings } = worldTarget(account).target;
    const { rows } = await database.sql.query<{ id: number }>(
      'insert into postern.endpoints (provider, name, account, settings) values ($1, $2, $2, $3) returning id',
      [name, account.name, JSON.stringify(settings)],
    );
    const id = rows[0]?.id ?? 0;
    const endpoint: Endpoint = {
      id,
      provider,
      name: account.name,
      account: account.name,
      settings,
      disabled: false,
      secrets: [],
    };
    endpoints.push(endpoint);
    byAccount.set(account.name, endpoint);
  }
  const clock = { now: () => world.lookedAt };
  const answers = new Map<string, string>();
  const pipeline = await createPipeline(database, () => endpoints, {
    async api({ path }) {
      const body = answers.get(path);
      return { status: body === undefined ? 404 : 200, headers: {}, body: Buffer.from(body ?? '{}') };
    },
  });
  pipeline.worker.start();
  pipeline.fetcher.start();
  const importer = createImporter({ pool: database.appPool, clock, log: database.log });
  const banks = createBankImporter({ pool: database.appPool, formats: bankFormats, clock });
  const reconciler = createReconciler({
    pool: database.appPool,
    ledger: createLedger({ clock }),
    endpoints: { all: () => endpoints },
    clock,
    log: database.log,
    metrics: createMetrics({ process: false }),
  });
  const files = new Map<string, string>();

  function endpointOf({ account }: AccountWorld): Endpoint {
    const endpoint = byAccount.get(account.name);
    if (endpoint === undefined) throw new Error(`no endpoint of ${account.name}`);
    return endpoint;
  }

  return {
    files,
    async tellEvents(order = (events) => events) {
      const flying = new Set<Promise<unknown>>();
      for (const one of world.accounts) {
        const endpoint = endpointOf(one);
        for (const [path, body] of answersOf(one)) answers.set(path, body);
        for (const event of order([...one.events()])) {
          const sent: Promise<unknown> = accept(pipeline, endpoint, sentBody(one.account, event)).finally(() =>
            flying.delete(sent),
          );
          flying.add(sent);
          if (flying.size >= AT_ONCE) await Promise.race(flying);
        }
      }
      await Promise.all(flying);
      await drained(database);
    },
    async importReports({ joined = 6, order = (list: HandedIn[]) => list } = {}) {
      for (const one of world.accounts) {
        const endpoint = endpointOf(one);
        for (const file of order(reportFiles(one, { joined }), one)) {
          const received = await importer.receive(
            {
              endpoint: {
                id: endpoint.id,
                name: endpoint.name,
                account: endpoint.account,
                settings: endpoint.settings,
                provider: endpoint.provider,
              },
              format: null,
              fileName: file.name.split('/').at(-1) ?? null,
              acceptDifference: file.acceptDifference,
              actor: 'world',
              bytesMax: BYTES_MAX,
            },
            bytesOf(file.text()),
          );
          const { kind } = received;
          const key = `${one.account.name}/${file.name}`;
          if (kind === 'proven') {
            const promoted = await received.finish();
            files.set(key, promoted.kind);
          } else if (kind === 'failed') {
            const [fault] = received.examined.faults.kept;
            files.set(
              key,
              `failed: ${fault?.row ?? ''} ${fault?.field ?? ''} ${fault?.reason ?? ''} ${fault?.expected ?? ''} ${fault?.found ?? ''}`,
            );
          } else files.set(key, kind);
        }
      }
    },
    async importStatements() {
      for (const one of world.accounts) {
        for (const file of statementFiles(one)) {
          const zone = one.account.dialect.zone;
          const received = await banks.receive(
            { format: null, fileName: file.name, mapping: null, zone, actor: 'world' },
            bytesOf([file.text]),
          );
          let told: string = received.kind;
          if (received.kind === 'failed') {
            const { rows } = await database.sql.query<{ faults: unknown }>(
              'select faults from postern.bank_statements where id = $1',
              [received.id],
            );
            told += JSON.stringify(rows[0]?.faults).slice(0, 500);
          }
          files.set(`${one.account.name}/${file.name}`, told);
        }
      }
    },
    async reconcile() {
      const deadline = performance.now() + DRAINED_WITHIN_MS;
      do {
        if (!(await reconciler.catchUp())) throw new Error('another engine is at it');
        if (performance.now() > deadline) throw new Error('the engine does not come to the end of the books');
        // Transactions of other databases hold its cursor back: a server's snapshots are one.
      } while (await isBehind(database));
    },
    async discrepancies() {
      const { rows } = await database.sql.query<Found>(
        `select class, provider, account, reference, component, currency, delta::text as delta from postern.discrepancies
         where status not in ('auto_cleared', 'resolved', 'written_off') order by provider, account, class, reference, currency`,
      );
      return rows;
    },
    async open(account) {
      const { rows } = await database.sql.query<{ waiting: string; under: string }>(
        `select count(*) filter (where r.bucket = 'in_transit') as waiting,
           count(*) filter (where r.bucket = 'discrepancy' and r.class is null) as under
         from postern.residue r join postern.accounts a on a.id = r.account_id
         where a.path like 'asset:processor_pending:%:' || $1`,
        [account],
      );
      return { waiting: Number(rows[0]?.waiting), underFile: Number(rows[0]?.under) };
    },
    async stop() {
      await importer.close();
      await reconciler.stop();
      await pipeline.stop();
    },
  };
}

/** What the processor would answer about everything in the account. */
function* answersOf(world: AccountWorld): Generator<readonly [string, string]> {
  const { account } = world;
  const { dialect, calendar } = account;
  if (dialect.answers === undefined && dialect.payoutAnswers === undefined) return;
  for (let day = 1; day <= calendar.days; day += 1) {
    for (const life of world.lives(day)) yield* dialect.answers?.(life, account) ?? [];
    const payout = day <= calendar.batches ? world.payout(day) : null;
    if (payout !== null) yield* dialect.payoutAnswers?.(payout) ?? [];
  }
}

async function accept(pipeline: Pipeline, endpoint: Endpoint, text: string): Promise<void> {
  const now = Date.now();
  const body = Buffer.from(text);
  const request = { method: 'POST', url: 'http://localhost/', headers: [], body } as const;
  const identified = endpoint.provider.identify(request, endpoint.settings);
  if (identified.kind === 'control') throw new Error('a control request is no event');
  await pipeline.intake.accept({
    id: uuidv7Bytes(now),
    receivedAt: now,
    endpoint,
    method: 'POST',
    path: `/webhooks/${endpoint.provider.name}/${endpoint.name}`,
    sourceIp: '127.0.0.1',
    headers: [],
    body,
    sha256: createHash('sha256').update(body).digest(),
    level: 'body',
    secretId: null,
    events: readEvents(identified, request, endpoint, now),
  });
}

async function isBehind(database: TestDatabase): Promise<boolean> {
  const { rows } = await database.sql.query<{ behind: boolean }>(
    'select exists (select from postern.transactions t, postern.reconciling r where (t.xact, t.id) > (r.xact, r.id)) as behind',
  );
  if (rows[0]?.behind === true) await pause(50);
  return rows[0]?.behind === true;
}

async function drained(database: TestDatabase): Promise<void> {
  const deadline = performance.now() + DRAINED_WITHIN_MS;
  for (;;) {
    const { rows } = await database.sql.query<{ queued: string }>(
      "select count(*) as queued from postern.events where status = 'queued'",
    );
    if (rows[0]?.queued === '0' || Number(rows[0]?.queued) === 0) return;
    if (performance.now() > deadline) throw new Error(`${rows[0]?.queued} events are still queued`);
    await pause(100);
  }
}

async function* bytesOf(text: Iterable<string>): AsyncGenerator<Uint8Array> {
  let held = '';
  for (const piece of text) {
    held += piece;
    if (held.length < 64 * 1024) continue;
    yield Buffer.from(held);
    held = '';
  }
  if (held !== '') yield Buffer.from(held);
}
