import { int4Array, textArray } from '../../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';
import type { ItemKey } from './items.ts';
import { keyArrays } from './residue-store.ts';

/** `payment`: the object that several items belong to. `merchant`: the merchant's own word for it: order, invoice. */
export type KeyKind = 'payment' | 'merchant';

/** What else names a thing, in one account. */
export type AccountKey = { readonly accountId: number; readonly kind: KeyKind; readonly key: string };

export const keyId = ({ accountId, kind, key }: AccountKey): string => JSON.stringify([accountId, kind, key]);

/** References of events that the merchant gave; of the others those that name no person or contract of many payments. */
export const MERCHANT_KINDS = ['order', 'invoice', 'reference'] as const;
const NOT_PAYMENT_KINDS = [...MERCHANT_KINDS, 'customer', 'subscription'] as const;

/** Those of the accounts in which reports have items that nothing netted: in the others there is nothing to match. */
export async function accountsWithKeys(sql: Sql, accountIds: readonly number[]): Promise<Set<number>> {
  const { rows } = await sql.query<{ account_id: number }>(
    `select a.account_id from unnest($1::int4[]) as a (account_id)
     where exists (select from postern.residue_keys k where k.account_id = a.account_id)`,
    [int4Array(accountIds)],
  );
  return new Set(rows.map((row) => row.account_id));
}

type Named = { readonly accountId: number; readonly reference: string };

/** The keys under which these stood until now; they stand there no more. */
export async function takeKeys(tx: Tx, named: readonly Named[]): Promise<AccountKey[]> {
  if (named.length === 0) return [];
  const { rows } = await tx.query<{ account_id: number; kind: KeyKind; key: string }>(
    `delete from postern.residue_keys k using (
       select distinct n.account_id, n.reference from unnest($1::int4[], $2::text[]) as n (account_id, reference)
     ) as n where k.account_id = n.account_id and k.reference = n.reference
     returning k.account_id, k.kind, k.key`,
    [int4Array(named.map((one) => one.accountId)), textArray(named.map((one) => one.reference))],
  );
  return rows.map((row) => ({ accountId: row.account_id, kind: row.kind, key: row.key }));
}

/** Notes what the lines of these items name beside their reference, and the reference itself. */
export async function noteKeys(tx: Tx, items: readonly ItemKey[]): Promise<void> {
  if (items.length === 0) return;
  await tx.query(
    `insert into postern.residue_keys (account_id, hash, kind, reference, component, currency, key)
     select distinct i.account_id, hashtextextended(k.key, 0), k.kind, i.reference, i.component, i.currency, k.key
     from unnest($1::int4[], $2::text[], $3::text[], $4::text[]) as i (account_id, reference, component, currency)
     cross join lateral (select a.path from postern.accounts a where a.id = i.account_id offset 0) as a
     cross join lateral (
       select 'payment' as kind, i.reference as key
       union
       select k.kind, k.key from postern.settlement_lines l
       cross join lateral (values ('payment', l.key_payment), ('payment', l.key_source), ('merchant', l.key_merchant)) as k (kind, key)
       where l.reference = i.reference and l.moves_money and l.removed_by is null and k.key <> ''
         and a.path = 'asset:processor_pending:' || postern.path_part(l.provider) || ':' || postern.path_part(l.account)
     ) as k
     on conflict do nothing`,
    keyArrays(items),
  );
}

