import type { Clock } from '../../clock.ts';
import { PosternError } from '../../errors.ts';
import type { Ledger, PostRequest, PostResult } from '../../ledger/post.ts';
import { postManyLines, type ToldLine } from '../../ledger/post-many.ts';
import { fromLine } from '../../ledger/source.ts';
import type { Told } from '../../ledger/told.ts';
import type { Tx } from '../../postgres/sql.ts';
import { openNewLines } from './promote-store.ts';
import { type LineRow, lineOf } from './staged-row.ts';
import type { Staging } from './staging-store.ts';

/** Whose books a report is about. */
export type ReportBooks = {
  readonly provider: string;
  readonly account: string;
  readonly marketplace: string | null;
  readonly zone: string | null;
};

type Posting = {
  readonly ledger: Ledger;
  readonly books: ReportBooks;
  readonly liveFrom: number | null;
  readonly clock: Clock;
  readonly amends: boolean;
  /** Resolves when the server has all that was asked of it. */
  readonly sent: () => Promise<void>;
};

const LINES_A_TURN = 1_000;
/** Few enough that what is made of them dies young. */
const MANY_A_TURN = 1_000;

/**
 * Posts the new lines of the staging. The caller holds the account's fees. `amends`: lines of the account were taken out, now or
 * ever, so that a payout may be told again.
 */
export async function postLines(
  tx: Tx,
  staging: Staging,
  { ledger, books, liveFrom, clock, amends, sent }: Posting,
): Promise<void> {
  const toldOf = (rows: readonly LineRow[]): ToldLine[] =>
    rows.map((row) => ({ line: row.id, told: lineOf(row, liveFrom) }));
  // Few, and first: they look at what stands about their payouts, and a line of the same file may tell that payout.
  const kinds = amends ? (['payout', 'topup', 'payout_reversal'] as const) : (['payout_reversal'] as const);
  const looking = await openNewLines(tx, staging, 'looking_lines', kinds);
  for (let rows = await looking(LINES_A_TURN); rows.length > 0; rows = await looking(LINES_A_TURN))
    await postTold(tx, { ledger, books }, toldOf(rows));

  const next = await openNewLines(tx, staging, 'lines', kinds);
  const many = postManyLines(tx, books, { clock });
  let rows = await next(MANY_A_TURN);
  let entries = many.prepare(toldOf(rows));
  while (rows.length > 0) {
    // Read before these are sent: the rules run on it while these are written.
    rows = await next(MANY_A_TURN);
    const recorded = many.record(entries);
    // It is waited for below; until then its error must not end the process.
    recorded.catch(() => undefined);
    // The rules hold this process, and a part of what is still to be sent would wait for them.
    await sent();
    const following = many.prepare(toldOf(rows));
    await recorded;
    entries = following;
  }
  await many.end();
}

/** @throws PosternError `conflict` where something else stands under the key of one of them: nothing of the import is posted then. */
export async function postTold(
  tx: Tx,
  { ledger, books }: { readonly ledger: Ledger; readonly books: ReportBooks },
  told: readonly { readonly line: string; readonly told: Told }[],
): Promise<void> {
  const requests = told.map(
    ({ line, told: one }): PostRequest => ({ ...books, source: fromLine(line), events: [one] }),
  );
  const results = await ledger.post(tx, requests);
  const clash = results.find(
    (result): result is Extract<PostResult, { kind: 'conflict' }> => result.kind === 'conflict',
  );
  if (clash !== undefined)
    throw new PosternError(
      'conflict',
      `something else is posted under ${clash.effectKey}: the report contradicts the books, and nothing of it was posted`,
    );
}
