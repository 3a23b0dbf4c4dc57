import type pg from 'pg';
import type { Endpoint } from '../src/endpoints/endpoint.ts';
import { createLedger, type PostRequest } from '../src/ledger/post.ts';
import { fromEvent } from '../src/ledger/source.ts';
import { createLog } from '../src/log.ts';
import { createMetrics } from '../src/metrics.ts';
import { createPools } from '../src/postgres/pools.ts';
import { withTransaction } from '../src/postgres/sql.ts';
import { providers } from '../src/providers/index.ts';
import { bankFormats } from '../src/reconcile/bank/formats.ts';
import { createReconciler } from '../src/reconcile/engine/reconciler.ts';
import { createBankImporter } from '../src/reconcile/import/bank-importer.ts';
import { createImporter } from '../src/reconcile/import/importer.ts';
import type { AccountWorld } from '../src/simulate/world/account-world.ts';
import { statementFiles } from '../src/simulate/world/bank/statement-files.ts';
import type { FaultKind } from '../src/simulate/world/faults.ts';
import { reportFiles } from '../src/simulate/world/report-files.ts';
import { sentBody, worldTarget } from '../src/simulate/world/signed-events.ts';
import { createWorld, type World } from '../src/simulate/world/world.ts';
import { uuidv7 } from '../src/uuid.ts';
import { confusionMatrix, type Found, scoreOf } from '../test/support/world-score.ts';
import type { Effort, Figures } from './sections.ts';
import type { Stand } from './stand.ts';

type Tell = (line: string) => void;

/** Of what a payment brings on average: itself, refunds, disputes, their movements. */
const OBJECTS_A_PAYMENT = 1.45;
const DAYS = 14;
const POSTED_AT_ONCE = 500;
const BYTES_MAX = 8 * 1024 ** 3;
const FAULTS: readonly FaultKind[] = [
  'lost_event',
  'amount_off',
  'wrong_currency',
  'wrong_sign',
  'not_settled',
  'part_not_settled',
  'line_doubled',
  'moved',
  'settled_late',
  'wrong_status',
  'unknown_kind',
  'bank_short',
  'bank_missing',
  'line_cut',
];

/** A world of so many objects at Stripe and Adyen: announced, reported, paid, and what is wrong in it found to the last item. */
export async function worlds(stand: Stand, effort: Effort, tell: Tell): Promise<Figures> {
  const livesPerDay = Math.ceil(effort.objects / DAYS / 2 / OBJECTS_A_PAYMENT);
  const accounts = ['stripe', 'adyen'].map((provider) => ({ provider, faults: FAULTS, currency: 'EUR' }));
  const world = createWorld({ seed: 'bench', start: '2026-03-02', livesPerDay, accounts });
  const clock = { now: () => world.lookedAt };
  const log = createLog('warn');
  const pools = createPools(stand.databaseUrl, { log, role: stand.role, workers: 2 });
  const ledger = createLedger({ clock });
  try {
    const endpoints = await addEndpoints(stand.sql, world);
    const announced = await timed(() => announce(world, endpoints, pools.worker, ledger));
    tell(`world: ${announced.value.toLocaleString('en')} events told in ${announced.seconds.toFixed(0)} s`);
    const importer = createImporter({ pool: pools.worker, clock, log });
    const imported = await timed(async () => {
      let lines = 0;
      for (const one of world.accounts) lines += await importReports(one, endpoints, importer);
      return lines;
    });
    await importer.close();
    tell(`world: ${imported.value.toLocaleString('en')} lines imported in ${imported.seconds.toFixed(0)} s`);
    const banks = createBankImporter({ pool: pools.worker, formats: bankFormats, clock });
    for (const one of world.accounts)
      for (const { name, text } of statementFiles(one))
        await banks.receive(
          { format: null, fileName: name, mapping: null, zone: one.account.dialect.zone, actor: 'bench' },
          bytesOf([text]),
        );
    const metrics = createMetrics({ process: false });
    const reconciler = createReconciler({
      pool: pools.worker,
      ledger,
      endpoints: { all: () => endpoints },
      clock,
      log,
      metrics,
    });
    const reconciled = await timed(() => reconciler.catchUp());
    const { rows } = await stand.sql.query<Found>(
      `select class, provider, account, reference, component, currency, delta::text as delta from postern.discrepancies
       where status not in ('auto_cleared', 'resolved', 'written_off')`,
    );
    const score = scoreOf(world, rows);
    tell(`world: reconciled in ${reconciled.seconds.toFixed(0)} s\n${confusionMatrix(score)}`);
    if (score.missed.length + score.surplus.length > 0) throw new Error('the engine does not find what the world has');
    return {
      world_announced_per_s: announced.value / announced.seconds,
      world_imported_per_s: imported.value / imported.seconds,
      world_reconciled_s: reconciled.seconds,
      world_found: rows.length,
    };
  } finally {
    await pools.end();
  }
}

