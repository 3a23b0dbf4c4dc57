import { PosternError } from '../../errors.ts';
import type { Ledger, PostRequest, PostResult } from '../../ledger/post.ts';
import { fromLine } from '../../ledger/source.ts';
import type { Told } from '../../ledger/told.ts';
import type { Tx } from '../../postgres/sql.ts';
import { newLines } from './promote-store.ts';
import { lineOf } from './staged-row.ts';
import type { Staging } from './staging-store.ts';

/** Whose books a report is about. */
export type ReportBooks = {
  readonly provider: string;
  readonly account: string;
  readonly marketplace: string | null;
  readonly zone: string | null;
};

const LINES_A_TURN = 1_000;

/** Posts the new lines of the staging, a group at a time. */
export async function postLines(
  tx: Tx,
  staging: Staging,
  { ledger, books, liveFrom }: { readonly ledger: Ledger; readonly books: ReportBooks; readonly liveFrom: number | null },
): Promise<void> {
  let after: string | null = null;
  for (;;) {
    const rows = await newLines(tx, staging, { after, limit: LINES_A_TURN });
    await postTold(
      tx,
      { ledger, books },
      rows.map((row) => ({ line: row.id, told: lineOf(row, liveFrom) })),
    );
    after = rows.at(-1)?.id ?? null;
    if (rows.length < LINES_A_TURN) return;
  }
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
  const clash = results.find((result): result is Extract<PostResult, { kind: 'conflict' }> => result.kind === 'conflict');
  if (clash !== undefined)
    throw new PosternError(
      'conflict',
      `something else is posted under ${clash.effectKey}: the report contradicts the books, and nothing of it was posted`,
    );
}
