import type { EventFilter } from '../ingest/event-filter.ts';
import { type EventPage, eventPageSql } from '../ingest/event-filter-store.ts';
import type { Sql } from '../postgres/sql.ts';
import { uuidTime } from '../uuid.ts';

export type EventRow = {
  readonly id: string;
  readonly provider: string;
  readonly endpoint: string;
  readonly event_id: string;
  readonly type: string;
  readonly api_version: string | null;
  readonly live: boolean | null;
  readonly account: string;
  readonly status: string;
  readonly reason: string | null;
  readonly occurred_at: Date | null;
  readonly received_at: Date;
  readonly posted_at: Date | null;
  readonly attempts: number;
  readonly next_attempt_at: Date | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly waiting_for: string | null;
  readonly until: Date | null;
  readonly duplicates: number;
  readonly last_duplicate_at: Date | null;
  readonly conflict: boolean;
  readonly delivery_id: string;
  readonly amount: bigint | null;
  readonly currency: string | null;
  readonly trace_id: string | null;
  readonly reference_list: readonly { kind: string; value: string }[];
  readonly transactions: readonly string[];
};

const COLUMNS = `e.id, n.provider, n.name as endpoint, e.event_id, e.type, e.api_version, e.live, e.account, e.status, e.reason,
  e.occurred_at, e.received_at, e.posted_at, e.attempts, e.next_attempt_at, e.error_code, e.error_message, e.waiting_for, e.until,
  e.duplicates, e.last_duplicate_at, e.conflict, e.delivery_id, e.amount, e.currency, encode(substr(e.trace, 1, 16), 'hex') as trace_id,
  coalesce((select json_agg(json_build_object('kind', r.kind, 'value', r.value) order by r.kind, r.value)
    from postern.event_references r where r.event_id = e.id), '[]') as reference_list,
  array(select t.id::text from postern.transactions t where t.source_event = e.id
    union select x.transaction_id::text from postern.transaction_evidence x where x.event_id = e.id order by 1 limit 200) as transactions`;

/** One page in the order of arrival, which is that of the ids: they are UUIDv7. */
export async function selectEvents(sql: Sql, filter: EventFilter, page: EventPage): Promise<EventRow[]> {
  const values: unknown[] = [];
  const result = await sql.query<EventRow>(
    `select ${COLUMNS} from (${eventPageSql(filter, page, values)}) x
     join postern.events e on e.id = x.id join postern.endpoints n on n.id = e.endpoint_id
     order by e.id ${page.order === 'newest' ? 'desc' : 'asc'}`,
    values,
  );
  return result.rows;
}

export async function selectEvent(sql: Sql, id: string): Promise<EventRow | undefined> {
  const result = await sql.query<EventRow>(
    `select ${COLUMNS} from postern.events e join postern.endpoints n on n.id = e.endpoint_id where e.id = $1`,
    [id],
  );
  return result.rows[0];
}

/** The deliveries kept for an event: the first, and the first few that brought it again in other bytes. */
export async function selectDeliveryIds(sql: Sql, eventId: string): Promise<string[]> {
  const result = await sql.query<{ id: string }>(
    `select delivery_id as id from postern.events where id = $1
     union select delivery_id from postern.duplicate_deliveries where event_id = $1 order by 1`,
    [eventId],
  );
  return result.rows.map((row) => row.id);
}

export type DeliveryRow = {
  readonly id: string;
  readonly provider: string;
  readonly endpoint: string;
  readonly received_at: Date;
  readonly source_ip: string;
  readonly method: string;
  readonly path: string;
  readonly headers: string;
  readonly body: Buffer;
  readonly level: string;
  readonly secret_id: string | null;
  readonly events: readonly string[];
};

const DELIVERY_COLUMNS = 'id, endpoint_id, received_at, source_ip, method, path, headers, body, level, secret_id';

/** The id alone finds the partition: its millisecond is `received_at`. Those that outlived their day are looked for too. */
export async function selectDelivery(sql: Sql, id: string): Promise<DeliveryRow | undefined> {
  const result = await sql.query<DeliveryRow>(
    `select d.id, n.provider, n.name as endpoint, d.received_at, d.source_ip, d.method, d.path, d.headers, d.body, d.level, d.secret_id,
       array(select x.event_id::text from postern.duplicate_deliveries x where x.delivery_id = d.id
         union select e.id::text from postern.events e where e.id >= $3 and e.id <= $4 and e.delivery_id = d.id
         order by 1 limit 1000) as events
     from (
       select ${DELIVERY_COLUMNS} from postern.deliveries where id = $1 and received_at = $2
       union all select ${DELIVERY_COLUMNS} from postern.deliveries_kept where id = $1 and received_at = $2
       limit 1
     ) as d join postern.endpoints n on n.id = d.endpoint_id`,
    [id, new Date(uuidTime(id)), ...eventIdsOf(id)],
  );
  return result.rows[0];
}

export type RemovedDelivery = {
  /** Hex; null for a later delivery of a known event, whose hash was kept with its bytes alone. */
  readonly sha256: string | null;
  readonly events: readonly string[];
};

/** What is still known of a delivery whose bytes were removed with their day; undefined where nothing is. */
export async function selectRemovedDelivery(sql: Sql, id: string): Promise<RemovedDelivery | undefined> {
  const { rows } = await sql.query<{ event: string; sha256: string | null }>(
    `select e.id::text as event, encode(e.body_sha256, 'hex') as sha256
     from postern.events e where e.id >= $2 and e.id <= $3 and e.delivery_id = $1
     union all select x.event_id::text, null from postern.duplicate_deliveries x where x.delivery_id = $1
     order by 1 limit 1000`,
    [id, ...eventIdsOf(id)],
  );
  if (rows.length === 0) return undefined;
  return { sha256: rows.find((row) => row.sha256 !== null)?.sha256 ?? null, events: rows.map((row) => row.event) };
}

/** An event's id is made in the millisecond of its delivery's: the primary key finds them without another index. */
function eventIdsOf(deliveryId: string): [first: string, last: string] {
  const time = deliveryId.slice(0, 13);
  return [`${time}-0000-0000-000000000000`, `${time}-ffff-ffff-ffffffffffff`];
}
