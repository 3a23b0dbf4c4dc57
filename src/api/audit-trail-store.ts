import { timestamptzArray, uuidTextArray } from '../postgres/binary-arrays.ts';
import type { Sql } from '../postgres/sql.ts';
import { uuidTime } from '../uuid.ts';

/** The event behind a posting, and the request that brought it. */
export type EventTrail = {
  readonly id: string;
  readonly event_id: string;
  readonly type: string;
  readonly delivery_id: string;
  readonly received_at: Date;
  readonly provider: string;
  readonly endpoint: string;
  /** Hex. */
  readonly body_sha256: string;
  /** How its delivery was proved, and by which secret; null where the delivery went with its day. */
  readonly level: string | null;
  readonly secret_id: string | null;
};

export async function eventTrails(sql: Sql, eventIds: readonly string[]): Promise<Map<string, EventTrail>> {
  if (eventIds.length === 0) return new Map();
  const result = await sql.query<EventTrail>(
    `select e.id, e.event_id, e.type, e.delivery_id, e.received_at, n.provider, n.name as endpoint,
       encode(e.body_sha256, 'hex') as body_sha256, null as level, null as secret_id
     from postern.events e join postern.endpoints n on n.id = e.endpoint_id where e.id = any ($1::uuid[])`,
    [uuidTextArray(eventIds)],
  );
  const proofs = await deliveryProofs(sql, [...new Set(result.rows.map((row) => row.delivery_id))]);
  return new Map(result.rows.map((row) => [row.id, { ...row, ...proofs.get(row.delivery_id) }]));
}

/** By their ids' own milliseconds, which find the partition of each. */
async function deliveryProofs(
  sql: Sql,
  deliveryIds: readonly string[],
): Promise<Map<string, { level: string; secret_id: string | null }>> {
  const result = await sql.query<{ id: string; level: string; secret_id: string | null }>(
    `select d.id, d.level, d.secret_id
     from unnest($1::uuid[], $2::timestamptz[]) as w (id, received_at) cross join lateral (
       select d.id, d.level, d.secret_id from postern.deliveries d where d.id = w.id and d.received_at = w.received_at
       union all
       select k.id, k.level, k.secret_id from postern.deliveries_kept k where k.id = w.id and k.received_at = w.received_at
       limit 1
     ) as d`,
    [uuidTextArray(deliveryIds), timestamptzArray(deliveryIds.map(uuidTime))],
  );
  return new Map(result.rows.map(({ id, ...proof }) => [id, proof]));
}

export type RequestTrail = {
  readonly id: string;
  readonly idempotency_key: string;
  readonly kind: string;
  readonly actor: string;
  readonly refunds: string | null;
  readonly created_at: Date;
};

export async function requestTrails(sql: Sql, requestIds: readonly string[]): Promise<Map<string, RequestTrail>> {
  if (requestIds.length === 0) return new Map();
  const result = await sql.query<RequestTrail>(
    `select r.id, r.idempotency_key, r.kind, r.actor, r.refunds, r.created_at from postern.requests r
     where r.id = any ($1::uuid[])`,
    [uuidTextArray(requestIds)],
  );
  return new Map(result.rows.map((row) => [row.id, row]));
}
