import type { Sql, Tx } from '../postgres/sql.ts';

/** Stands for the endpoint of requests to none of ours: they are counted by minute, and belong to no endpoint's sum. */
export const UNKNOWN_ENDPOINT = 0;

export type RejectedCount = { readonly endpointId: number; readonly reason: string; readonly requests: number };

/** Adds refused requests to this minute: their sum an endpoint, and how many for which reason. */
export async function addRejected(sql: Sql, counts: readonly RejectedCount[], writer: string): Promise<void> {
  await sql.query(
    {
      name: 'minutes-add-rejected',
      text: `
with counted as (
  select * from unnest($1::int4[], $2::text[], $3::int8[]) as c (endpoint_id, reason, requests)
), by_reason as (
  insert into postern.rejected_minutes (writer, endpoint_id, reason, minute, requests)
  select $4::uuid, endpoint_id, reason, date_trunc('minute', now()), requests from counted
  on conflict (minute, endpoint_id, reason, writer) do update set requests = rejected_minutes.requests + excluded.requests
)
insert into postern.endpoint_minutes (writer, endpoint_id, minute, rejected)
select $4::uuid, endpoint_id, date_trunc('minute', now()), sum(requests) from counted
where endpoint_id <> ${UNKNOWN_ENDPOINT} group by endpoint_id
on conflict (minute, endpoint_id, writer) do update set rejected = endpoint_minutes.rejected + excluded.rejected`,
    },
    [counts.map((c) => c.endpointId), counts.map((c) => c.reason), counts.map((c) => c.requests), writer],
  );
}

/** The sums stay exact: minutes older than so many days are folded into one row an endpoint (and reason) under the epoch. */
export async function forgetMinutes(tx: Tx, days: number): Promise<void> {
  await tx.query(
    `with old as (
       delete from postern.endpoint_minutes
       where minute > 'epoch' and minute < now() - make_interval(days => $1)
       returning endpoint_id, accepted, duplicates, conflicts, rejected, finished, filled
     )
     insert into postern.endpoint_minutes (writer, endpoint_id, minute, accepted, duplicates, conflicts, rejected, finished, filled)
     select '00000000-0000-0000-0000-000000000000', endpoint_id, 'epoch', sum(accepted), sum(duplicates), sum(conflicts),
       sum(rejected), sum(finished), sum(filled)
     -- In one order everywhere: whoever forgets events adds to these rows too.
     from old group by endpoint_id order by endpoint_id
     on conflict (minute, endpoint_id, writer) do update set accepted = endpoint_minutes.accepted + excluded.accepted,
       duplicates = endpoint_minutes.duplicates + excluded.duplicates, conflicts = endpoint_minutes.conflicts + excluded.conflicts,
       rejected = endpoint_minutes.rejected + excluded.rejected, finished = endpoint_minutes.finished + excluded.finished,
       filled = endpoint_minutes.filled + excluded.filled`,
    [days],
  );
  await tx.query(
    `with old as (
       delete from postern.rejected_minutes
       where minute > 'epoch' and minute < now() - make_interval(days => $1)
       returning endpoint_id, reason, requests
     )
     insert into postern.rejected_minutes (writer, endpoint_id, reason, minute, requests)
     select '00000000-0000-0000-0000-000000000000', endpoint_id, reason, 'epoch', sum(requests)
     from old group by endpoint_id, reason order by endpoint_id, reason
     on conflict (minute, endpoint_id, reason, writer) do update set requests = rejected_minutes.requests + excluded.requests`,
    [days],
  );
}
