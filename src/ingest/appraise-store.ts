import { int8Array, textArray, uuidTextArray } from '../postgres/binary-arrays.ts';
import type { Tx } from '../postgres/sql.ts';
import type { AuthenticityLevel } from '../providers/provider.ts';
import type { TakenEvent } from './interpret.ts';

/** What is queued for less is on its way, and no risk to anybody. */
export const WAITS_S = 60;
/** More than these are counted, not read: the longest waiting are what a processor drops first. */
const APPRAISED_MAX = 50_000;
/** A turn holds all of its bodies in memory. What tells of a payment is a few kB; a larger one stays unread. */
const BODY_BYTES_MAX = 64 * 1024;
const FORGOTTEN_A_TURN = 5_000;

/**
 * The longest waiting events whose amount is not known, with their bytes. Nothing is locked: a lock would make the worker pass
 * the event over. The event may be posted meanwhile; its appraisal then goes with the next turn.
 */
export async function selectUnappraised(tx: Tx, limit: number): Promise<TakenEvent[]> {
  const { rows } = await tx.query<{
    id: string;
    endpoint_id: number;
    item: number;
    event_id: string;
    type: string;
    account: string;
    live: boolean | null;
    received_at: Date;
    level: AuthenticityLevel | null;
    headers: string | null;
    body: Buffer | null;
  }>(
    `select e.id, e.endpoint_id, e.item, e.event_id, e.type, e.account, e.live, e.received_at, d.level, d.headers,
       case when octet_length(d.body) <= ${BODY_BYTES_MAX} then d.body end as body
     from (
       select * from postern.events
       where status = 'queued' and received_at < now() - interval '${WAITS_S} seconds'
         and not exists (select from postern.queued_amounts q where q.event_id = events.id)
         and (select count(*) from postern.queued_amounts) < ${APPRAISED_MAX}
       order by coalesce(next_attempt_at, received_at) limit $1
     ) e
     left join lateral (
       select level, headers, body from postern.deliveries
       where id = e.delivery_id and received_at = e.received_at limit 1
     ) d on true`,
    [limit],
  );
  return rows.map((row) => ({
    id: row.id,
    endpointId: row.endpoint_id,
    item: row.item,
    eventId: row.event_id,
    type: row.type,
    account: row.account,
    live: row.live,
    attempts: 0,
    reason: null,
    receivedAt: row.received_at.getTime(),
    level: row.level ?? 'hint',
    headers: row.headers ?? '[]',
    body: row.body,
    fetched: null,
  }));
}

export type Appraisal = {
  readonly eventId: string;
  /** Null where none could be read. */
  readonly amount: { readonly currency: string; readonly amount: bigint } | null;
};

export async function insertAppraisals(tx: Tx, appraisals: readonly Appraisal[]): Promise<void> {
  if (appraisals.length === 0) return;
  await tx.query(
    `insert into postern.queued_amounts (event_id, currency, amount)
     select * from unnest($1::uuid[], $2::text[], $3::int8[])
     on conflict do nothing`,
    [
      uuidTextArray(appraisals.map(({ eventId }) => eventId)),
      textArray(appraisals.map(({ amount }) => amount?.currency ?? null)),
      int8Array(appraisals.map(({ amount }) => amount?.amount ?? null)),
    ],
  );
}

/** Those of events that are not queued any more: parked and dead ones have their amount noted by who parked or buried them. */
export async function forgetAppraisals(tx: Tx): Promise<void> {
  await tx.query(
    `delete from postern.queued_amounts where event_id in (
       select q.event_id from postern.queued_amounts q left join postern.events e on e.id = q.event_id
       where e.status is distinct from 'queued' limit $1)`,
    [FORGOTTEN_A_TURN],
  );
}