async function addEndpoints(sql: pg.Pool, world: World): Promise<Endpoint[]> {
  const made: Endpoint[] = [];
  for (const { account } of world.accounts) {
    const provider = providers.get(account.dialect.simulator.provider);
    if (provider === undefined) throw new Error(`no provider of ${account.name}`);
    const { settings } = worldTarget(account).target;
    const { rows } = await sql.query<{ id: number }>(
      'insert into postern.endpoints (provider, name, account, settings) values ($1, $2, $2, $3) returning id',
      [provider.name, account.name, JSON.stringify(settings)],
    );
    const { name } = account;
    made.push({ id: rows[0]?.id ?? 0, provider, name, account: name, settings, disabled: false, secrets: [] });
  }
  return made;
}

/** Past intake and queue: what the other sections measure. */
async function announce(
  world: World,
  endpoints: readonly Endpoint[],
  pool: pg.Pool,
  ledger: ReturnType<typeof createLedger>,
): Promise<number> {
  let told = 0;
  let requests: PostRequest[] = [];
  const flush = async (): Promise<void> => {
    const batch = requests;
    requests = [];
    if (batch.length > 0) await withTransaction(pool, (tx) => ledger.post(tx, batch));
  };
  for (const one of world.accounts) {
    const endpoint = endpointOf(endpoints, one);
    for (const event of one.events()) {
      told += 1;
      requests.push(...meanings(endpoint, sentBody(one.account, event), event.at));
      if (requests.length >= POSTED_AT_ONCE) await flush();
    }
  }
  await flush();
  return told;
}

function meanings({ provider, account, settings }: Endpoint, text: string, at: number): PostRequest[] {
  const body = Buffer.from(text);
  const identified = provider.identify({ method: 'POST', url: 'http://localhost/', headers: [], body }, settings);
  if (identified.kind !== 'events') return [];
  return identified.events.flatMap(({ item, id, type }): PostRequest[] => {
    const event = { item, id, type, account, headers: [], body, receivedAt: at, level: 'body', fetched: null } as const;
    const meaning = provider.normalise(event, settings);
    if (meaning.kind !== 'effects') return [];
    const zone = settings.time_zone ?? null;
    return [
      {
        source: fromEvent(uuidv7(at)),
        provider: provider.name,
        account,
        marketplace: null,
        zone,
        events: meaning.effects,
      },
    ];
  });
}

async function importReports(
  world: AccountWorld,
  endpoints: readonly Endpoint[],
  importer: ReturnType<typeof createImporter>,
): Promise<number> {
  let lines = 0;
  const { id, name, account, settings, provider } = endpointOf(endpoints, world);
  for (const file of reportFiles(world)) {
    const received = await importer.receive(
      {
        endpoint: { id, name, account, settings, provider },
        format: null,
        fileName: file.name,
        acceptDifference: file.acceptDifference,
        actor: 'bench',
        bytesMax: BYTES_MAX,
      },
      bytesOf(file.text()),
    );
    if (received.kind !== 'proven') continue;
    lines += received.examined.lines;
    await received.finish();
  }
  return lines;
}

function endpointOf(endpoints: readonly Endpoint[], { account }: AccountWorld): Endpoint {
  const found = endpoints.find((one) => one.account === account.name);
  if (found === undefined) throw new Error(`no endpoint of ${account.name}`);
  return found;
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly seconds: number }> {
  const start = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - start) / 1000 };
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
