import {
  boolArray,
  byteaArray,
  int2Array,
  int4Array,
  textArray,
  timestamptzArray,
  uuidArray,
  uuidTextArray,
} from '../postgres/binary-arrays.ts';
import type { Sql } from '../postgres/sql.ts';
import { uuidText } from '../uuid.ts';
import { type Delivery, type IncomingEvent, LISTED_METHOD } from './delivery.ts';

/** One event beside the delivery that brought it: what a group is made of. */
export type GroupRow = { readonly delivery: Delivery; readonly event: IncomingEvent };

/**
 * Everything an acknowledgement promises, in one statement and so in one transaction and one round trip: the events, the
 * bodies of deliveries that brought something new, the job that will work them, and the minute's count. Success is the
 * command tag after the implicit commit.
 *
 * Rows come in key order (two instances with overlapping groups deadlock otherwise) and `on conflict do nothing`, never
 * `do update`. Returned are only the rows that were *not* inserted. The job is written to pgboss.job itself: calling
 * boss.insert costs another statement (test/ingest/job-columns.test.ts compares the columns with pg-boss's own insert).
 */
const STORE_GROUP = {
  name: 'intake-store-group',
  text: `
with incoming as (
  select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int4[], $5::int2[], $6::text[], $7::bytea[], $8::bytea[],
    $9::text[], $10::text[], $11::text[], $12::bool[], $13::text[], $14::timestamptz[], $27::text[], $29::bytea[])
    as i (id, delivery_id, received_at, endpoint_id, item, event_id, variant, body_sha256, transmission_id, type, api_version,
      live, account, occurred_at, unreadable, trace)
), stored as (
  insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, variant, body_sha256, transmission_id,
    type, api_version, live, account, occurred_at, error_message, trace, job_id, status, reason, error_code)
  select i.*, $15::uuid, case when i.unreadable is null then 'queued' else 'dead' end,
    case when i.unreadable is not null then 'unreadable' end, case when i.unreadable is not null then 'unreadable_event' end
  from incoming i
  on conflict do nothing
  returning id, delivery_id, endpoint_id, received_at
), bodies as (
  insert into postern.deliveries (id, received_at, endpoint_id, method, path, source_ip, headers, body, level, secret_id)
  select d.* from unnest($16::uuid[], $17::timestamptz[], $18::int4[], $19::text[], $20::text[], $21::text[], $22::text[],
    $23::bytea[], $24::text[], $25::uuid[])
    as d (id, received_at, endpoint_id, method, path, source_ip, headers, body, level, secret_id)
  where d.id in (select delivery_id from stored)
), job as (
  insert into pgboss.job (id, name, data, priority, start_after, created_on, expire_seconds, deletion_seconds, keep_until,
    retry_limit, retry_delay, retry_backoff, retry_delay_max, policy, blocked, blocking, pending_dependencies)
  select $15::uuid, q.name, jsonb_build_object('events', to_jsonb($1::uuid[])), 0, now(), now(), q.expire_seconds,
    q.deletion_seconds, now() + q.retention_seconds * interval '1 second', q.retry_limit, q.retry_delay, q.retry_backoff,
    q.retry_delay_max, q.policy, false, false, 0
  from pgboss.queue q
  where q.name = 'events' and exists (select from stored)
), counted as (
  insert into postern.endpoint_minutes (writer, endpoint_id, minute, accepted, filled, heard_at)
  select $26::uuid, endpoint_id, date_trunc('minute', now()), count(*),
    count(*) filter (where delivery_id = any($28::uuid[])), max(received_at) filter (where delivery_id <> all($28::uuid[]))
  from stored group by endpoint_id
  on conflict (minute, endpoint_id, writer) do update set accepted = endpoint_minutes.accepted + excluded.accepted,
    filled = endpoint_minutes.filled + excluded.filled, heard_at = greatest(endpoint_minutes.heard_at, excluded.heard_at)
)
select i.id from incoming i where not exists (select from stored s where s.id = i.id)`,
};

/**
 * Writes a group. Returns the ids (text) of the events that were not inserted because their identity is known already.
 * `writer` is this lane's own id: two lanes in flight never wait for one counter row.
 */
