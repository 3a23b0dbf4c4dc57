import { ADVISORY_LOCK_CLASS } from '../postgres/locks.ts';
import type { Sql } from '../postgres/sql.ts';

export type QueueFigures = {
  readonly depth: number;
  readonly active: number;
  readonly deferred: number;
  readonly failed: number;
  readonly dead: number;
  readonly oldestAgeSeconds: number;
  readonly ratePerSecond: number;
};

const RATE_MINUTES = 5;

/** Counts come from the partial indexes over unfinished states, so that ten million posted events cost nothing. */
export async function selectQueueFigures(sql: Sql): Promise<QueueFigures> {
  const { rows } = await sql.query<{
    depth: bigint;
    failed: bigint;
    deferred: bigint;
    dead: bigint;
    active: bigint;
    oldest: number;
    rate: number;
  }>(
    {
      name: 'api-queue-figures',
      text: `
select
  (select count(*) from postern.events where status = 'queued' and coalesce(next_attempt_at, received_at) <= now()) as depth,
  (select count(*) from postern.events where status = 'queued' and attempts > 0) as failed,
  (select count(*) from postern.events where status = 'deferred') as deferred,
  (select count(*) from postern.events where status = 'dead') as dead,
  -- A worker holds the advisory lock of its row: rows without it belong to dead ones.
  (select coalesce(sum(cardinality(w.holding)), 0) from postern.workers w
   where exists (select from pg_locks l where l.locktype = 'advisory' and l.classid = ${ADVISORY_LOCK_CLASS.worker}
     and l.objid = w.id::int4::oid and l.granted)) as active,
  coalesce((select extract(epoch from now() - min(coalesce(next_attempt_at, received_at)))::float8 from postern.events
    where status = 'queued' and coalesce(next_attempt_at, received_at) <= now()), 0) as oldest,
  (select coalesce(sum(finished), 0)::float8 / ${RATE_MINUTES * 60} from postern.endpoint_minutes
   where minute > now() - make_interval(mins => ${RATE_MINUTES})) as rate`,
    },
    [],
  );
  const [row] = rows;
  return {
    depth: Number(row?.depth ?? 0),
    active: Number(row?.active ?? 0),
    deferred: Number(row?.deferred ?? 0),
    failed: Number(row?.failed ?? 0),
    dead: Number(row?.dead ?? 0),
    oldestAgeSeconds: Math.max(0, row?.oldest ?? 0),
    ratePerSecond: row?.rate ?? 0,
  };
}

/** Orders of objects that processors are asked for; each is an event that waits for it. */
export async function selectFetchFigures(sql: Sql): Promise<QueueFigures> {
  const { rows } = await sql.query<{
    depth: bigint;
    active: bigint;
    deferred: bigint;
    failed: bigint;
    oldest: number;
    rate: number;
  }>(
    {
      name: 'api-fetch-figures',
      text: `
select count(*) filter (where due_at <= now() and leased_until is null) as depth,
  count(*) filter (where leased_until > now()) as active,
  count(*) filter (where due_at > now()) as deferred,
  count(*) filter (where attempts > 0 and leased_until is null) as failed,
  coalesce(extract(epoch from now() - min(due_at) filter (where due_at <= now()))::float8, 0) as oldest,
  (select count(*)::float8 / ${RATE_MINUTES * 60} from postern.fetched_objects
   where fetched_at > now() - make_interval(mins => ${RATE_MINUTES})) as rate
from postern.fetches`,
    },
    [],
  );
  const [row] = rows;
  return {
    depth: Number(row?.depth ?? 0),
    active: Number(row?.active ?? 0),
    deferred: Number(row?.deferred ?? 0),
    failed: Number(row?.failed ?? 0),
    dead: 0,
    oldestAgeSeconds: row?.oldest ?? 0,
    ratePerSecond: row?.rate ?? 0,
  };
}

export type EndpointFigures = {
  readonly endpointId: number;
  readonly provider: string;
  readonly endpoint: string;
  readonly lastEventAt: Date | null;
  readonly expectedSilenceSeconds: number;
  readonly amountAtRisk: readonly { currency: string; amount: bigint; since: Date }[];
};

const SILENCE_MIN_S = 600;

/** An endpoint is expected to be silent for three times the largest gap of its last seven days, at least ten minutes. */
export async function selectEndpointFigures(sql: Sql): Promise<EndpointFigures[]> {
  const { rows } = await sql.query<{
    id: number;
    provider: string;
    name: string;
    last_event_at: Date | null;
    largest_gap: number | null;
  }>(
    {
      name: 'api-endpoint-figures',
      text: `
with heard as (
  select endpoint_id, minute, extract(epoch from minute - lag(minute) over (partition by endpoint_id order by minute))::float8 as gap
  from (
    select distinct endpoint_id, minute from postern.endpoint_minutes where minute > now() - interval '7 days' and accepted > 0
  ) as m
)
select n.id, n.provider, n.name, max(h.minute) as last_event_at, max(h.gap) as largest_gap
from postern.endpoints n left join heard h on h.endpoint_id = n.id
group by n.id order by n.provider, n.name`,
    },
    [],
  );
  const risks = await selectAmountsAtRisk(sql);
  return rows.map((row) => ({
    endpointId: row.id,
    provider: row.provider,
    endpoint: row.name,
    lastEventAt: row.last_event_at,
    expectedSilenceSeconds: Math.max(SILENCE_MIN_S, 3 * (row.largest_gap ?? 0)),
    amountAtRisk: risks.get(row.id) ?? [],
  }));
}

async function selectAmountsAtRisk(
  sql: Sql,
): Promise<Map<number, { currency: string; amount: bigint; since: Date }[]>> {
  const { rows } = await sql.query<{ endpoint_id: number; currency: string; amount: string; since: Date }>(
    {
      name: 'api-amounts-at-risk',
      text: `
select e.endpoint_id, a.currency, sum(abs(a.amount))::text as amount, min(e.received_at) as since
from postern.event_amounts a join postern.events e on e.id = a.event_id
where e.status in ('queued', 'deferred', 'dead')
group by 1, 2 order by 1, 2`,
    },
    [],
  );
  const found = new Map<number, { currency: string; amount: bigint; since: Date }[]>();
  for (const row of rows) {
    const mine = found.get(row.endpoint_id) ?? [];
    mine.push({ currency: row.currency, amount: BigInt(row.amount), since: row.since });
    found.set(row.endpoint_id, mine);
  }
  return found;
}

export async function selectHousekeeping(
  sql: Sql,
): Promise<Map<string, { lastRunAt: Date; lastError: string | null; lastSuccessAt: Date | null }>> {
  const { rows } = await sql.query<{
    name: string;
    last_run_at: Date;
    last_error: string | null;
    last_success_at: Date | null;
  }>('select name, last_run_at, last_error, last_success_at from postern.housekeeping_runs');
  return new Map(
    rows.map((row) => [
      row.name,
      { lastRunAt: row.last_run_at, lastError: row.last_error, lastSuccessAt: row.last_success_at },
    ]),
  );
}
