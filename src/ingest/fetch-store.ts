import { int4Array, textArray, timestamptzArray, uuidTextArray } from '../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import type { ObjectReference } from '../providers/provider.ts';
import type { FetchedObject, TakenEvent } from './interpret.ts';

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
     set kind = excluded.kind, object_id = excluded.object_id, due_at = excluded.due_at, leased_until = null, attempts = 0`,
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

function fetchedObject(row: { outcome: string; detail: string | null; body: Buffer | null }): FetchedObject {
  if (row.outcome === 'found' && row.body !== null) return { outcome: 'found', body: row.body };
  return { outcome: row.outcome === 'missing' ? 'missing' : 'refused', detail: row.detail ?? '' };
}

export type DueFetch = {
  readonly eventId: string;
  readonly endpointId: number;
  readonly object: ObjectReference;
  /** This one counted. */
  readonly attempts: number;
};

const LEASE_S = 60;

/**
 * Takes what is due, oldest first, for `LEASE_S`: a fetcher that dies with it in hand gives it back by that. Endpoints whose
 * processor asked us to wait are left alone.
 */
export async function takeDueFetches(sql: Sql, max: number, resting: readonly number[]): Promise<DueFetch[]> {
  const { rows } = await sql.query<{
    event_id: string;
    endpoint_id: number;
    kind: string;
    object_id: string;
    attempts: number;
  }>(
    {
      name: 'fetch-take-due',
      text: `
update postern.fetches
set leased_until = now() + make_interval(secs => ${LEASE_S}), attempts = least(attempts + 1, 30000)
where event_id in (
  select event_id from postern.fetches
  where due_at <= now() and (leased_until is null or leased_until < now()) and endpoint_id <> all ($2::int4[])
  order by due_at limit $1 for update skip locked
)
returning event_id, endpoint_id, kind, object_id, attempts`,
    },
    [max, int4Array(resting)],
  );
  return rows.map((row) => ({
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    object: { kind: row.kind, id: row.object_id },
    attempts: row.attempts,
  }));
}

export async function postponeFetch(sql: Sql, eventId: string, dueAt: number): Promise<void> {
  await sql.query('update postern.fetches set due_at = $2, leased_until = null where event_id = $1', [
    eventId,
    new Date(dueAt),
  ]);
}

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
    `insert into postern.fetched_objects (event_id, kind, object_id, outcome, detail, body) values ($1, $2, $3, $4, $5, $6)
     on conflict (event_id) do update set kind = excluded.kind, object_id = excluded.object_id, outcome = excluded.outcome,
       detail = excluded.detail, body = excluded.body, fetched_at = now()`,
    [
      fetch.eventId,
      fetch.object.kind,
      fetch.object.id,
      answer.outcome,
      answer.outcome === 'found' ? null : answer.detail,
      answer.outcome === 'found' ? answer.body : null,
    ],
  );
  return true;
}

const WAKE_MAX = 1_000;

/** Events of one endpoint that were parked under something else than what holds now: they get another try. */
export async function wakeParkedUnder(
  tx: Tx,
  endpointId: number,
  waitingFor: readonly string[],
  now: string,
  jobId: string,
): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `update postern.events set status = 'queued', waiting_for = null, waiting_key = null, until = null, reason = null,
       job_id = $4, next_attempt_at = null
     where id in (
       select id from postern.events
       where status = 'deferred' and endpoint_id = $1 and waiting_for = any ($2::text[]) and waiting_key is distinct from $3
       order by id limit ${WAKE_MAX} for no key update skip locked
     )
     returning id`,
    [endpointId, textArray(waitingFor), now, jobId],
  );
  return rows.map((row) => row.id);
}
