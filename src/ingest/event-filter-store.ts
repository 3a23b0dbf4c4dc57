import type { Sql } from '../postgres/sql.ts';
import { isUuid, uuidFloor, uuidTime } from '../uuid.ts';
import { EVENT_STATUSES, type EventFilter, statusOf } from './event-filter.ts';

/** `beyond`: the id of the last event of the page before. */
export type EventPage = {
  readonly order: 'newest' | 'oldest';
  readonly beyond: string | null;
  readonly limit: number;
};

/**
 * How a page is read:
 * - `references`: what names a reference, in its order: of one that names a tenth of all events, a page and not all of them.
 * - `endpoints`, `currencies`: a page of each endpoint, or of an amount in each currency, by their index; the first are taken.
 * - `times`: in the order of `received_at`, then id. That is the order of the ids alone, which begin with that millisecond, but
 *   one that the primary key does not have (migrations/0016-event-search-indexes.sql).
 * - `ids`: as the planner finds best.
 */
type Way = 'references' | 'endpoints' | 'currencies' | 'times' | 'ids';

function wayOf(filter: EventFilter): Way {
  const status = statusOf(filter);
  if (filter.event_id !== undefined) return 'ids';
  // Of few events in all, those that name the reference are found from either side.
  const isRare = status === 'queued' || status === 'deferred' || status === 'dead';
  if (filter.reference !== undefined) return isRare ? 'ids' : 'references';
  if (filter.amount !== undefined) return filter.currency === undefined ? 'currencies' : 'times';
  if (filter.provider !== undefined || filter.endpoint !== undefined || filter.type !== undefined) return 'endpoints';
  return status === 'dead' || status === 'deferred' ? 'times' : 'ids';
}

/** The text of a query for one page of the events a filter means, as `(id uuid)`; what it is given is pushed on `values`. */
export function eventPageSql(filter: EventFilter, page: EventPage, values: unknown[]): string {
  const push = (value: unknown): string => `$${values.push(value)}`;
  const down = page.order === 'newest' ? ' desc' : '';
  const limit = push(page.limit);
  const way = wayOf(filter);
  const status = statusOf(filter);
  if (way === 'references') {
    const { reference, ...rest } = filter;
    const named = [`r.value = ${push(reference)}`, ...idConditions('r.event_id', filter, page, push)];
    const conditions = [...otherConditions(rest, push), ...endpointConditions(filter, push), statusCondition(status)];
    // Distinct: an event may name it as two things.
    return `select e.id
      from (select distinct r.event_id from postern.event_references r${whereAll(named)} order by r.event_id${down}) r
      join postern.events e on e.id = r.event_id${whereAll(conditions)} order by e.id${down} limit ${limit}`;
  }
  const conditions = [
    ...(way === 'ids' ? idConditions('e.id', filter, page, push) : timeConditions(filter, page, push)),
    ...otherConditions(filter, push),
    ...(way === 'endpoints' ? ['e.endpoint_id = n.id'] : endpointConditions(filter, push)),
    ...(way === 'currencies' ? ['e.currency = n.currency'] : []),
  ];
  const order = way === 'ids' ? `e.id${down}` : `e.received_at${down}, e.id${down}`;
  const inState = (state: string | null): string =>
    `select e.id from postern.events e${whereAll([...conditions, state])} order by ${order} limit ${limit}`;
  if (way !== 'endpoints' && way !== 'currencies') return inState(statusCondition(status));
  // The queued ones are in no index by endpoint or type, and are few.
  const states =
    way === 'endpoints' && status === undefined
      ? ["e.status <> 'queued'", "e.status = 'queued'"]
      : [statusCondition(status)];
  const branches = states.map((state) => `(${inState(state)})`).join('\n    union all ');
  return `select x.id from (${way === 'endpoints' ? endpointsSql(filter, push) : CURRENCIES}) n cross join lateral (
    ${branches}
  ) x order by x.id${down} limit ${limit}`;
}

/** Those that events have, one look each: the index of amounts begins with them. */
const CURRENCIES = `with recursive known as (
  (select currency from postern.events where amount is not null order by currency limit 1)
  union all select (select e.currency from postern.events e where e.amount is not null and e.currency > k.currency
    order by e.currency limit 1) from known k where k.currency is not null
) select currency from known where currency is not null`;

/** The ids of one page. */
export async function selectEventIds(sql: Sql, filter: EventFilter, page: EventPage): Promise<string[]> {
  const values: unknown[] = [];
  const { rows } = await sql.query<{ id: string }>(eventPageSql(filter, page, values), values);
  return rows.map((row) => row.id);
}

