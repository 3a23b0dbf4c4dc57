import type { Tx } from '../../postgres/sql.ts';

/**
 * Plans what `work` sends as hash joins. What an expression over a million lines lets through is taken for a few thousand,
 * and a loop over open items for each of them runs for minutes. Only while it is planned: a statement over the log's end wants one.
 */
export async function hashJoined<T>(tx: Tx, work: () => Promise<T>): Promise<T> {
  await tx.query('set local enable_nestloop = off');
  // Over the account alone, with every reference tried against every other.
  await tx.query('set local enable_mergejoin = off');
  const result = await work();
  await tx.query('set local enable_mergejoin = on');
  await tx.query('set local enable_nestloop = on');
  return result;
}
