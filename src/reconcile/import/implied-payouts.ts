import { WITHDRAWN } from '../../ledger/entry.ts';
import { lockReferences } from '../../ledger/ledger-store.ts';
import type { Ledger } from '../../ledger/post.ts';
import { draftsOf } from '../../ledger/rules.ts';
import type { Tx } from '../../postgres/sql.ts';
import { reverseAll, type Why } from './correct.ts';
import { postTold, type ReportBooks } from './post-lines.ts';
import { impliedOf, linesOfPayouts } from './promote-store.ts';
import { lineOf } from './staged-row.ts';

/** Before anything is posted: an event of one of these payouts may be telling it at this moment. */
export async function holdPayouts(tx: Tx, books: ReportBooks, payouts: readonly string[]): Promise<void> {
  if (payouts.length > 0)
    await lockReferences(
      tx,
      payouts.map((payout) => keyOf(books, payout)),
    );
}

/**
 * Takes back what lines alone told of these payouts and no line tells any more; an event's word stays. To be called when the
 * lines of an amended report are kept, and before they are posted.
 */
export async function correctPayouts(
  tx: Tx,
  payouts: readonly string[],
  { ledger, books, ...why }: { readonly ledger: Ledger; readonly books: ReportBooks } & Why,
): Promise<void> {
  if (payouts.length === 0) return;
  const implied = await impliedOf(
    tx,
    payouts.map((payout) => ({ payout, key: keyOf(books, payout) })),
  );
  if (implied.length === 0) return;
  const rows = await linesOfPayouts(tx, books, [...new Set(implied.map(({ payout }) => payout))]);
  const tellers = Map.groupBy(rows, ({ reference }) => reference ?? '');
  const isTold = ({ payout, kind, content }: (typeof implied)[number]): boolean =>
    (tellers.get(payout) ?? []).some((row) =>
      // How a payout came back is made of what it was: its own amount says nothing.
      kind === 'payout.failed'
        ? row.kind === 'payout_reversal'
        : draftsOf(lineOf(row, null), books).some((draft) => draft.kind === kind && draft.content.equals(content)),
    );
  const gone = new Set(implied.filter((one) => one.kind === 'payout.created' && !isTold(one)).map((one) => one.payout));
  // What came back goes with what was paid out: those that still tell it tell both again.
  const back = implied.filter((one) => gone.has(one.payout) || !isTold(one));
  await reverseAll(tx, back, why, WITHDRAWN);
  const again = rows.filter((row) => gone.has(row.reference ?? '') && row.settlement_id !== why.settlement);
  await postTold(
    tx,
    { ledger, books },
    again.map((row) => ({ line: row.id, told: lineOf(row, null) })),
  );
}

const keyOf = ({ provider, account }: ReportBooks, payout: string): string => `${provider}:${account}:${payout}:`;
