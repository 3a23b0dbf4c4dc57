import { int4Array, textArray } from '../../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';
import type { ItemKey } from './items.ts';

type Named = { readonly accountId: number; readonly reference: string };

export type Words = Named & { readonly words: readonly string[] };

const TRANSIT = "'asset:bank_in_transit:'";
const namedArrays = (named: readonly Named[]): Buffer[] => [
  int4Array(named.map((one) => one.accountId)),
  textArray(named.map((one) => one.reference)),
];

/** What reports say that the bank's text will call these payouts: a line that takes one back stands in a later payout, under its name. */
export async function payoutWords(sql: Sql, named: readonly Named[]): Promise<Words[]> {
  if (named.length === 0) return [];
  const { rows } = await sql.query<{ account_id: number; reference: string; words: string[] }>(
    `select n.account_id, n.reference, array_agg(distinct w.word) as words
     from unnest($1::int4[], $2::text[]) as n (account_id, reference)
     join postern.accounts a on a.id = n.account_id
     join postern.settlement_lines l on l.reference = n.reference and l.kind in ('payout', 'topup') and l.removed_by is null
     cross join lateral unnest(array[l.key_bank, l.key_source, l.key_payment]) as w (word)
     where w.word <> '' and a.path = ${TRANSIT} || postern.path_part(l.provider) || ':' || postern.path_part(l.account)
     group by 1, 2`,
    namedArrays(named),
  );
  return rows.map((row) => ({ accountId: row.account_id, reference: row.reference, words: row.words }));
}

const WORDS_A_LINE = 50;

/** All that the bank's lines posted under these references say. */
export async function bankWords(sql: Sql, named: readonly Named[]): Promise<Words[]> {
  if (named.length === 0) return [];
  const { rows } = await sql.query<{ account_id: number; reference: string; words: string[] }>(
    `select n.account_id, n.reference, array_agg(w.word) as words
     from (select distinct u.account_id, u.reference from unnest($1::int4[], $2::text[]) as u (account_id, reference)) as n
     join postern.postings p on p.reference = n.reference and p.account_id = n.account_id
     join postern.transactions t on t.id = p.transaction_id and t.kind = 'bank.line'
     join postern.bank_lines b on b.id = t.source_line
     cross join lateral (select w.word from unnest(b.refs || b.text) as w (word) limit ${WORDS_A_LINE}) as w
     group by 1, 2`,
    namedArrays(named),
  );
  return rows.map((row) => ({ accountId: row.account_id, reference: row.reference, words: row.words }));
}

/** Payouts of an account of `bank_in_transit` that came back, the latest of them. */
export async function failedPayouts(sql: Sql, accountId: number): Promise<ItemKey[]> {
  const { rows } = await sql.query<{ reference: string; component: string | null; currency: string }>(
    `select p.reference, p.component, p.currency from postern.postings p join postern.transactions t on t.id = p.transaction_id
     where p.account_id = $1 and t.kind in ('payout.failed', 'payout.cancelled', 'payout.returned') and p.reference is not null
       and not exists (select from postern.transactions r where r.reverses = t.id)
     group by 1, 2, 3 order by max(t.effective_at) desc limit ${FAILED_MAX}`,
    [accountId],
  );
  return rows.map(({ component, ...row }) => ({ accountId, ...row, component: component ?? '' }));
}

const FAILED_MAX = 1_000;

/** A booked entry of which nobody knew whose it is. */
export type UnpostedLine = {
  readonly id: string;
  readonly bankAccount: string;
  readonly identity: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly bookedAt: number;
  readonly zone: string;
  readonly words: readonly string[];
};

/**
 * Entries of one bank account, in any of its spellings, that were not posted, booked since a time (unix ms): a page of them after
 * the last of the one before.
 */
export async function unpostedLines(
  sql: Sql,
  {
    bankAccount,
    since,
    after,
    limit,
  }: {
    bankAccount: readonly string[];
    since: number;
    after: Pick<UnpostedLine, 'bookedAt' | 'id'> | null;
    limit: number;
  },
): Promise<UnpostedLine[]> {
  const { rows } = await sql.query<{
    id: string;
    bank_account: string;
    identity: string;
    amount: bigint;
    currency: string;
    booked_at: Date;
    zone: string;
    words: string[];
  }>(
    `select b.id, b.bank_account, b.identity, b.amount, b.currency, b.booked_at, b.zone, b.refs || b.text as words
     from postern.bank_lines b
     where b.provider is null and b.bank_account = any($1) and b.booked_at >= $2 and (b.booked_at > $2 or b.id > $3::uuid)
     order by b.booked_at, b.id limit $4`,
    [bankAccount, new Date(after?.bookedAt ?? since), after?.id ?? NO_ID, limit],
  );
  return rows.map(({ booked_at, bank_account, ...row }) => ({
    ...row,
    bankAccount: bank_account,
    bookedAt: booked_at.getTime(),
  }));
}

const NO_ID = '00000000-0000-0000-0000-000000000000';

export async function noteWhose(
  tx: Tx,
  line: { readonly id: string; readonly provider: string; readonly account: string; readonly reference: string },
): Promise<void> {
  await tx.query('update postern.bank_lines set provider = $2, account = $3, reference = $4 where id = $1', [
    line.id,
    line.provider,
    line.account,
    line.reference,
  ]);
}
