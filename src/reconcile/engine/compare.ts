import type pg from 'pg';
import { poolBeside } from '../../postgres/pools.ts';
import { type Tx, withTransaction } from '../../postgres/sql.ts';
import { appraise } from './judge.ts';
import { type ItemKey, itemId } from './items.ts';
import { readWhole, rebuildResidue, settledVerdicts, wrongAmounts } from './rebuild-store.ts';
import { holdEngine } from './residue-store.ts';
import type { TurnParts } from './turn.ts';

/** An item that is kept otherwise than its postings say. */
export type ItemDifference = { readonly item: ItemKey; readonly kept: string; readonly reckoned: string };

const DIFFERENCES_MAX = 1_000;
const ITEMS_A_PAGE = 10_000;
const PAGES_MAX = 10_000;

/**
 * Reckons every open item anew from the postings alone and compares it with what was kept as the books moved. Reads one state of
 * the database, and writes nothing.
 */
export function compareItems(pool: pg.Pool, parts: TurnParts): Promise<ItemDifference[]> {
  return alone(pool, async (tx) => {
    await tx.query('set transaction isolation level repeatable read, read only');
    await readWhole(tx);
    const found = (await wrongAmounts(tx, DIFFERENCES_MAX)).map(
      ({ kept, reckoned, ...item }): ItemDifference => ({
        item,
        kept: String(kept ?? 0n),
        reckoned: String(reckoned ?? 0n),
      }),
    );
    const now = parts.clock.now();
    let after: ItemKey | null = null;
    for (let page = 0; page < PAGES_MAX && found.length < DIFFERENCES_MAX; page += 1) {
      const kept = await settledVerdicts(tx, after, new Date(now), ITEMS_A_PAGE);
      await parts.accounts.load(
        tx,
        kept.map(({ accountId }) => accountId),
      );
      const { judged, found: named, gone } = await appraise(tx, kept, now, parts);
      const reckoned = new Map([...judged, ...named.map((one) => one.judged)].map((one) => [itemId(one), one]));
      const vanished = new Set(gone.map(itemId));
      for (const one of kept) {
        const now = reckoned.get(itemId(one));
        const is = vanished.has(itemId(one)) ? 'nothing' : (now?.class ?? now?.bucket ?? 'nothing');
        const was = one.class ?? one.bucket;
        if (is !== was) found.push({ item: one, kept: was, reckoned: is });
      }
      after = kept.at(-1) ?? null;
      if (kept.length < ITEMS_A_PAGE) break;
    }
    return found;
  });
}

/** Makes the residue anew from the postings alone; false while another instance is at it. The next turns judge all of it. */
export function rebuildItems(pool: pg.Pool, parts: Pick<TurnParts, 'clock'>): Promise<boolean> {
  return alone(pool, async (tx) => {
    if (!(await holdEngine(tx))) return false;
    await rebuildResidue(tx, new Date(parts.clock.now()));
    return true;
  });
}

/** On a connection of its own, without the pool's limits. */
async function alone<T>(pool: pg.Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  const beside = poolBeside(pool, 'postern reckoning');
  try {
    return await withTransaction(beside, work);
  } finally {
    await beside.end();
  }
}
