import { createLedger, type PostRequest } from '../src/ledger/post.ts';
import { fromEvent } from '../src/ledger/source.ts';
import { createLog } from '../src/log.ts';
import { createPools } from '../src/postgres/pools.ts';
import { withTransaction } from '../src/postgres/sql.ts';
import { uuidv7 } from '../src/uuid.ts';
import { median } from './ratios.ts';
import type { Effort, Figures } from './sections.ts';
import type { Stand } from './stand.ts';

const BATCH = 200;
const ROUNDS_MAX = 100_000;

/** The ledger by itself, with every check of its tables on: batches of captured payments with their fees. */
export async function postingsAlone(stand: Stand, effort: Effort, tell: (line: string) => void): Promise<Figures> {
  const pools = createPools(stand.databaseUrl, { log: createLog('warn'), role: stand.role });
  const ledger = createLedger({ clock: { now: () => Date.now() } });
  let payments = 0;

  async function postFor(seconds: number): Promise<number> {
    const before = await countPostings(stand);
    const start = performance.now();
    for (let round = 0; round < ROUNDS_MAX && performance.now() - start < seconds * 1000; round += 1) {
      const requests = Array.from({ length: BATCH }, () => {
        payments += 1;
        return paymentOf(payments);
      });
      await withTransaction(pools.worker, (tx) => ledger.post(tx, requests));
    }
    const took = (performance.now() - start) / 1000;
    return ((await countPostings(stand)) - before) / took;
  }

  try {
    await postFor(effort.warmUpS);
    const rates: number[] = [];
    for (let i = 0; i < effort.pairs; i += 1) rates.push(await postFor(effort.seconds));
    tell(`ledger: ${rates.map((rate) => rate.toFixed(0)).join(', ')} postings/s`);
    return { postings_per_s: median(rates) };
  } finally {
    await pools.end();
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
