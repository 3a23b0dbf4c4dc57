import { WAITS_S } from '../../ingest/appraise-store.ts';
import type { Tx } from '../../postgres/sql.ts';

/** Events of one endpoint and currency that are stored but not in the books. */
export type Risk = {
  readonly endpointId: number;
  /** Null, as the amount: events that could not be read, or were not yet. */
  readonly currency: string | null;
  /** Minor units, each event's taken as positive: a refund that is not posted is no less at risk. */
  readonly amount: bigint | null;
  readonly events: number;
  /** When the oldest of them came. */
  readonly since: Date;
};

/** Of each state: past it the sums are of so many, those of the longest waiting where they are queued. */
const EVENTS_MAX = 50_000;

/** What is queued for a moment is on its way; what waits, or is dead, is at risk. */
export async function selectRisks(tx: Tx): Promise<Risk[]> {
  const { rows } = await tx.query<{
    endpoint_id: number;
    currency: string | null;
    amount: string | null;
    events: bigint;
    since: Date;
  }>({
    name: 'stats-risks',
    text: `
with unfinished as materialized (
  select id, endpoint_id, received_at from (
    select id, endpoint_id, received_at from postern.events where status = 'queued'
    order by coalesce(next_attempt_at, received_at) limit ${EVENTS_MAX}
  ) as q where received_at < now() - interval '${WAITS_S} seconds'
  union all
  (select id, endpoint_id, received_at from postern.events where status = 'deferred' limit ${EVENTS_MAX})
  union all
  (select id, endpoint_id, received_at from postern.events where status = 'dead' limit ${EVENTS_MAX})
), known as (
  -- What was noted when an event was parked or died stands, where a replay has queued it again.
  select u.endpoint_id, u.received_at, coalesce(a.currency, q.currency) as currency, coalesce(a.amount, q.amount) as amount
  from unfinished u
  left join postern.event_amounts a on a.event_id = u.id
  left join postern.queued_amounts q on q.event_id = u.id
)
select endpoint_id, currency, sum(abs(amount))::text as amount, count(*) as events, min(received_at) as since
from known group by 1, 2 order by 1, 2`,
  });
  return rows.map((row) => ({
    endpointId: row.endpoint_id,
    currency: row.currency,
    amount: row.amount === null ? null : BigInt(row.amount),
    events: Number(row.events),
    since: row.since,
  }));
}
