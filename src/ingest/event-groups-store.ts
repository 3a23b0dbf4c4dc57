import type { Sql } from '../postgres/sql.ts';
import type { EventFilter } from './event-filter.ts';
import { eventConditions } from './event-filter-store.ts';

/** Events that one cause holds up. */
export type EventGroup = {
  readonly provider: string;
  readonly type: string;
  readonly error_code: string | null;
  readonly waiting_for: string | null;
  readonly count: bigint;
  readonly first: Date;
  readonly last: Date;
  /** Until the first of them is tried once more, where they wait for a time. */
  readonly until: Date | null;
  /** The newest of them. */
  readonly example: string;
  readonly example_message: string | null;
  /** What they are worth, by currency; an event that could not be read is worth nothing here. */
  readonly amounts: readonly { readonly currency: string; readonly amount: string }[];
};

type UnfinishedFilter = EventFilter & { readonly status: 'queued' | 'deferred' | 'dead' };

/**
 * Unfinished events by cause, the most first, so that 4,000 failures with one reason are one line. Dead ones are added up from
 * an index that holds all of it.
 */
export async function selectEventGroups(sql: Sql, filter: UnfinishedFilter, limit: number): Promise<EventGroup[]> {
  const values: unknown[] = [];
  const conditions = eventConditions(filter, values);
  values.push(limit);
  const until = filter.status === 'deferred' ? 'min(e.until)' : 'null::timestamptz';
  const waitingFor = filter.status === 'deferred' ? 'e.waiting_for' : 'null::text';
  const { rows } = await sql.query<EventGroup>(
    `with parts as (
       select e.endpoint_id, e.type, e.error_code, ${waitingFor} as waiting_for, e.currency, count(*) as count,
         sum(e.amount) as amount, min(e.received_at) as first, max(e.received_at) as last, ${until} as until,
         max(e.id::text collate "C") as example
       from postern.events e where ${conditions.join(' and ')} group by 1, 2, 3, 4, 5
     ), sums as (
       select n.provider, p.type, p.error_code, p.waiting_for, p.currency, sum(p.count)::int8 as count, sum(p.amount) as amount,
         min(p.first) as first, max(p.last) as last, min(p.until) as until, max(p.example) as example
       from parts p join postern.endpoints n on n.id = p.endpoint_id group by 1, 2, 3, 4, 5
     ), causes as (
       select provider, type, error_code, waiting_for, sum(count)::int8 as count, min(first) as first, max(last) as last,
         min(until) as until, max(example) as example,
         coalesce(json_agg(json_build_object('currency', currency, 'amount', amount::text) order by currency)
           filter (where currency is not null), '[]') as amounts
       from sums group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3, 4 limit $${values.length}
     )
     select c.*, coalesce(e.error_message, e.reason) as example_message
     from causes c left join postern.events e on e.id = c.example::uuid
     order by c.count desc, c.provider, c.type, c.error_code, c.waiting_for`,
    values,
  );
  return rows;
}