/** Of what the events about these references name, that under which an item of a report waits. */
export async function keysWaitedFor(sql: Sql, named: readonly Named[]): Promise<AccountKey[]> {
  if (named.length === 0) return [];
  const { rows } = await sql.query<{ account_id: number; kind: KeyKind; key: string }>(
    `select distinct k.account_id, k.kind, k.key
     from unnest($1::int4[], $2::text[]) as n (account_id, reference)
     cross join lateral (
       select s.kind, s.value from postern.event_references r
       cross join lateral (select s.kind, s.value from postern.event_references s where s.event_id = r.event_id offset 0) as s
       where r.value = n.reference
       union all select 'payment', n.reference
     ) as s
     cross join lateral (
       select k.* from postern.residue_keys k
       where k.account_id = n.account_id and k.hash = hashtextextended(s.value, 0) and k.key = s.value
         and k.kind = case when s.kind = any ($3::text[]) then 'merchant' else 'payment' end offset 0
     ) as k`,
    [
      int4Array(named.map((one) => one.accountId)),
      textArray(named.map((one) => one.reference)),
      textArray(MERCHANT_KINDS),
    ],
  );
  return rows.map((row) => ({ accountId: row.account_id, kind: row.kind, key: row.key }));
}

export type KeyedItem = { readonly item: ItemKey; readonly key: AccountKey };

type KeyedRow = {
  account_id: number;
  reference: string;
  component: string;
  currency: string;
  kind: KeyKind;
  key: string;
};

const keyedOf = (row: KeyedRow): KeyedItem => ({
  item: {
    accountId: row.account_id,
    reference: row.reference,
    component: row.component,
    currency: row.currency,
  },
  key: { accountId: row.account_id, kind: row.kind, key: row.key },
});

const keyArraysOf = (keys: readonly AccountKey[]): Buffer[] => [
  int4Array(keys.map((key) => key.accountId)),
  textArray(keys.map((key) => key.kind)),
  textArray(keys.map((key) => key.key)),
];

/** The items of reports that wait under these keys, each with all keys it waits under. */
export async function itemsOfReports(sql: Sql, keys: readonly AccountKey[]): Promise<KeyedItem[]> {
  if (keys.length === 0) return [];
  const { rows } = await sql.query<KeyedRow>(
    `select a.account_id, a.reference, a.component, a.currency, a.kind, a.key
     from (
       select distinct k.account_id, k.reference, k.component, k.currency
       from unnest($1::int4[], $2::text[], $3::text[]) as u (account_id, kind, key)
       cross join lateral (
         select k.* from postern.residue_keys k
         where k.account_id = u.account_id and k.hash = hashtextextended(u.key, 0) and k.kind = u.kind and k.key = u.key offset 0
       ) as k
     ) as i
     cross join lateral (
       select a.* from postern.residue_keys a
       where a.reference = i.reference and a.account_id = i.account_id and a.component = i.component and a.currency = i.currency offset 0
     ) as a`,
    keyArraysOf(keys),
  );
  return rows.map(keyedOf);
}

/** The items that events with these references are about: announced, and open or allocated by a pass. */
export async function itemsAnnounced(sql: Sql, keys: readonly AccountKey[]): Promise<KeyedItem[]> {
  if (keys.length === 0) return [];
  const { rows } = await sql.query<KeyedRow>(
    `select distinct r.account_id, r.reference, r.component, r.currency, u.kind, u.key
     from unnest($1::int4[], $2::text[], $3::text[]) as u (account_id, kind, key)
     join postern.accounts a on a.id = u.account_id
     cross join lateral (
       select s.value from postern.event_references k
       cross join lateral (select e.endpoint_id, e.account from postern.events e where e.id = k.event_id offset 0) as e
       cross join lateral (select p.provider from postern.endpoints p where p.id = e.endpoint_id offset 0) as p
       cross join lateral (select s.value from postern.event_references s where s.event_id = k.event_id offset 0) as s
       where k.value = u.key and (k.kind = any ($4::text[])) = (u.kind = 'merchant')
         and not (u.kind = 'payment' and k.kind = any ($5::text[]))
         and a.path = 'asset:processor_pending:' || postern.path_part(p.provider) || ':' || postern.path_part(e.account)
       union select u.key where u.kind = 'payment'
     ) as s
     cross join lateral (
       select r.* from postern.residue r where r.account_id = u.account_id and r.reference = s.value offset 0
     ) as r`,
    [...keyArraysOf(keys), textArray(MERCHANT_KINDS), textArray(NOT_PAYMENT_KINDS)],
  );
  return rows.map(keyedOf);
}
