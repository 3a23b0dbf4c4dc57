import { PosternError } from '../errors.ts';
import { textArray } from '../postgres/binary-arrays.ts';
import type { Tx } from '../postgres/sql.ts';

/** A transaction that told or recognised a fee of a reference; `reversed`: it was taken back. */
export type FeeTransaction = {
  readonly reference: string;
  readonly id: string;
  readonly kind: string;
  readonly effectKey: string;
  readonly at: Date;
  readonly accountingDate: string;
  readonly reversed: boolean;
};

const FEES_A_REFERENCE_MAX = 1_000;

/**
 * The fees of these references of one account, of these kinds of transaction. A reference without an item of component `fee`
 * costs one look: that is every fee announced before its line, and every line before its fee.
 * @throws PosternError `rule_failed` where a reference has too many: an answer from a part of them would be wrong.
 */
export async function feesOf(
  tx: Tx,
  { pending, references, kinds }: { pending: string; references: readonly string[]; kinds: readonly string[] },
): Promise<FeeTransaction[]> {
  const result = await tx.query<{
    reference: string;
    id: string | null;
    kind: string;
    effect_key: string;
    effective_at: Date;
    accounting_date: string;
    reversed: boolean;
  }>(
    {
      name: 'ledger-fees-of',
      text: `select r.reference, t.id, t.kind, t.effect_key, t.effective_at, t.accounting_date::text,
          exists (select from postern.transactions u where u.reverses = t.id) as reversed
        from (select id from postern.accounts where path = $1) as a
        cross join unnest($2::text[]) as r (reference)
        cross join lateral (
          select from postern.open_items o where o.account_id = a.id and o.reference = r.reference and o.component = 'fee' limit 1
        ) as o
        cross join lateral (
          select p.transaction_id from postern.postings p
          where p.reference = r.reference and p.account_id = a.id and p.component = 'fee'
          limit ${FEES_A_REFERENCE_MAX}
        ) as p
        left join lateral (
          select t.* from postern.transactions t where t.id = p.transaction_id and t.kind = any ($3::text[]) limit 1
        ) as t on true`,
    },
    [pending, textArray(references), textArray(kinds)],
  );
  const counts = new Map<string, number>();
  return result.rows.flatMap(({ id, ...row }) => {
    const count = (counts.get(row.reference) ?? 0) + 1;
    counts.set(row.reference, count);
    if (count >= FEES_A_REFERENCE_MAX) {
      throw new PosternError(
        'rule_failed',
        `${row.reference} has ${count} postings of fees or more: it is for a person to look at`,
      );
    }
    if (id === null) return [];
    const { reference, kind, effect_key, effective_at, accounting_date, reversed } = row;
    return [
      { reference, id, kind, effectKey: effect_key, at: effective_at, accountingDate: accounting_date, reversed },
    ];
  });
}
