import { PosternError } from '../../errors.ts';
import type { Ledger } from '../../ledger/post.ts';
import { draftsOf } from '../../ledger/rules.ts';
import { fromReport } from '../../ledger/source.ts';
import type { Tx } from '../../postgres/sql.ts';
import type { PeriodBalance } from '../../settlement-line.ts';
import { reverseAll, type Why } from './correct.ts';
import type { ReportBooks } from './post-lines.ts';
import { type StandingTransaction, standingUnder } from './promote-store.ts';

/**
 * Posts what a report says its period began and ended with. Where the period's report said it otherwise before, that is taken
 * back: the last one told stands. Returns whether any was.
 */
export async function postPeriods(
  tx: Tx,
  periods: readonly PeriodBalance[],
  { ledger, books, ...why }: { ledger: Pick<Ledger, 'post'>; books: ReportBooks } & Why,
): Promise<boolean> {
  const source = fromReport(why);
  const back: StandingTransaction[] = [];
  const told: PeriodBalance[] = [];
  for (const period of periods) {
    const [draft] = draftsOf(period, books);
    if (draft === undefined) continue;
    const key = `${books.provider}:${books.account}:${draft.key}`;
    const standing = await standingUnder(tx, key);
    const last = standing.at(-1);
    if (draft.legs.length === 0) {
      // Nothing is left: there is nothing to post, but what was there may stand.
      if (last?.reversed === false) back.push(last);
    } else if (last === undefined) told.push(period);
    else if (last.reversed || !last.content.equals(draft.content)) {
      if (!last.reversed) back.push(last);
      told.push({ ...period, version: standing.length + 1 });
    }
  }
  await reverseAll(tx, back, why);
  const results = await ledger.post(
    tx,
    told.map((one) => ({ ...books, source, events: [one] })),
  );
  if (results.some(({ kind }) => kind === 'conflict'))
    throw new PosternError('conflict', 'the balances of a period are posted otherwise already: import it again');
  return back.length > 0;
}
