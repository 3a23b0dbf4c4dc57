import type { Tx } from '../postgres/sql.ts';

/** Of gaps, and of the hours they are kept in. */
export const PACE_DAYS = 7;

/** The task that makes the hours, by the name it has in the housekeeping's rows. */
export const MEASURE_HOURS = 'measure_hours';

/** Refused by the gateway itself, before or beside the question whether the request is authentic. */
const NO_SIGNATURE_FAILURE = `('empty_body', 'too_large', 'too_many_failures')`;

/**
 * Where the hours that are kept end: the hour of the last run's end, less what a transaction of then may have committed since.
 * Everything from there on is made from the minutes anew, by whoever asks.
 */
const OPEN_SINCE = `(select date_trunc('hour', greatest(now() - interval '${PACE_DAYS} days',
  (select last_success_at - interval '5 minutes' from postern.housekeeping_runs where name = '${MEASURE_HOURS}'))))`;

/**
 * CTEs that end in `open_hours`, in the columns of `endpoint_hours`: what the minutes say since the hours that are kept. An
 * endpoint was heard in a minute if it accepted more than a backfill brought; a gap counts in the hour in which it ended.
 */
export const OPEN_HOURS = `
open_since as materialized (select ${OPEN_SINCE} as at),
minutes as (
  select endpoint_id, minute, sum(accepted)::int8 as accepted, sum(duplicates)::int8 as duplicates, sum(conflicts)::int8 as conflicts,
    sum(rejected)::int8 as rejected,
    case when sum(accepted) > sum(filled) then coalesce(max(heard_at), minute) end as heard_at
  from postern.endpoint_minutes where minute >= (select at from open_since) group by 1, 2
),
heard_before as (
  select endpoint_id, max(heard_at) as heard_at from postern.endpoint_hours
  where hour < (select at from open_since) and heard_at is not null group by 1
),
heard as (
  select endpoint_id, minute, extract(epoch from heard_at - lag(heard_at) over (partition by endpoint_id order by heard_at))::float8 as gap_s
  from (
    select endpoint_id, minute, heard_at from minutes where heard_at is not null
    union all select endpoint_id, null, heard_at from heard_before
  ) as h
),
gaps as (
  select endpoint_id, date_trunc('hour', minute) as hour, max(gap_s) as gap_s from heard where minute is not null group by 1, 2
),
failures as (
  select endpoint_id, date_trunc('hour', minute) as hour,
    coalesce(sum(requests) filter (where reason not in ${NO_SIGNATURE_FAILURE}), 0)::int8 as signature_failures
  from postern.rejected_minutes where minute >= (select at from open_since) group by 1, 2
),
open_hours as (
  select m.endpoint_id, m.hour, m.accepted, m.duplicates, m.conflicts, m.rejected,
    coalesce(f.signature_failures, 0) as signature_failures, m.heard_at, g.gap_s
  from (
    select endpoint_id, date_trunc('hour', minute) as hour, sum(accepted)::int8 as accepted, sum(duplicates)::int8 as duplicates,
      sum(conflicts)::int8 as conflicts, sum(rejected)::int8 as rejected, max(heard_at) as heard_at
    from minutes group by 1, 2
  ) as m
  left join failures f using (endpoint_id, hour)
  left join gaps g using (endpoint_id, hour)
)`;

/** Keeps the hours as the minutes say; those that are told already are told anew. */
export async function measureHours(tx: Tx): Promise<void> {
  await tx.query(
    `with ${OPEN_HOURS}
     insert into postern.endpoint_hours (endpoint_id, hour, accepted, duplicates, conflicts, rejected, signature_failures, heard_at, gap_s)
     select endpoint_id, hour, accepted, duplicates, conflicts, rejected, signature_failures, heard_at, gap_s from open_hours
     on conflict (endpoint_id, hour) do update set accepted = excluded.accepted, duplicates = excluded.duplicates,
       conflicts = excluded.conflicts, rejected = excluded.rejected, signature_failures = excluded.signature_failures,
       heard_at = excluded.heard_at, gap_s = excluded.gap_s`,
  );
  // The last hour in which it was heard is kept however old: it says since when an endpoint is silent.
  await tx.query(
    `delete from postern.endpoint_hours h
     where h.hour < now() - make_interval(days => $1)
       and (h.heard_at is null or exists (
         select from postern.endpoint_hours l where l.endpoint_id = h.endpoint_id and l.hour > h.hour and l.heard_at is not null))`,
    [PACE_DAYS + 1],
  );
}
