import { int4Array, int8Array, textArray, timestamptzArray, uuidTextArray } from '../../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';
import type { ItemKey } from './items.ts';
import type { Wish } from './match-pending.ts';
import { keyArrays } from './residue-store.ts';

/** An allocation that was posted. */
export type Match = Wish & {
  readonly id: string;
  readonly actor: string;
  readonly transactionId: string;
};

type MatchRow = {
  id: string;
  account_id: number;
  currency: string;
  debit_reference: string;
  debit_component: string;
  credit_reference: string;
  credit_component: string;
  amount: bigint;
  pass: string;
  score: number;
  actor: string;
  transaction_id: string;
};

const COLUMNS =
  'm.id, m.account_id, m.currency, m.debit_reference, m.debit_component, m.credit_reference, m.credit_component, m.amount, m.pass, m.score, m.actor, m.transaction_id';

function matchOf(row: MatchRow): Match {
  const part = (reference: string, component: string): ItemKey => ({
    accountId: row.account_id,
    currency: row.currency,
    reference,
    component,
  });
  return {
    id: row.id,
    accountId: row.account_id,
    currency: row.currency,
    debit: part(row.debit_reference, row.debit_component),
    credit: part(row.credit_reference, row.credit_component),
    amount: row.amount,
    pass: row.pass,
    score: row.score,
    actor: row.actor,
    transactionId: row.transaction_id,
  };
}

/** What passes allocated to or from these items and was not undone, by whoever. */
export async function matchesOf(sql: Sql, items: readonly ItemKey[]): Promise<Match[]> {
  if (items.length === 0) return [];
  const { rows } = await sql.query<MatchRow>(
    `select distinct on (m.id) ${COLUMNS}
     from unnest($1::int4[], $2::text[], $3::text[], $4::text[]) as i (account_id, reference, component, currency)
     cross join lateral (
       select m.* from postern.matches m where m.account_id = i.account_id and m.debit_reference = i.reference and m.debit_component = i.component
       union all
       select m.* from postern.matches m where m.account_id = i.account_id and m.credit_reference = i.reference and m.credit_component = i.component
     ) as m
     where m.currency = i.currency and m.undone_at is null and m.actor = 'system'
     order by m.id`,
    keyArrays(items),
  );
  return rows.map(matchOf);
}

/** How often each of these was posted before, undone or not: the next one needs an id of its own. */
export async function timesMatched(sql: Sql, bases: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await sql.query<{ base: string; times: number }>(
    `select b.base, count(m.id)::int4 as times from unnest($1::text[]) as b (base)
     left join postern.matches m on m.id >= b.base || ':' and m.id < b.base || ';' group by 1`,
    [textArray(bases)],
  );
  return new Map(rows.map((row) => [row.base, row.times]));
}

export async function insertMatches(tx: Tx, matches: readonly Match[], now: Date): Promise<void> {
  if (matches.length === 0) return;
  await tx.query(
    `insert into postern.matches (id, account_id, currency, debit_reference, debit_component, credit_reference, credit_component, amount,
       pass, score, actor, transaction_id, made_at)
     select * from unnest($1::text[], $2::int4[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int8[], $9::text[],
       $10::text[]::real[], $11::text[], $12::uuid[], $13::timestamptz[])`,
    [
      textArray(matches.map((one) => one.id)),
      int4Array(matches.map((one) => one.accountId)),
      textArray(matches.map((one) => one.currency)),
      textArray(matches.map((one) => one.debit.reference)),
      textArray(matches.map((one) => one.debit.component)),
      textArray(matches.map((one) => one.credit.reference)),
      textArray(matches.map((one) => one.credit.component)),
      int8Array(matches.map((one) => one.amount)),
      textArray(matches.map((one) => one.pass)),
      textArray(matches.map((one) => String(one.score))),
      textArray(matches.map((one) => one.actor)),
      uuidTextArray(matches.map((one) => one.transactionId)),
      timestamptzArray(matches.map(() => now.getTime())),
    ],
  );
}

