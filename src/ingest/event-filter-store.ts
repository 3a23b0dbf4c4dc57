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
 * The text of a query for one page of the events a filter means, as `(id uuid)` in order of their arrival; what it is given is
 * pushed on `values`. Everything but a provider's event id and a reference is looked for in the order of `received_at`, then
 * id: the order of the ids alone, since an id begins with that millisecond, but one the primary key does not have (see
 * migrations/0016-event-search-indexes.sql).
 */
export function eventPageSql(filter: EventFilter, page: EventPage, values: unknown[]): string {
  const down = page.order === 'newest' ? ' desc' : '';
  const push = (value: unknown): string => `$${values.push(value)}`;
  const status = statusOf(filter);
  const found = filter.event_id !== undefined || filter.reference !== undefined;
  const eachEndpoint =
    !found && (filter.provider !== undefined || filter.endpoint !== undefined || filter.type !== undefined);
  const byTime = !found && (eachEndpoint || filter.amount !== undefined || status === 'dead' || status === 'deferred');
  const conditions = [
    ...(byTime ? timeConditions(filter, page, push) : idConditions(filter, page, push)),
    ...otherConditions(filter, push),
    ...(eachEndpoint ? ['e.endpoint_id = n.id'] : endpointConditions(filter, push)),
  ];
  const order = byTime ? `e.received_at${down}, e.id${down}` : `e.id${down}`;
  const limit = push(page.limit);
  const branch = (state: string | null): string =>
    `select e.id from postern.events e${whereAll(state === null ? conditions : [...conditions, state])} order by ${order} limit ${limit}`;
  if (!eachEndpoint) return branch(statusCondition(status));
  // The queued ones are in no index by endpoint or type, and are few.
  const states = status === undefined ? ["e.status <> 'queued'", "e.status = 'queued'"] : [statusCondition(status)];
  const branches = states.map((state) => `(${branch(state)})`).join('\n    union all ');
  return `select x.id from (${endpointsSql(filter, push)}) n cross join lateral (
    ${branches}
  ) x order by x.id${down} limit ${limit}`;
}

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
  const state = statusCondition(statusOf(filter));
  return [
    ...idConditions(filter, null, push),
    ...otherConditions(filter, push),
    ...endpointConditions(filter, push),
    ...(state === null ? [] : [state]),
  ];
}

type Push = (value: unknown) => string;

/** A constant, not a parameter: the planner must see that a partial index holds it. */
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
function idConditions(filter: EventFilter, page: EventPage | null, push: Push): string[] {
  const conditions: string[] = [];
  if (filter.from !== undefined) conditions.push(`e.id >= ${push(idAt(filter.from))}::uuid`);
  if (filter.to !== undefined) conditions.push(`e.id < ${push(idAt(filter.to))}::uuid`);
  if (page !== null && page.beyond !== null)
    conditions.push(`e.id ${page.order === 'newest' ? '<' : '>'} ${push(page.beyond)}::uuid`);
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
