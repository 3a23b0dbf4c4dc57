import { int4Array, textArray } from '../../postgres/binary-arrays.ts';
import type { Sql } from '../../postgres/sql.ts';

/** A line of a report as a correction is made of it. */
export type SettledLine = {
  readonly accountId: number;
  readonly provider: string;
  readonly kind: string;
  /** The processor's own for it. */
  readonly word: string | null;
  readonly identity: string;
  readonly reference: string;
  readonly component: string | null;
  readonly gross: bigint;
  readonly currency: string;
  readonly payer: { readonly amount: bigint; readonly currency: string } | null;
  /** Unix ms. */
  readonly at: number;
  readonly source: string | null;
  readonly payment: string | null;
};

const LINES_A_REFERENCE = 20;

/** The lines that settle these, the oldest first. */
export async function settledLines(
  sql: Sql,
  named: readonly { readonly accountId: number; readonly reference: string }[],
): Promise<SettledLine[]> {
  if (named.length === 0) return [];
  const { rows } = await sql.query<{
    account_id: number;
    provider: string;
    kind: string;
    word: string | null;
    identity: string;
    reference: string;
    component: string | null;
    gross: bigint;
    currency: string;
    other_amount: bigint | null;
    other_currency: string | null;
    at: number;
    key_source: string | null;
    key_payment: string | null;
  }>(
    `select n.account_id, l.* from (
       select distinct u.account_id, u.reference from unnest($1::int4[], $2::text[]) as u (account_id, reference)
     ) as n
     join postern.accounts a on a.id = n.account_id
     cross join lateral (
       select l.provider, l.kind, l.word, l.identity, l.reference, l.component, l.gross, l.currency, l.other_amount, l.other_currency,
         (extract(epoch from coalesce(l.occurred_at, l.booked_at)) * 1000)::float8 as at, l.key_source, l.key_payment
       from postern.settlement_lines l
       where l.reference = n.reference and l.moves_money and l.removed_by is null
         and a.path = 'asset:processor_pending:' || postern.path_part(l.provider) || ':' || postern.path_part(l.account)
       order by l.booked_at, l.id limit ${LINES_A_REFERENCE}
     ) as l`,
    [int4Array(named.map((one) => one.accountId)), textArray(named.map((one) => one.reference))],
  );
  return rows.map((row) => ({
    accountId: row.account_id,
    provider: row.provider,
    kind: row.kind,
    word: row.word,
    identity: row.identity,
    reference: row.reference,
    component: row.component,
    gross: row.gross,
    currency: row.currency,
    payer:
      row.other_amount === null || row.other_currency === null
        ? null
        : { amount: row.other_amount, currency: row.other_currency },
    at: row.at,
    source: row.key_source,
    payment: row.key_payment,
  }));
}
