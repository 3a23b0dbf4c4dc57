import { type AccountRef, chart } from '../src/ledger/chart.ts';
import { createLedger } from '../src/ledger/post.ts';
import { fromEvent } from '../src/ledger/source.ts';
import { createLog } from '../src/log.ts';
import { createMetrics } from '../src/metrics.ts';
import { createPools, type Pools } from '../src/postgres/pools.ts';
import { sqlOf, withTransaction } from '../src/postgres/sql.ts';
import { createTransfers } from '../src/transfers/transfers.ts';
import { uuidv7 } from '../src/uuid.ts';
import { medianRatio, type Pair } from './ratios.ts';
import type { Effort, Figures } from './sections.ts';
import type { Stand } from './stand.ts';

const FEW = 4;
const MANY = 32;
/** Small, as the batches of many gateways beside each other are. */
const PAYMENTS_A_BATCH = 10;
const TURNS_MAX = 1_000_000;
const DEADLINE_MS = 10_000;
const clock = { now: () => Date.now() };

type Tell = (line: string) => void;

/**
 * One account that everybody posts to, with few writers and with many: services' transfers through the gateway's own groups,
 * and batches of events, each in a transaction of its own, as many gateways would post them.
 */
export async function hot(stand: Stand, effort: Effort, tell: Tell): Promise<Figures> {
  const pools = createPools(stand.databaseUrl, { log: createLog('warn'), role: stand.role, workers: MANY });
  try {
    const services = await compared('transfers', effort, tell, (writers, seconds) =>
      transfersFor(pools, writers, seconds),
    );
    const events = await compared('batches', effort, tell, (writers, seconds) => batchesFor(pools, writers, seconds));
    return { hot_ratio: services, hot_batches_ratio: events };
  } finally {
    await pools.end();
  }
}

/** What many writers do beside what few do, measured in turn. */
async function compared(
  what: string,
  effort: Effort,
  tell: Tell,
  rate: (writers: number, seconds: number) => Promise<number>,
): Promise<number> {
  await rate(FEW, effort.warmUpS);
  const pairs: Pair[] = [];
  for (let n = 0; n < effort.pairs; n += 1) {
    const few = await rate(FEW, effort.seconds);
    const many = await rate(MANY, effort.seconds);
    pairs.push({ bare: few, value: many });
    tell(`a hot account, ${what}/s: ${few.toFixed(0)} by ${FEW} writers, ${many.toFixed(0)} by ${MANY}`);
  }
  return medianRatio(pairs);
}

async function transfersFor(pools: Pools, writers: number, seconds: number): Promise<number> {
  const transfers = createTransfers({
    pool: pools.requests,
    clock,
    log: createLog('warn'),
    metrics: createMetrics({ process: false }),
    deadlineMs: DEADLINE_MS,
  });
  const hotAccount: AccountRef = chart.client('hot');
  try {
    const before = await postings(pools, hotAccount.path);
    const took = await side(writers, seconds, async (writer) => {
      const wish = { kind: 'transfer', source: hotAccount, destination: chart.client(`cold-${writer}`) } as const;
      const idempotencyKey = uuidv7(clock.now());
      await transfers.submit({ idempotencyKey, actor: 'bench', wish: { ...wish, currency: 'EUR', amount: 1n } });
    });
    return ((await postings(pools, hotAccount.path)) - before) / took;
  } finally {
    await transfers.close();
  }
}

async function batchesFor(pools: Pools, writers: number, seconds: number): Promise<number> {
  const ledger = createLedger({ clock });
  const { path } = chart.processorPending({ provider: 'stripe', account: 'hot' });
  const before = await postings(pools, path);
  const took = await side(writers, seconds, async () => {
    const requests = Array.from({ length: PAYMENTS_A_BATCH }, () => {
      const at = clock.now();
      const id = uuidv7(at);
      const payment = `ch_${id}`;
      return {
        source: fromEvent(id),
        provider: 'stripe',
        account: 'hot',
        marketplace: null,
        events: [
          {
            type: 'payment.captured',
            key: `${payment}:captured`,
            at,
            payment,
            amount: 1_000n,
            currency: 'EUR',
          } as const,
        ],
      };
    });
    await withTransaction(pools.worker, (tx) => ledger.post(tx, requests));
  });
  return ((await postings(pools, path)) - before) / PAYMENTS_A_BATCH / took;
}

/** Everybody goes on until the time is over; how long that was, in seconds. */
async function side(writers: number, seconds: number, turn: (writer: number) => Promise<void>): Promise<number> {
  const start = performance.now();
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let n = 0; n < TURNS_MAX && performance.now() - start < seconds * 1000; n += 1) await turn(writer);
    }),
  );
  return (performance.now() - start) / 1000;
}

/** Counted where they are, not where they were asked for. */
async function postings(pools: Pools, path: string): Promise<number> {
  const { rows } = await sqlOf(pools.api).query<{ count: number }>(
    `select count(*)::int4 as count from postern.postings p
     where p.account_id = (select id from postern.accounts where path = $1)`,
    [path],
  );
  return rows[0]?.count ?? 0;
}
