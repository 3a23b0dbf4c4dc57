import { ADVISORY_LOCK_CLASS } from '../../postgres/locks.ts';

/**
 * The lane as a queue: one row of `depth`, `active`, `deferred`, `failed`, `dead`, `oldest` (s), `rate_out` and `rate_in` (a second),
 * counted in events of the replays that are not over. Reads their rows only.
 */
export const REPLAY_FIGURES = {
  name: 'replay-figures',
  text: `
select coalesce(sum(greatest(coalesce(total, done) - done - active, 0)), 0)::int8 as depth, coalesce(sum(active), 0)::int8 as active,
  coalesce(sum(deferred), 0)::int8 as deferred, coalesce(sum(failed), 0)::int8 as failed, 0::int8 as dead,
  coalesce(extract(epoch from now() - min(created_at))::float8, 0) as oldest,
  coalesce(sum(done / greatest(extract(epoch from now() - created_at)::float8, 1)), 0)::float8 as rate_out, null::float8 as rate_in
from (
  select total, done, deferred, failed, created_at,
    -- What a process that died held is in nobody's hands.
    case when exists (select from pg_locks l where l.locktype = 'advisory' and l.classid = ${ADVISORY_LOCK_CLASS.replay} and l.granted
      and l.database = (select oid from pg_database where datname = current_database())) then cardinality(holding) else 0 end as active
  from postern.replays where status in ('running', 'paused')
) as unfinished`,
} as const;
