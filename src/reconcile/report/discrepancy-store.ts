import { ENDED_LIST } from '../../discrepancy-status.ts';
import type { Scope } from './scope.ts';
import { amount, type Column, count, day, text, time } from './table.ts';

/** Days of age, in the matrix of the report. */
export const BUCKETS = [
  { name: '0-1', from: 0, to: 1 },
  { name: '2-3', from: 2, to: 3 },
  { name: '4-7', from: 4, to: 7 },
  { name: '8-30', from: 8, to: 30 },
  { name: '31-60', from: 31, to: 60 },
  { name: '61+', from: 61, to: 2_147_483_647 },
] as const;

const WHOSE = [text('provider'), text('account')];

/**
 * When a discrepancy `d` ended that is over: when a person was done with it, which its history has, even where it netted
 * afterwards; else when it netted. Null: it is open.
 */
export const ENDED_AT = `case when d.status = 'auto_cleared' then d.cleared_at
  when d.status in ${ENDED_LIST} then coalesce(
    (select max(h.at) from postern.discrepancy_history h where h.discrepancy_id = d.id and h.action in ('explain', 'write_off')),
    d.cleared_at, d.last_seen_at) end`;

/**
 * The discrepancies of a scope as `d`: those that had happened by the end of the period, by the account's days, and had been seen
 * when the report was made. `is_open`: then.
 */
function discrepancies({ selection, days, filter, asOf, known }: Scope): { text: string; values: unknown[] } {
  return {
    text: `with d as (
      select d.*, greatest(floor(extract(epoch from $5::timestamptz - d.occurred_at) / 86400), 0)::int4 as age_days,
        (d.ended_at is null or d.ended_at > $5) as is_open
      from (
        select d.*, ${ENDED_AT} as ended_at, (d.occurred_at at time zone coalesce(k.zone, 'UTC'))::date as occurred_on,
          coalesce(k.zone, 'UTC') as zone
        from postern.discrepancies d
        left join unnest($8::text[], $9::text[], $10::text[]) as k (provider, account, zone) using (provider, account)
        where ($1::text is null or d.provider = $1) and ($2::text is null or d.account = $2)
          and (d.occurred_at at time zone coalesce(k.zone, 'UTC'))::date <= $4 and d.first_seen_at <= $5
          and ($6::text is null or d.class = $6) and ($7::text is null or d.status = $7) and ($11::text is null or d.currency = $11)
          and ($12::int4 is null or d.occurred_at <= $5 - $12 * interval '1 day')
      ) as d
      where $3::date is null or d.ended_at is null or d.ended_at > $5 or d.occurred_on >= $3
        or (d.ended_at at time zone d.zone)::date between $3 and $4
    )`,
    values: [
      selection.provider,
      selection.account,
      days.from,
      days.to,
      asOf,
      filter.class,
      filter.status,
      known.map(({ provider }) => provider),
      known.map(({ account }) => account),
      known.map(({ zone }) => zone),
      filter.currency,
      filter.minAgeDays,
    ],
  };
}

export const CLASS_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('class'),
  text('currency'),
  text('in_proof'),
  count('count', { total: true }),
  amount('delta', { total: true }),
  amount('exposure', { total: true }),
  count('seen_since'),
  count('cleared_since'),
];

/** Open ones by class and currency, and what came and went since `since`. */
export function byClass(scope: Scope, since: Date | null) {
  const { text: base, values } = discrepancies(scope);
  return {
    text: `${base}
      select d.provider, d.account, d.class, d.currency, case when d.in_proof then 'yes' else 'no' end as in_proof,
        count(*) filter (where d.is_open)::int4 as count,
        coalesce(sum(d.delta) filter (where d.is_open), 0)::text as delta,
        coalesce(sum(abs(d.delta)) filter (where d.is_open), 0)::text as exposure,
        case when $13::timestamptz is not null then count(*) filter (where d.is_open and d.first_seen_at > $13)::int4 end as seen_since,
        case when $13::timestamptz is not null then count(*) filter (where not d.is_open and d.ended_at > $13)::int4 end as cleared_since
      from d group by 1, 2, 3, 4, d.in_proof
      having count(*) filter (where d.is_open) > 0 or count(*) filter (where not d.is_open and d.ended_at > $13) > 0
      order by 1, 2, 5 desc, 3, 4`,
    values: [...values, since],
  };
}