/** How many a filter means, counted no further than `max`. */
export async function countEvents(sql: Sql, filter: EventFilter, max: number): Promise<number> {
  const values: unknown[] = [];
  const page = eventPageSql(filter, { order: 'newest', beyond: null, limit: max }, values);
  const { rows } = await sql.query<{ count: bigint }>(`select count(*) as count from (${page}) e`, values);
  return Number(rows[0]?.count ?? 0);
}

/** The same filter as conditions on `postern.events e`, for a statement that already has the events at hand, such as by id. */
export function eventConditions(filter: EventFilter, values: unknown[]): string[] {
  const push = (value: unknown): string => `$${values.push(value)}`;
  return [
    ...idConditions('e.id', filter, null, push),
    ...otherConditions(filter, push),
    ...endpointConditions(filter, push),
    statusCondition(statusOf(filter)),
  ].filter((one) => one !== null);
}

type Push = (value: unknown) => string;

/** Null: any. A constant, not a parameter: the planner must see that a partial index holds it. */
function statusCondition(status: string | undefined): string | null {
  const known = EVENT_STATUSES.find((one) => one === status);
  return known === undefined ? null : `e.status = '${known}'`;
}

function timeConditions(filter: EventFilter, page: EventPage, push: Push): string[] {
  const conditions: string[] = [];
  if (filter.from !== undefined) conditions.push(`e.received_at >= ${push(new Date(filter.from))}::timestamptz`);
  if (filter.to !== undefined) conditions.push(`e.received_at < ${push(new Date(filter.to))}::timestamptz`);
  if (page.beyond !== null) {
    const sign = page.order === 'newest' ? '<' : '>';
    const last = `(${push(new Date(uuidTime(page.beyond)))}::timestamptz, ${push(page.beyond)}::uuid)`;
    conditions.push(`(e.received_at, e.id) ${sign} ${last}`);
  }
  return conditions;
}

/** An id begins with the millisecond of `received_at`: a time is a place in the primary key. */
function idConditions(id: string, filter: EventFilter, page: EventPage | null, push: Push): string[] {
  const conditions: string[] = [];
  if (filter.from !== undefined) conditions.push(`${id} >= ${push(idAt(filter.from))}::uuid`);
  if (filter.to !== undefined) conditions.push(`${id} < ${push(idAt(filter.to))}::uuid`);
  if (page !== null && page.beyond !== null)
    conditions.push(`${id} ${page.order === 'newest' ? '<' : '>'} ${push(page.beyond)}::uuid`);
  return conditions;
}

function idAt(time: string): string {
  return uuidFloor(Math.max(0, Date.parse(time)));
}

function otherConditions(filter: EventFilter, push: Push): string[] {
  const conditions: string[] = [];
  const add = (value: string | undefined, condition: (parameter: string) => string): void => {
    if (value !== undefined) conditions.push(condition(push(value)));
  };
  add(filter.type, (p) => `e.type = ${p}`);
  add(filter.error_code, (p) => `e.error_code = ${p}`);
  add(filter.waiting_for, (p) => `e.waiting_for = ${p}`);
  add(filter.amount, (p) => `e.amount = ${p}::int8`);
  add(filter.amount_min, (p) => `e.amount >= ${p}::int8`);
  add(filter.amount_max, (p) => `e.amount <= ${p}::int8`);
  add(filter.currency, (p) => `e.currency = ${p}`);
  if (filter.currency === undefined && (filter.amount_min !== undefined || filter.amount_max !== undefined))
    conditions.push(`e.currency = any (array(${CURRENCIES}))`);
  add(filter.reference, (p) => `e.id in (select r.event_id from postern.event_references r where r.value = ${p})`);
  if (filter.event_id !== undefined) {
    // The index begins with the endpoint, and endpoints are few: one look each.
    const named = `select x.id from postern.events x
      where x.endpoint_id = any (array(select id from postern.endpoints)) and x.event_id = ${push(filter.event_id)}`;
    conditions.push(
      `e.id in (${named}${isUuid(filter.event_id) ? ` union all select ${push(filter.event_id)}::uuid` : ''})`,
    );
  }
  return conditions;
}

function endpointConditions(filter: EventFilter, push: Push): string[] {
  if (filter.provider === undefined && filter.endpoint === undefined) return [];
  return [`e.endpoint_id = any (array(${endpointsSql(filter, push)}))`];
}

function endpointsSql(filter: EventFilter, push: Push): string {
  const conditions: string[] = [];
  if (filter.provider !== undefined) conditions.push(`p.provider = ${push(filter.provider)}`);
  if (filter.endpoint !== undefined) conditions.push(`p.name = ${push(filter.endpoint)}`);
  return `select p.id from postern.endpoints p${whereAll(conditions)}`;
}

function whereAll(conditions: readonly (string | null)[]): string {
  const given = conditions.filter((one) => one !== null);
  return given.length === 0 ? '' : ` where ${given.join(' and ')}`;
}
