import { join } from 'node:path';
import { balancesOf } from '../src/ledger/balance-store.ts';
import { sealLag } from '../src/ledger/log-store.ts';
import { createLedger, type PostRequest } from '../src/ledger/post.ts';
import { createSealer } from '../src/ledger/sealer.ts';
import { fromEvent } from '../src/ledger/source.ts';
import { verifyLedger } from '../src/ledger/verify/verify.ts';
import { createLog } from '../src/log.ts';
import { createMetrics } from '../src/metrics.ts';
import { createPools, type Pools } from '../src/postgres/pools.ts';
import { sqlOf, withTransaction } from '../src/postgres/sql.ts';
import { uuidv7 } from '../src/uuid.ts';
import { fillBooks } from './fill.ts';
import { median } from './ratios.ts';
import type { Effort, Figures } from './sections.ts';
import type { Stand } from './stand.ts';

const BATCH = 200;
const ROUNDS_MAX = 1_000_000;
/** As many as a gateway has by default, and one more: what is built for one batch is built while Postgres works another. */
const POSTING_SIDE_BY_SIDE = 2;
const DAYS = 100;
/** Each of them has a fifth of 10 M postings' open items: a million. */
const MERCHANTS = 5;
const SEAL_WAIT_S = 120;
const BALANCES_ASKED = 21;
const DAY_MS = 86_400_000;

type Tell = (line: string) => void;

/** The ledger by itself on books with a past: verified, asked for balances, and posted to beside the sealer. */
export async function books(stand: Stand, effort: Effort, tell: Tell): Promise<Figures> {
  const plan = { postings: effort.books.postings, days: DAYS, merchants: MERCHANTS };
  const filled = await fillBooks(stand, plan, tell);
  const pools = createPools(stand.databaseUrl, {
    log: createLog('warn'),
    role: stand.role,
    workers: POSTING_SIDE_BY_SIDE,
  });
  try {
    return {
      books_postings: await countPostings(stand),
      seal_us: (filled.sealS * 1e6) / filled.transactions,
      ...(await verifying(pools, tell)),
      ...(await asking(pools, tell)),
      ...(await postingBesideSealer(stand, pools, effort, tell)),
    };
  } finally {
    await pools.end();
  }
}

/** What was filled has its events; what is posted afterwards has none, and would be found wrong. */
async function verifying(pools: Pools, tell: Tell): Promise<Figures> {
  const before = process.memoryUsage().rss;
  let highest = before;
  const look = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage().rss);
  }, 100);
  try {
    const report = await verifyLedger({ pool: pools.api });
    const wrong = report.checks.find(({ fault }) => fault !== null);
    if (wrong?.fault) throw new Error(`${wrong.name}: ${wrong.fault.row}: ${wrong.fault.found}`);
    tell(`verify: ${report.postings.toLocaleString('en')} postings in ${report.seconds.toFixed(1)} s`);
    return { verify_per_s: report.postings / report.seconds, verify_rss_mb: (highest - before) / 2 ** 20 };
  } finally {
    clearInterval(look);
  }
}

async function asking(pools: Pools, tell: Tell): Promise<Figures> {
  const sql = sqlOf(pools.api);
  const { rows } = await sql.query<{ id: number; count: number }>(
    `select a.id, (select count(*)::int4 from postern.postings p where p.account_id = a.id) as count
     from postern.accounts a where a.path = 'asset:processor_pending:stripe:fill-0'`,
  );
  const { id = 0, count = 0 } = rows[0] ?? {};
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const took = async (at: (n: number) => Date | null): Promise<number> => {
    const times: number[] = [];
    for (let n = 0; n < BALANCES_ASKED; n += 1) {
      const start = performance.now();
      const found = await balancesOf(sql, id, { at: at(n), knownAt: null });
      times.push(performance.now() - start);
      if (found.length !== 1) throw new Error('an account that was filled has no balance');
    }
    return median(times);
  };
  const day = (n: number): number => midnight - (2 + n * 4) * DAY_MS;
  const figures = {
    balance_account: count,
    balance_ms: await took(() => null),
    balance_day_ms: await took((n) => new Date(day(n) - 1)),
    balance_at_ms: await took((n) => new Date(day(n) + DAY_MS / 2)),
  };
  tell(
    `balance of ${count.toLocaleString('en')} postings: now ${figures.balance_ms.toFixed(2)} ms, at a day's end ${figures.balance_day_ms.toFixed(2)} ms, in a day's middle ${figures.balance_at_ms.toFixed(2)} ms`,
  );
  return figures;
}

async function postingBesideSealer(stand: Stand, pools: Pools, effort: Effort, tell: Tell): Promise<Figures> {
  const sql = sqlOf(pools.api);
  const ledger = createLedger({ clock: { now: () => Date.now() } });
  const sealer = createSealer({
    pool: pools.worker,
    keyring: stand.keyring,
    folder: join(stand.folder, 'bench-heads'),
    clock: { now: () => Date.now() },
    log: createLog('warn'),
    metrics: createMetrics({ process: false }),
  });
  let payments = 0;

  async function postFor(seconds: number): Promise<number> {
    const before = await countPostings(stand);
    const start = performance.now();
    const post = async (): Promise<void> => {
      for (let round = 0; round < ROUNDS_MAX && performance.now() - start < seconds * 1000; round += 1) {
        const requests = Array.from({ length: BATCH }, () => {
          payments += 1;
          return paymentOf(payments);
        });
        await withTransaction(pools.worker, (tx) => ledger.post(tx, requests));
      }
    };
    await Promise.all(Array.from({ length: POSTING_SIDE_BY_SIDE }, post));
    const took = (performance.now() - start) / 1000;
    return ((await countPostings(stand)) - before) / took;
  }

  sealer.start();
  try {
    await postFor(effort.warmUpS);
    const rate = await postFor(effort.books.seconds);
    const lag = await sealLag(sql, 1_000_000);
    const end = performance.now();
    while ((await sealLag(sql, 1)).entries > 0) {
      if (performance.now() - end > SEAL_WAIT_S * 1000) throw new Error('the sealer did not come to the end');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const after = (performance.now() - end) / 1000;
    tell(
      `ledger: ${rate.toFixed(0)} postings/s for ${effort.books.seconds} s; ${lag.entries} entries were not sealed then, the oldest for ${lag.seconds.toFixed(2)} s; all were ${after.toFixed(1)} s later`,
    );
    return { postings_per_s: rate, seal_lag_s: lag.seconds };
  } finally {
    await sealer.stop();
  }
}

const RUN = Date.now().toString(36);

function paymentOf(number: number): PostRequest {
  const now = Date.now();
  const payment = `ch_${RUN}${number}`;
  const money = { amount: BigInt(1000 + (number % 5000)), currency: 'EUR' };
  return {
    source: fromEvent(uuidv7(now)),
    provider: 'stripe',
    account: 'bench-ledger',
    marketplace: null,
    events: [
      { type: 'payment.captured', key: `${payment}:captured`, at: now, payment, ...money },
      {
        type: 'payment.fee_known',
        key: `${payment}:fee`,
        at: now,
        reference: payment,
        of: 'payment',
        amount: 29n,
        currency: 'EUR',
      },
    ],
  };
}

async function countPostings(stand: Stand): Promise<number> {
  const { rows } = await stand.sql.query<{ count: number }>('select count(*)::int as count from postern.postings');
  return rows[0]?.count ?? 0;
}