export const AGEING_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('class'),
  text('currency'),
  ...BUCKETS.flatMap(({ name }) => [
    { ...count(`${name} days count`), total: true as const },
    amount(`${name} days`, { total: true }),
  ]),
  count('count', { total: true }),
  amount('delta', { total: true }),
];

export function ageing(scope: Scope) {
  const { text: base, values } = discrepancies(scope);
  const cells = BUCKETS.map(({ name, from, to }) => {
    const within = `filter (where d.age_days between ${from} and ${to})`;
    return `count(*) ${within}::int4 as "${name} days count", coalesce(sum(d.delta) ${within}, 0)::text as "${name} days"`;
  });
  return {
    text: `${base}
      select d.provider, d.account, d.class, d.currency, ${cells.join(', ')}, count(*)::int4 as count, sum(d.delta)::text as delta
      from d where d.is_open group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
    values,
  };
}

export const RESOLUTION_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('class'),
  text('id'),
  text('status'),
  text('reason_code'),
  text('assignee'),
  text('reference'),
  text('currency'),
  amount('delta', { total: true }),
  time('ended_at'),
  text('ended_how'),
  text('ended_by'),
  time('cleared_at'),
];

/**
 * What ended in the period, or happened in it and ended since, with the entry of its history that ended it: what netted after a
 * person was done with it ended by that person, whatever was noted since.
 */
export function resolutions(scope: Scope) {
  const { text: base, values } = discrepancies(scope);
  return {
    text: `${base}
      select d.provider, d.account, d.class, d.id::text as id, d.status, d.reason_code, d.assignee, d.reference, d.currency,
        d.delta::text as delta, d.ended_at, h.action as ended_how, h.actor as ended_by, d.cleared_at
      from d left join lateral (
        select h.action, h.actor from postern.discrepancy_history h
        where h.discrepancy_id = d.id and h.at = d.ended_at and h.action in ('explain', 'write_off', 'cleared')
        order by h.no desc limit 1
      ) as h on true
      where not d.is_open order by d.provider, d.account, d.class, d.ended_at, d.id`,
    values,
  };
}

/** The classes that have open ones, with what their sides and differences name: the columns of their sheets. */
export function classFields(scope: Scope) {
  const { text: base, values } = discrepancies(scope);
  const keys = (column: string) =>
    `(select array_agg(distinct k.key order by k.key) from d as o, jsonb_object_keys(o.${column}) as k (key)
      where o.is_open and o.class = d.class)`;
  return {
    text: `${base}
      select d.class, count(*)::int4 as count, ${keys('ledger')} as ledger, ${keys('settlement')} as settlement, ${keys('bank')} as bank,
        (select array_agg(distinct f.field order by f.field) from d as o, jsonb_to_recordset(o.differences) as f (field text)
         where o.is_open and o.class = d.class) as differs, bool_and(coalesce(d.item = 'bank_in_transit', false)) as of_bank
      from d where d.is_open group by 1 order by 1`,
    values,
  };
}

export type ClassFields = {
  readonly class: string;
  readonly count: number;
  readonly ledger: readonly string[] | null;
  readonly settlement: readonly string[] | null;
  readonly bank: readonly string[] | null;
  readonly differs: readonly string[] | null;
  /** Of the third hop, in which the bank stands beside the ledger: its side is kept in the place of the report's. */
  readonly of_bank: boolean;
};

const FIELDS_MAX = 24;
/** Of a side: what is minor units of the discrepancy's currency. */
const AMOUNTS = new Set(['amount', 'gross', 'fee', 'tax', 'net', 'announced', 'settled', 'sum', 'expected', 'charged']);
const SIDES = ['ledger', 'settlement', 'bank'] as const;

/** Times and counts are typed as such where their names say so; what they hold is checked when it is read. */
const sideColumn = (key: string, group: string): Column => ({
  key,
  group,
  type: key.endsWith('_at') ? 'time' : key === 'movements' ? 'count' : 'text',
});

/** A column whose name comes from data: in the statement it has a number, because a name may be too long or be anything. */
type Told = { readonly column: Column; readonly value: (place: (name: string) => string) => string };

/** Both sides beside each other, then each field that differs, as the ledger and as the report or the bank have it. */
function toldColumns(fields: ClassFields): Told[] {
  const sides = SIDES.flatMap((side) =>
    (fields[side] ?? []).slice(0, FIELDS_MAX).map((key): Told => {
      if (!AMOUNTS.has(key)) return { column: sideColumn(key, side), value: (place) => `d.${side} ->> ${place(key)}` };
      // What is no whole number in the place of an amount is not shown as one.
      const value = (at: string) => `case when d.${side} ->> ${at} ~ '^-?[0-9]{1,38}$' then d.${side} ->> ${at} end`;
      return { column: amount(key, { group: side }), value: (place) => value(place(key)) };
    }),
  );
  const differing = (fields.differs ?? []).slice(0, FIELDS_MAX).flatMap((field) =>
    (['ledger', 'settlement'] as const).map((side): Told => {
      const name = side === 'settlement' && fields.of_bank ? 'bank' : side;
      const group = `differs ${field}`;
      return {
        column: AMOUNTS.has(field) ? amount(name, { group }) : text(name, group),
        value: (place) => {
          const where = `f ->> 'field' = ${place(field)}${AMOUNTS.has(field) ? ` and f ->> '${side}' ~ '^-?[0-9]{1,38}$'` : ''}`;
          return `(select f ->> '${side}' from jsonb_array_elements(d.differences) as f where ${where} limit 1)`;
        },
      };
    }),
  );
  return [...sides, ...differing].map(({ column, value }, n) => ({ column: { ...column, from: `told_${n}` }, value }));
}

export function detailColumns(fields: ClassFields): Column[] {
  return [
    ...WHOSE,
    text('id'),
    text('status'),
    text('cause'),
    text('item'),
    text('reference'),
    text('component'),
    text('currency'),
    amount('delta', { total: true }),
    ...toldColumns(fields).map(({ column }) => column),
    day('occurred_on'),
    count('age_days'),
    text('bucket'),
    time('due_at'),
    time('first_seen_at'),
    text('assignee'),
    { key: 'suggested', type: 'json' },
    { key: 'evidence', type: 'json' },
    text('fingerprint'),
  ];
}

/** The open ones of a class, the largest first. */
export function details(scope: Scope, fields: ClassFields) {
  const { text: base, values } = discrepancies(scope);
  const names: string[] = [];
  const place = (name: string): string => `($13::text[])[${names.push(name)}]`;
  const told = toldColumns(fields).map(({ value }, n) => `${value(place)} as told_${n}, `);
  const buckets = BUCKETS.map(({ name, to }) => `when d.age_days <= ${to} then '${name}'`);
  return {
    text: `${base}
      select d.provider, d.account, d.id::text as id, d.status, d.cause, d.item, d.reference, d.component, d.currency,
        d.delta::text as delta, ${told.join('')}
        d.occurred_on::text as occurred_on, d.age_days, case ${buckets.join(' ')} end as bucket, d.due_at, d.first_seen_at,
        d.assignee, d.suggested::text as suggested, nullif(d.evidence, '{}')::text as evidence, d.fingerprint
      from d where d.is_open and d.class = $14 and cardinality($13::text[]) >= 0
      order by d.provider, d.account, abs(d.delta) desc, d.id`,
    values: [...values, names, fields.class],
  };
}
