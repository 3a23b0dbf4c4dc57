import { int4Array, textArray, timestamptzArray, uuidTextArray } from '../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import type { ObjectReference } from '../providers/provider.ts';
import type { FetchedObject, TakenEvent } from './interpret.ts';
import { storableText } from './read-events.ts';

/** The reason an event carries when the processor answered about its object: its worker then reads the answer. */
export const OBJECT_ANSWERED = 'object_answered';

/** Notes which objects to ask for; an order that was there already begins anew. */
export async function orderFetches(
  tx: Tx,
  orders: readonly { event: TakenEvent; object: ObjectReference; dueAt: number }[],
): Promise<void> {
  await tx.query(
    `insert into postern.fetches (event_id, endpoint_id, kind, object_id, due_at)
     select * from unnest($1::uuid[], $2::int4[], $3::text[], $4::text[], $5::timestamptz[])
     on conflict (event_id) do update
     set kind = excluded.kind, object_id = excluded.object_id, due_at = excluded.due_at, leased_until = null, attempts = 0, missed = 0`,
    [
      uuidTextArray(orders.map((order) => order.event.id)),
      int4Array(orders.map((order) => order.event.endpointId)),
      textArray(orders.map((order) => order.object.kind)),
      textArray(orders.map((order) => order.object.id)),
      timestamptzArray(orders.map((order) => order.dueAt)),
    ],
  );
}

/** The events with what was fetched for them. Only those that say so cost a read. */
export async function withFetched(tx: Tx, taken: readonly TakenEvent[]): Promise<readonly TakenEvent[]> {
  const answered = taken.filter((event) => event.reason === OBJECT_ANSWERED);
  if (answered.length === 0) return taken;
  const { rows } = await tx.query<{ event_id: string; outcome: string; detail: string | null; body: Buffer | null }>(
    'select event_id, outcome, detail, body from postern.fetched_objects where event_id = any($1::uuid[])',
    [uuidTextArray(answered.map((event) => event.id))],
  );
  const answers = new Map(rows.map((row) => [row.event_id, fetchedObject(row)]));
  return taken.map((event) => ({ ...event, fetched: answers.get(event.id) ?? null }));
}

/** Null where the answer was removed since: the processor is asked again. */
function fetchedObject(row: { outcome: string; detail: string | null; body: Buffer | null }): FetchedObject | null {
  if (row.outcome === 'found') return row.body === null ? null : { outcome: 'found', body: row.body };
  return { outcome: row.outcome === 'missing' ? 'missing' : 'refused', detail: row.detail ?? '' };
}

export type DueFetch = {
  readonly eventId: string;
  readonly endpointId: number;
  readonly object: ObjectReference;
  /** This one counted. */
  readonly attempts: number;
  /** How often the processor said that there is no such object. */
  readonly missed: number;
};

export const LEASE_S = 60;

/**
 * Takes what is due for `LEASE_S`: a fetcher that dies with it in hand gives it back by that. Of each endpoint the oldest, as
 * many as it has room for, and one of each before a second of any: a thousand orders of one endpoint keep no other waiting.
 * Due is what both clocks say is due, the database's and ours: an object that is asked for too early is told without its
 * latest change, and its later hint may have been folded into this one.
 */
export async function takeDueFetches(
  sql: Sql,
  wish: { max: number; rooms: readonly { endpointId: number; room: number }[]; now: number },
): Promise<DueFetch[]> {
  const { rows } = await sql.query<{
    event_id: string;
    endpoint_id: number;
    kind: string;
    object_id: string;
    attempts: number;
    missed: number;
  }>(
    {
      name: 'fetch-take-due',
      text: `
with due as (
  select f.event_id, row_number() over (partition by e.id order by f.due_at) as place
  from unnest($2::int4[], $3::int4[]) as e (id, room)
  cross join lateral (
    select event_id, due_at from postern.fetches
    where endpoint_id = e.id and due_at <= least(now(), $4::timestamptz) and (leased_until is null or leased_until < now())
    order by due_at limit e.room
  ) f
), chosen as (
  select event_id from due order by place, random() limit $1
)
update postern.fetches
set leased_until = now() + make_interval(secs => ${LEASE_S}), attempts = least(attempts + 1, 30000)
where event_id in (
  select event_id from postern.fetches
  where event_id in (select event_id from chosen) and (leased_until is null or leased_until < now())
  for update skip locked
)
returning event_id, endpoint_id, kind, object_id, attempts, missed`,
    },
    [
      wish.max,
      int4Array(wish.rooms.map(({ endpointId }) => endpointId)),
      int4Array(wish.rooms.map(({ room }) => room)),
      new Date(wish.now),
    ],
  );
  return rows.map((row) => ({
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    object: { kind: row.kind, id: row.object_id },
    attempts: row.attempts,
    missed: row.missed,
  }));
}

export type FetchWait = { readonly dueAt: number; readonly detail: string; readonly missed: number };

/** Until the next try the event says what the processor answered: it may be long, and a person asks why. */
export async function postponeFetch(
  tx: Tx,
  { eventId }: DueFetch,
  { dueAt, detail, missed }: FetchWait,
): Promise<void> {
  await tx.query(
    `update postern.events set reason = $2 where id = $1 and status = 'deferred' and waiting_for = 'object' and waiting_key is null`,
    [eventId, storableText(`${detail}; it is asked for again`, DETAIL_BYTES_MAX)],
  );
  await tx.query('update postern.fetches set due_at = $2, missed = $3, leased_until = null where event_id = $1', [
    eventId,
    new Date(dueAt),
    missed,
  ]);
}

const DETAIL_BYTES_MAX = 1_000;

/** Keeps the answer and sends the event back to the queue with it. False when the event does not wait for it any more. */
export async function answerFetch(tx: Tx, fetch: DueFetch, answer: FetchedObject, jobId: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update postern.events set status = 'queued', waiting_for = null, waiting_key = null, until = null, reason = $2, job_id = $3,
       next_attempt_at = null
     where id = $1 and status = 'deferred' and waiting_for = 'object'`,
    [fetch.eventId, OBJECT_ANSWERED, jobId],
  );
  await tx.query('delete from postern.fetches where event_id = $1', [fetch.eventId]);
  if (rowCount !== 1) return false;
  await tx.query(
    `insert into postern.fetched_objects (event_id, kind, object_id, outcome, detail, body, sha256)
     values ($1, $2, $3, $4, $5, $6, sha256($6))
     on conflict (event_id) do update set kind = excluded.kind, object_id = excluded.object_id, outcome = excluded.outcome,
       detail = excluded.detail, body = excluded.body, sha256 = excluded.sha256, removed_at = null, fetched_at = now()`,
    [
      fetch.eventId,
      fetch.object.kind,
      fetch.object.id,
      answer.outcome,
      answer.outcome === 'found' ? null : storableText(answer.detail, DETAIL_BYTES_MAX),
      answer.outcome === 'found' ? answer.body : null,
    ],
  );
  return true;
}

/** How many events of these endpoints wait for something, each counted up to `max`. */
export async function selectWaiting(
  sql: Sql,
  endpointIds: readonly number[],
  max: number,
): Promise<ReadonlyMap<number, number>> {
  const { rows } = await sql.query<{ id: number; count: number }>(
    `select e.id, w.count from unnest($1::int4[]) as e (id)
     cross join lateral (
       select count(*)::int as count from (
         select from postern.events where status = 'deferred' and endpoint_id = e.id limit $2) as waiting
     ) w`,
    [int4Array(endpointIds), max],
  );
  return new Map(rows.map((row) => [row.id, row.count]));
}