export async function storeGroup(
  sql: Sql,
  rows: readonly GroupRow[],
  group: { jobId: string; writer: string },
): Promise<Set<string>> {
  const deliveries = [...new Set(rows.map((row) => row.delivery))];
  const result = await sql.query<{ id: string }>(STORE_GROUP, [
    uuidArray(rows.map((r) => r.event.id)),
    uuidArray(rows.map((r) => r.delivery.id)),
    timestamptzArray(rows.map((r) => r.delivery.receivedAt)),
    int4Array(rows.map((r) => r.delivery.endpoint.id)),
    int2Array(rows.map((r) => r.event.item)),
    textArray(rows.map((r) => r.event.eventId)),
    byteaArray(rows.map((r) => r.event.variant)),
    byteaArray(rows.map((r) => r.delivery.sha256)),
    textArray(rows.map((r) => r.event.transmissionId)),
    textArray(rows.map((r) => r.event.type)),
    textArray(rows.map((r) => r.event.apiVersion)),
    boolArray(rows.map((r) => r.event.live)),
    textArray(rows.map((r) => r.event.account)),
    timestamptzArray(rows.map((r) => r.event.occurredAt)),
    group.jobId,
    uuidArray(deliveries.map((d) => d.id)),
    timestamptzArray(deliveries.map((d) => d.receivedAt)),
    int4Array(deliveries.map((d) => d.endpoint.id)),
    textArray(deliveries.map((d) => d.method)),
    textArray(deliveries.map((d) => d.path)),
    textArray(deliveries.map((d) => d.sourceIp)),
    textArray(deliveries.map((d) => JSON.stringify(d.headers))),
    byteaArray(deliveries.map((d) => d.body)),
    textArray(deliveries.map((d) => d.level)),
    uuidTextArray(deliveries.map((d) => d.secretId)),
    group.writer,
    textArray(rows.map((r) => r.event.unreadable)),
    // What a backfill found is accepted as any other, but says nothing of whether the processor still reaches us.
    uuidArray(deliveries.filter((d) => d.method === LISTED_METHOD).map((d) => d.id)),
    byteaArray(rows.map((r) => r.delivery.trace ?? null)),
  ]);
  return new Set(result.rows.map((row) => row.id));
}

/** Rows in the one order every instance inserts them: by endpoint, then by id. */
export function inKeyOrder(rows: readonly GroupRow[]): GroupRow[] {
  return [...rows].sort(
    (a, b) =>
      a.delivery.endpoint.id - b.delivery.endpoint.id ||
      (a.event.eventId < b.event.eventId ? -1 : a.event.eventId > b.event.eventId ? 1 : 0),
  );
}

/** An event that stands under an identity a newcomer claims, with the delivery that brought it. */
export type KnownEvent = {
  readonly id: string;
  readonly endpointId: number;
  readonly eventId: string;
  readonly transmissionId: string | null;
  readonly item: number;
  readonly sha256: Buffer;
  readonly variant: Buffer;
  /** Null where the body was removed with its day. */
  readonly delivery: { method: string; path: string; headers: string; body: Buffer } | null;
};

/**
 * Who stands under these identities. A statement of its own: the one that inserts does not see what was committed while
 * it ran.
 */
export async function findKnown(sql: Sql, rows: readonly GroupRow[]): Promise<KnownEvent[]> {
  const result = await sql.query<{
    id: string;
    endpoint_id: number;
    event_id: string;
    transmission_id: string | null;
    item: number;
    body_sha256: Buffer;
    variant: Buffer;
    method: string | null;
    path: string | null;
    headers: string | null;
    body: Buffer | null;
  }>(
    {
      name: 'intake-find-known',
      text: `
with asked as (
  select * from unnest($1::int4[], $2::text[], $3::text[]) as a (endpoint_id, event_id, transmission_id)
), found as (
  select e.id from asked a join postern.events e using (endpoint_id, event_id)
  union
  select e.id from asked a join postern.events e using (endpoint_id, transmission_id) where not e.conflict
)
select e.id, e.endpoint_id, e.event_id, e.transmission_id, e.item, e.body_sha256, e.variant,
  coalesce(d.method, k.method) as method, coalesce(d.path, k.path) as path, coalesce(d.headers, k.headers) as headers,
  coalesce(d.body, k.body) as body
from found f
join postern.events e on e.id = f.id
left join postern.deliveries d on d.id = e.delivery_id and d.received_at = e.received_at
left join postern.deliveries_kept k on k.id = e.delivery_id and k.received_at = e.received_at
order by e.id
limit 5000`,
    },
    [
      int4Array(rows.map((r) => r.delivery.endpoint.id)),
      textArray(rows.map((r) => r.event.eventId)),
      textArray(rows.map((r) => r.event.transmissionId)),
    ],
  );
  return result.rows.map((row) => ({
    id: row.id,
    endpointId: row.endpoint_id,
    eventId: row.event_id,
    transmissionId: row.transmission_id,
    item: row.item,
    sha256: row.body_sha256,
    variant: row.variant,
    delivery:
      row.body === null || row.method === null || row.path === null || row.headers === null
        ? null
        : { method: row.method, path: row.path, headers: row.headers, body: row.body },
  }));
}

