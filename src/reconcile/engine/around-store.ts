import { int4Array, textArray } from '../../postgres/binary-arrays.ts';
import type { Sql } from '../../postgres/sql.ts';
import { UNPROVEN } from '../../settlement-line.ts';
import { MERCHANT_KINDS } from './keys-store.ts';

type Named = { readonly accountId: number; readonly reference: string };

const namedArrays = (named: readonly Named[]): Buffer[] => [
  int4Array(named.map((one) => one.accountId)),
  textArray(named.map((one) => one.reference)),
];

export const namedId = ({ accountId, reference }: Named): string => JSON.stringify([accountId, reference]);

/** Of these, those that a line of a report names, whatever of them is open. */
export async function withLines(sql: Sql, named: readonly Named[]): Promise<Set<string>> {
  if (named.length === 0) return new Set();
  const { rows } = await sql.query<{ account_id: number; reference: string }>(
    `select distinct n.account_id, n.reference from unnest($1::int4[], $2::text[]) as n (account_id, reference)
     where exists (
       select from postern.postings p join postern.transactions t on t.id = p.transaction_id
       where p.reference = n.reference and p.account_id = n.account_id and starts_with(t.kind, 'settlement.')
         and (select u.id from postern.transactions u where u.reverses = t.id) is null
     )`,
    namedArrays(named),
  );
  return new Set(rows.map((row) => namedId({ accountId: row.account_id, reference: row.reference })));
}

/** When the lines about these say that the movement happened (unix ms), the last of them. */
export async function occurrences(sql: Sql, named: readonly Named[]): Promise<Map<string, number>> {
  if (named.length === 0) return new Map();
  const { rows } = await sql.query<{ account_id: number; reference: string; at: number }>(
    `select n.account_id, n.reference, (extract(epoch from max(coalesce(l.occurred_at, l.booked_at))) * 1000)::float8 as at
     from unnest($1::int4[], $2::text[]) as n (account_id, reference)
     join postern.accounts a on a.id = n.account_id
     join postern.settlement_lines l on l.reference = n.reference
     where l.moves_money and l.removed_by is null
       and a.path = 'asset:processor_pending:' || postern.path_part(l.provider) || ':' || postern.path_part(l.account)
     group by 1, 2`,
    namedArrays(named),
  );
  return new Map(rows.map((row) => [namedId({ accountId: row.account_id, reference: row.reference }), Number(row.at)]));
}

/**
 * Other objects with one merchant reference that announced the same amount, in the same account and direction, and have a line:
 * the same thing was probably announced twice.
 */
export async function settledTwins(
  sql: Sql,
  items: readonly (Named & { readonly component: string; readonly currency: string; readonly amount: bigint })[],
): Promise<Map<string, string>> {
  if (items.length === 0) return new Map();
  const { rows } = await sql.query<{ account_id: number; reference: string; twin: string }>(
    `select distinct on (n.account_id, n.reference) n.account_id, n.reference, w.value as twin
     from unnest($1::int4[], $2::text[], $3::text[], $4::text[], $5::text[]::int8[]) as n (account_id, reference, component, currency, amount)
     join postern.accounts a on a.id = n.account_id
     join postern.event_references r on r.value = n.reference
     join postern.event_references k on k.event_id = r.event_id and k.kind = any ($6::text[])
     join postern.event_references m on m.value = k.value and m.kind = k.kind
     join postern.events e on e.id = m.event_id
     join postern.endpoints p on p.id = e.endpoint_id
     join postern.event_references w on w.event_id = m.event_id and w.value <> n.reference
     where a.path = 'asset:processor_pending:' || postern.path_part(p.provider) || ':' || postern.path_part(e.account)
       and exists (
         select from postern.postings g join postern.transactions t on t.id = g.transaction_id
         where g.reference = w.value and g.account_id = n.account_id and g.currency = n.currency and coalesce(g.component, '') = n.component
           and g.amount = -n.amount and starts_with(t.kind, 'settlement.')
       )
       and exists (
         select from postern.postings g join postern.transactions t on t.id = g.transaction_id
         where g.reference = w.value and g.account_id = n.account_id and g.currency = n.currency and coalesce(g.component, '') = n.component
           and g.amount = n.amount and not starts_with(t.kind, 'settlement.') and t.kind not in ('match.allocated', 'write_off', 'reversal')
       )
     order by n.account_id, n.reference, w.value`,
    [
      ...namedArrays(items),
      textArray(items.map((one) => one.component)),
      textArray(items.map((one) => one.currency)),
      textArray(items.map((one) => String(one.amount))),
      textArray(MERCHANT_KINDS),
    ],
  );
  return new Map(rows.map((row) => [namedId({ accountId: row.account_id, reference: row.reference }), row.twin]));
}

/** Of these, those that any posting of the account names. */
export async function inBooks(sql: Sql, named: readonly Named[]): Promise<Set<string>> {
  if (named.length === 0) return new Set();
  const { rows } = await sql.query<{ account_id: number; reference: string }>(
    `select distinct n.account_id, n.reference from unnest($1::int4[], $2::text[]) as n (account_id, reference)
     where exists (select from postern.postings p where p.reference = n.reference and p.account_id = n.account_id)`,
    namedArrays(named),
  );
  return new Set(rows.map((row) => namedId({ accountId: row.account_id, reference: row.reference })));
}

/** What each account and currency last handed over from a batch or period to the next, of what is open. */
export async function newestCarries(sql: Sql, accountIds: readonly number[]): Promise<Map<string, string>> {
  if (accountIds.length === 0) return new Map();
  const { rows } = await sql.query<{ account_id: number; currency: string; reference: string }>(
    `select distinct on (o.account_id, o.currency) o.account_id, o.currency, o.reference
     from postern.open_items o
     cross join lateral (
       select max(t.effective_at) as at from postern.postings p join postern.transactions t on t.id = p.transaction_id
       where p.reference = o.reference and p.account_id = o.account_id and p.currency = o.currency
     ) as m
     where o.account_id = any ($1::int4[]) and o.reference >= 'carry:' and o.reference < 'carry;' and o.amount <> 0
       and o.reference not like '%>${UNPROVEN}'
     order by o.account_id, o.currency, m.at desc, o.reference desc`,
    [int4Array(accountIds)],
  );
  return new Map(rows.map((row) => [JSON.stringify([row.account_id, row.currency]), row.reference]));
}

export type EventCause = { readonly id: string; readonly status: string };

/** The events that name these references, of the account's own processor, dead and waiting ones first. */
export async function eventsAbout(sql: Sql, named: readonly Named[]): Promise<Map<string, EventCause>> {
  if (named.length === 0) return new Map();
  const { rows } = await sql.query<{ account_id: number; reference: string; id: string; status: string }>(
    `select distinct on (n.account_id, n.reference) n.account_id, n.reference, e.id, e.status
     from unnest($1::int4[], $2::text[]) as n (account_id, reference)
     join postern.accounts a on a.id = n.account_id
     join postern.event_references r on r.value = n.reference
     join postern.events e on e.id = r.event_id
     join postern.endpoints p on p.id = e.endpoint_id
     where a.path = 'asset:processor_pending:' || postern.path_part(p.provider) || ':' || postern.path_part(e.account)
     order by n.account_id, n.reference, array_position(array['dead', 'deferred', 'queued', 'posted', 'no_effect'], e.status), e.id`,
    namedArrays(named),
  );
  return new Map(
    rows.map(({ id, status, ...row }) => [
      namedId({ accountId: row.account_id, reference: row.reference }),
      { id, status },
    ]),
  );
}
