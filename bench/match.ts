import { createLedger } from '../src/ledger/post.ts';
import { createLog } from '../src/log.ts';
import { createMetrics } from '../src/metrics.ts';
import { createPools, type Pools } from '../src/postgres/pools.ts';
import { rebuildItems } from '../src/reconcile/engine/compare.ts';
import { createReconciler, turnParts } from '../src/reconcile/engine/reconciler.ts';
import { createItemFiller, KEYED, PENDING_PATH } from './fill-items.ts';
import type { Effort, Figures } from './sections.ts';
import type { Stand } from './stand.ts';

type Tell = (line: string) => void;

/** Ends in a figure of its own where the books are as large as the aim says. */
const WHOLE = 10_000_000;
const LINES = 50_000;

/**
 * Reconciling books with a past: a report of 50,000 lines against many items that wait, and all items made anew from the postings.
 * One in a hundred lines has to be found by its order, one in a hundred was never announced.
 */
export function matching(stand: Stand, { items }: Effort, tell: Tell): Promise<Figures> {
  return onItems(stand, items, tell, async (filler, pools) => {
    const incremental = await incrementalFigure(stand, pools, { filler, items, tell });
    await filler.settle(LINES, items);
    await filler.passOver();
    await filler.analyze();
    const took = await anew(stand, pools, items, tell);
    return { ...incremental, ...(items >= WHOLE ? { match_10m_s: took } : { match_of_fewer_s: took }) };
  });
}

/** The report alone: half the time to fill. */
export function incremental(stand: Stand, { items }: Effort, tell: Tell): Promise<Figures> {
  return onItems(stand, items, tell, (filler, pools) => incrementalFigure(stand, pools, { filler, items, tell }));
}

async function onItems(
  stand: Stand,
  items: number,
  tell: Tell,
  measure: (filler: Filler, pools: Pools) => Promise<Figures>,
): Promise<Figures> {
  const filler = await createItemFiller(stand, tell);
  const pools = createPools(stand.databaseUrl, { log: createLog('warn'), role: stand.role, workers: 2 });
  try {
    await filler.announce(0, items, true);
    await filler.passOver();
    await filler.analyze();
    return { match_items: items, ...(await measure(filler, pools)) };
  } finally {
    await filler.end();
    await pools.end();
  }
}

async function incrementalFigure(
  stand: Stand,
  pools: Pools,
  { filler, items, tell }: { readonly filler: Filler; readonly items: number; readonly tell: Tell },
): Promise<Figures> {
  const took = await incrementally(stand, pools, filler, tell);
  return items >= WHOLE ? { incremental_50k_s: took } : { incremental_50k_of_fewer_s: took };
}

function engineOn(pools: Pools) {
  const clock = { now: () => Date.UTC(2026, 2, 4) };
  const given = { ledger: createLedger({ clock }), clock, endpoints: { all: () => [] } };
  const log = createLog('warn');
  const metrics = createMetrics({ process: false });
  return { engine: createReconciler({ ...given, pool: pools.worker, log, metrics }), given };
}

type Filler = Awaited<ReturnType<typeof createItemFiller>>;

async function incrementally(stand: Stand, pools: Pools, filler: Filler, tell: Tell): Promise<number> {
  const { engine } = engineOn(pools);
  await engine.catchUp();
  await filler.settle(0, LINES);
  const start = performance.now();
  await engine.catchUp();
  const took = (performance.now() - start) / 1000;
  await engine.stop();
  await expectState(stand, LINES);
  tell(`a report of ${LINES.toLocaleString('en')} lines: reconciled in ${took.toFixed(2)} s`);
  return took;
}

async function anew(stand: Stand, pools: Pools, items: number, tell: Tell): Promise<number> {
  const { engine, given } = engineOn(pools);
  const start = performance.now();
  if (!(await rebuildItems(pools.worker, turnParts(given)))) throw new Error('another engine is at it');
  const rebuilt = (performance.now() - start) / 1000;
  await engine.catchUp();
  const took = (performance.now() - start) / 1000;
  await engine.stop();
  await expectState(stand, items);
  tell(
    `${items.toLocaleString('en')} items and as many lines: added up in ${rebuilt.toFixed(1)} s, matched and judged in ${took.toFixed(1)} s`,
  );
  return took;
}

/** Of so many settled items a hundredth is missing on both sides, and one hundredth was matched. */
async function expectState(stand: Stand, settled: number): Promise<void> {
  const { rows } = await stand.sql.query<{ matched: number; missing: number }>(
    `select count(*) filter (where bucket = 'matched')::int as matched, count(*) filter (where class = 'missing_in_ledger')::int as missing
     from postern.residue r join postern.accounts a on a.id = r.account_id and a.path = $1`,
    [PENDING_PATH],
  );
  const each = Math.floor(settled / KEYED);
  const { matched, missing } = rows[0] ?? { matched: 0, missing: 0 };
  if (matched !== each * 2 || missing !== each)
    throw new Error(
      `of ${settled} lines ${each} should be matched and missing each: ${matched / 2} and ${missing} are`,
    );
}