/** Adds to the duplicates of events (id → how often) and to the minute's count, in one statement. */
export async function addDuplicates(
  sql: Sql,
  counts: ReadonlyMap<string, { readonly times: number; readonly lastAt: number }>,
  writer: string,
): Promise<void> {
  const ids = [...counts.keys()].sort();
  await sql.query(
    {
      name: 'intake-add-duplicates',
      text: `
with counted as (
  update postern.events e
  set duplicates = e.duplicates + c.times, last_duplicate_at = greatest(e.last_duplicate_at, c.last_at)
  from unnest($1::uuid[], $2::int4[], $3::timestamptz[]) as c (id, times, last_at)
  where e.id = c.id
  returning e.endpoint_id, c.times, c.last_at
)
insert into postern.endpoint_minutes (writer, endpoint_id, minute, accepted, duplicates, heard_at)
select $4::uuid, endpoint_id, date_trunc('minute', now()), sum(times), sum(times), max(last_at) from counted group by endpoint_id
on conflict (minute, endpoint_id, writer) do update
set accepted = endpoint_minutes.accepted + excluded.accepted, duplicates = endpoint_minutes.duplicates + excluded.duplicates,
  heard_at = greatest(endpoint_minutes.heard_at, excluded.heard_at)`,
    },
    [
      uuidTextArray(ids),
      int4Array(ids.map((id) => counts.get(id)?.times ?? 0)),
      timestamptzArray(ids.map((id) => counts.get(id)?.lastAt ?? 0)),
      writer,
    ],
  );
}

const DUPLICATES_KEPT = 5;

/** Keeps a delivery that brought a known event in other bytes, as long as the event has fewer than five such. */
export async function keepDuplicateDelivery(sql: Sql, delivery: Delivery, eventId: string): Promise<void> {
  await sql.query(
    {
      name: 'intake-keep-duplicate',
      text: `
with kept as (
  insert into postern.duplicate_deliveries (event_id, delivery_id)
  select $1::uuid, $2::uuid
  where (select count(*) from postern.duplicate_deliveries where event_id = $1::uuid) < ${DUPLICATES_KEPT}
  on conflict do nothing
  returning delivery_id
)
insert into postern.deliveries (id, received_at, endpoint_id, method, path, source_ip, headers, body, level, secret_id)
select delivery_id, $3::timestamptz, $4::int4, $5, $6, $7, $8, $9::bytea, $10, $11::uuid from kept
on conflict do nothing`,
    },
    [eventId, ...deliveryValues(delivery)],
  );
}

/**
 * Stores an event whose signed identity is taken by other content, or by content that cannot be compared any more: an
 * event of its own, dead, so that a person sees it.
 * Returns false when this very content stands there already.
 */
export async function storeConflict(
  sql: Sql,
  row: GroupRow,
  conflict: { variant: Buffer; firstId: string; writer: string; compared: boolean },
): Promise<boolean> {
  const { delivery, event } = row;
  const result = await sql.query(
    {
      name: 'intake-store-conflict',
      text: `
with stored as (
  insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, variant, body_sha256, transmission_id,
    type, api_version, live, account, occurred_at, status, reason, error_code, error_message, conflict, trace)
  values ($1, $2, $3, $4, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 'dead', 'conflict', 'conflict', $22, true, $25)
  on conflict do nothing
  returning id
), body as (
  insert into postern.deliveries (id, received_at, endpoint_id, method, path, source_ip, headers, body, level, secret_id)
  select $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 from stored
  on conflict do nothing
)
insert into postern.endpoint_minutes (writer, endpoint_id, minute, accepted, conflicts, filled, heard_at)
select $23, $4, date_trunc('minute', now()), 1, 1, $24::int4, case when $24::int4 = 0 then $3::timestamptz end from stored
on conflict (minute, endpoint_id, writer) do update
set accepted = endpoint_minutes.accepted + 1, conflicts = endpoint_minutes.conflicts + 1,
  filled = endpoint_minutes.filled + excluded.filled, heard_at = greatest(endpoint_minutes.heard_at, excluded.heard_at)`,
    },
    [
      uuidText(event.id),
      ...deliveryValues(delivery),
      event.item,
      event.eventId,
      conflict.variant,
      delivery.sha256,
      event.transmissionId,
      event.type,
      event.apiVersion,
      event.live,
      event.account,
      event.occurredAt === null ? null : new Date(event.occurredAt),
      conflict.compared
        ? `other content under an id that event ${conflict.firstId} has already; compare both and replay this one if it is genuine`
        : `other bytes under an id that event ${conflict.firstId} has already, whose body was removed: what differs cannot be told; a replay posts only what is not posted yet`,
      conflict.writer,
      delivery.method === LISTED_METHOD ? 1 : 0,
      delivery.trace ?? null,
    ],
  );
  return result.rowCount > 0;
}

function deliveryValues(delivery: Delivery): unknown[] {
  return [
    uuidText(delivery.id),
    new Date(delivery.receivedAt),
    delivery.endpoint.id,
    delivery.method,
    delivery.path,
    delivery.sourceIp,
    JSON.stringify(delivery.headers),
    delivery.body,
    delivery.level,
    delivery.secretId,
  ];
}
