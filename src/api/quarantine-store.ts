import { UNKNOWN_ENDPOINT } from '../ingest/minutes-store.ts';
import type { Sql } from '../postgres/sql.ts';

export type QuarantineItemRow = {
  readonly id: string;
  readonly provider: string;
  readonly endpoint: string;
  readonly received_at: Date;
  readonly reason: string;
  readonly detail: string;
  readonly bytes: number;
  readonly source_ip: string;
};

export type QuarantineFilter = {
  readonly provider?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly reason?: string | undefined;
  /** ISO 8601. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

const ITEM = 'q.id, n.provider, n.name as endpoint, q.received_at, q.reason, q.detail, q.bytes, q.source_ip';

/** Newest first, of all endpoints that the filter names. */
export async function selectQuarantineItems(
  sql: Sql,
  filter: QuarantineFilter,
  page: { before: string | null; limit: number },
): Promise<QuarantineItemRow[]> {
  const { rows } = await sql.query<QuarantineItemRow>(
    `select ${ITEM}
     from postern.quarantine q join postern.endpoints n on n.id = q.endpoint_id
     where ($1::text is null or n.provider = $1) and ($2::text is null or n.name = $2) and ($3::text is null or q.reason = $3)
       and ($4::timestamptz is null or q.received_at >= $4) and ($5::timestamptz is null or q.received_at < $5)
       and ($6::uuid is null or q.id < $6)
     order by q.id desc limit $7`,
    [
      filter.provider ?? null,
      filter.endpoint ?? null,
      filter.reason ?? null,
      filter.from ?? null,
      filter.to ?? null,
      page.before,
      page.limit,
    ],
  );
  return rows;
}

export type QuarantineRequestRow = QuarantineItemRow & {
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly headers: string;
  readonly body: Buffer;
  /** Of its reason and hour every so many-th was kept. */
  readonly kept_every: number;
};

export async function selectQuarantineRequest(sql: Sql, id: string): Promise<QuarantineRequestRow | undefined> {
  const { rows } = await sql.query<QuarantineRequestRow>(
    `select ${ITEM}, q.method, q.origin, q.path, q.headers, q.body, coalesce(k.kept_every, 1) as kept_every
     from postern.quarantine q join postern.endpoints n on n.id = q.endpoint_id
     left join postern.quarantine_kinds k
       on k.endpoint_id = q.endpoint_id and k.reason = q.reason and k.hour = date_trunc('hour', q.received_at)
     where q.id = $1`,
    [id],
  );
  return rows[0];
}

export type QuarantineGroupRow = {
  /** Null: requests to no endpoint of ours. */
  readonly provider: string | null;
  readonly endpoint: string | null;
  readonly reason: string;
  readonly refused: bigint;
  readonly held: bigint;
  readonly bytes: bigint;
  readonly kept_every: number;
  readonly first: Date | null;
  readonly last: Date | null;
};

/** By endpoint and reason: how many were refused in the last 24 hours, and what is held; most refused first. */
export async function selectQuarantineGroups(
  sql: Sql,
  filter: Pick<QuarantineFilter, 'provider' | 'endpoint'>,
  limit: number,
): Promise<QuarantineGroupRow[]> {
  const { rows } = await sql.query<QuarantineGroupRow>(
    `with refused as (
       select endpoint_id, reason, sum(requests)::int8 as refused from postern.rejected_minutes
       where minute >= date_trunc('minute', now()) - interval '24 hours' group by 1, 2
     ), held as (
       select endpoint_id, reason, sum(held)::int8 as held, sum(bytes)::int8 as bytes, max(kept_every) as kept_every
       from postern.quarantine_kinds group by 1, 2
     )
     select n.provider, n.name as endpoint, g.reason, coalesce(g.refused, 0) as refused, coalesce(g.held, 0) as held,
       coalesce(g.bytes, 0) as bytes, coalesce(g.kept_every, 1) as kept_every, t.first, t.last
     from (refused full join held using (endpoint_id, reason)) g
     left join lateral (
       select min(q.received_at) as first, max(q.received_at) as last from postern.quarantine q
       where q.endpoint_id = g.endpoint_id and q.reason = g.reason
     ) t on true
     left join postern.endpoints n on n.id = g.endpoint_id
     where (coalesce(g.refused, 0) > 0 or coalesce(g.held, 0) > 0) and (n.id is not null or g.endpoint_id = ${UNKNOWN_ENDPOINT})
       and ($1::text is null or n.provider = $1) and ($2::text is null or n.name = $2)
     order by refused desc, held desc, n.provider, n.name, g.reason limit $3`,
    [filter.provider ?? null, filter.endpoint ?? null, limit],
  );
  return rows;
}