export async function noteUndone(tx: Tx, ids: readonly string[], now: Date): Promise<void> {
  await tx.query('update postern.matches set undone_at = $2 where id = any ($1::text[]) and undone_at is null', [
    textArray(ids),
    now,
  ]);
}

/** Somebody reversed the transaction of a match: it counts as undone. */
export async function noteReversed(tx: Tx, now: Date): Promise<void> {
  await tx.query(
    `update postern.matches m set undone_at = $1
     from (
       select m.id from pg_temp.touched_items t join postern.matches m on m.account_id = t.account_id and m.debit_reference = t.reference
       where m.undone_at is null
       union
       select m.id from pg_temp.touched_items t join postern.matches m on m.account_id = t.account_id and m.credit_reference = t.reference
       where m.undone_at is null
     ) as c
     where m.id = c.id and exists (select from postern.transactions u where u.reverses = m.transaction_id)`,
    [now],
  );
}

export type Suggestion = Omit<Match, 'transactionId' | 'actor'>;

export async function selectSuggestions(sql: Sql, items: readonly ItemKey[], limit: number): Promise<Suggestion[]> {
  const { rows } = await sql.query<MatchRow>(
    `select distinct s.id::text as id, s.account_id, s.currency, s.debit_reference, s.debit_component, s.credit_reference, s.credit_component,
       s.amount, s.pass, s.score, '' as actor, s.id::text as transaction_id
     from unnest($1::int4[], $2::text[], $3::text[], $4::text[]) as i (account_id, reference, component, currency)
     join postern.suggestions s on s.account_id = i.account_id and s.currency = i.currency
       and (s.debit_reference = i.reference and s.debit_component = i.component or s.credit_reference = i.reference and s.credit_component = i.component)
     order by s.score desc, id limit $5`,
    [...keyArrays(items), limit],
  );
  return rows.map(matchOf);
}

/** Those of these items that are not wished any more go; the others are written. */
export async function replaceSuggestions(
  tx: Tx,
  items: readonly ItemKey[],
  wishes: readonly (Wish & { readonly id: string })[],
  now: Date,
): Promise<void> {
  if (items.length > 0)
    await tx.query(
      `delete from postern.suggestions s using unnest($1::int4[], $2::text[], $3::text[], $4::text[]) as i (account_id, reference, component, currency)
       where s.account_id = i.account_id and s.currency = i.currency
         and (s.debit_reference = i.reference and s.debit_component = i.component or s.credit_reference = i.reference and s.credit_component = i.component)`,
      keyArrays(items),
    );
  if (wishes.length === 0) return;
  await tx.query(
    `insert into postern.suggestions (id, account_id, currency, pass, score, debit_reference, debit_component, credit_reference,
       credit_component, amount, why, made_at)
     select id, account_id, currency, pass, score, debit_reference, debit_component, credit_reference, credit_component, amount, '{}', $11
     from unnest($1::uuid[], $2::int4[], $3::text[], $4::text[], $5::text[]::real[], $6::text[], $7::text[], $8::text[], $9::text[], $10::int8[])
       as w (id, account_id, currency, pass, score, debit_reference, debit_component, credit_reference, credit_component, amount)
     on conflict do nothing`,
    [
      uuidTextArray(wishes.map((one) => one.id)),
      int4Array(wishes.map((one) => one.accountId)),
      textArray(wishes.map((one) => one.currency)),
      textArray(wishes.map((one) => one.pass)),
      textArray(wishes.map((one) => String(one.score))),
      textArray(wishes.map((one) => one.debit.reference)),
      textArray(wishes.map((one) => one.debit.component)),
      textArray(wishes.map((one) => one.credit.reference)),
      textArray(wishes.map((one) => one.credit.component)),
      int8Array(wishes.map((one) => one.amount)),
      now,
    ],
  );
}
