import { OPEN_HOURS, PACE_DAYS } from '../../ingest/endpoint-hours-store.ts';
import type { Tx } from '../../postgres/sql.ts';
import { uuidFloor } from '../../uuid.ts';

export type EndpointFigures = {
  readonly id: number;
  readonly provider: string;
  readonly endpoint: string;
  readonly disabled: boolean;
  /** Null where nothing ever came. */
  readonly lastEventAt: Date | null;
  /** Null where it was never heard twice within a week. */
  readonly largestGapSeconds: number | null;
  readonly accepted: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly rejected: number;
  readonly signatureFailures: number;
  readonly gaps: number;
};

const DAY_MS = 86_400_000;

/**
 * What each endpoint was told by its processor: when last, and in the last 24 hours, counted in whole hours and the present
 * one. Hours that are over were added up by housekeeping; only the minutes since are read.
 */
export async function selectEndpointFigures(tx: Tx, now: number): Promise<EndpointFigures[]> {
  const { rows } = await tx.query<{
    id: number;
    provider: string;
    name: string;
    disabled: boolean;
    last_event_at: Date | null;
    largest_gap: number | null;
    accepted: bigint;
    duplicates: bigint;
    conflicts: bigint;
    rejected: bigint;
    signature_failures: bigint;
    gaps: bigint;
  }>(
    {
      name: 'stats-endpoints',
      text: `
with ${OPEN_HOURS},
hours as (
  select endpoint_id, hour, accepted, duplicates, conflicts, rejected, signature_failures, heard_at, gap_s from postern.endpoint_hours
  where hour < (select at from open_since)
  union all
  select endpoint_id, hour, accepted, duplicates, conflicts, rejected, signature_failures, heard_at, gap_s from open_hours
),
summed as (
  select endpoint_id, max(heard_at) as heard_at,
    max(gap_s) filter (where hour > now() - interval '${PACE_DAYS} days') as gap_s,
    sum(accepted) filter (where hour > now() - interval '24 hours') as accepted,
    sum(duplicates) filter (where hour > now() - interval '24 hours') as duplicates,
    sum(conflicts) filter (where hour > now() - interval '24 hours') as conflicts,
    sum(rejected) filter (where hour > now() - interval '24 hours') as rejected,
    sum(signature_failures) filter (where hour > now() - interval '24 hours') as signature_failures
  from hours group by 1
),
found as (
  -- Ids begin with their time: a walk over the last day of them, not over all there ever were.
  select endpoint_id, sum(gaps) as gaps from postern.backfills where id >= $1::uuid group by 1
)
select n.id, n.provider, n.name, n.disabled, s.heard_at as last_event_at, s.gap_s as largest_gap,
  coalesce(s.accepted, 0)::int8 as accepted, coalesce(s.duplicates, 0)::int8 as duplicates,
  coalesce(s.conflicts, 0)::int8 as conflicts, coalesce(s.rejected, 0)::int8 as rejected,
  coalesce(s.signature_failures, 0)::int8 as signature_failures, coalesce(f.gaps, 0)::int8 as gaps
from postern.endpoints n
left join summed s on s.endpoint_id = n.id
left join found f on f.endpoint_id = n.id
order by n.provider, n.name`,
    },
    [uuidFloor(now - DAY_MS)],
  );
  return rows.map((row) => ({
    id: row.id,
    provider: row.provider,
    endpoint: row.name,
    disabled: row.disabled,
    lastEventAt: row.last_event_at,
    largestGapSeconds: row.largest_gap,
    accepted: Number(row.accepted),
    duplicates: Number(row.duplicates),
    conflicts: Number(row.conflicts),
    rejected: Number(row.rejected),
    signatureFailures: Number(row.signature_failures),
    gaps: Number(row.gaps),
  }));
}
