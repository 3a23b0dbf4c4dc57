import { LIVING_WORKERS } from '../../ingest/queue-control-store.ts';
import type { QueueName } from '../../ingest/queues.ts';
import { REPLAY_FIGURES } from '../../ingest/replay/replay-figures.ts';
import type { Tx } from '../../postgres/sql.ts';

export type QueueFigures = {
  /** Due, and in nobody's hands. */
  readonly depth: number;
  readonly active: number;
  readonly deferred: number;
  /** Of what is not finished, what was tried and failed. */
  readonly failed: number;
  readonly dead: number;
  readonly oldestAgeSeconds: number;
  /** What left it, a second. */
  readonly rateOut: number;
  /** What came, a second; null where nobody counts. */
  readonly rateIn: number | null;
};

/** From the beginning of the last whole minute: 60 to 120 s, so that an estimate follows what happens now. */
const RATES_SINCE = `date_trunc('minute', now()) - interval '1 minute'`;
const RATES_S = `extract(epoch from now() - (${RATES_SINCE}))::float8`;

type Row = {
  depth: bigint;
  active: bigint;
  deferred: bigint;
  failed: bigint;
  dead: bigint;
  oldest: number;
  rate_out: number;
  rate_in: number | null;
};

/** Counts come from the partial indexes over unfinished states, so that ten million posted events cost nothing. */
const EVENTS = {
  name: 'stats-queue-events',
  text: `
select q.depth, q.failed,
  (select count(*) from postern.events where status = 'deferred') as deferred,
  (select count(*) from postern.events where status = 'dead') as dead,
  (select coalesce(sum(cardinality(w.holding)), 0) from ${LIVING_WORKERS}) as active,
  coalesce((select extract(epoch from now() - min(coalesce(next_attempt_at, received_at)))::float8 from postern.events
    where status = 'queued' and coalesce(next_attempt_at, received_at) <= now()), 0) as oldest,
  (select coalesce(sum(finished), 0)::float8 / ${RATES_S} from postern.endpoint_minutes where minute >= ${RATES_SINCE}) as rate_out,
  (select coalesce(sum(accepted - duplicates - conflicts), 0)::float8 / ${RATES_S} from postern.endpoint_minutes
   where minute >= ${RATES_SINCE}) as rate_in
from (
  select count(*) filter (where coalesce(next_attempt_at, received_at) <= now()) as depth, count(*) filter (where attempts > 0) as failed
  from postern.events where status = 'queued'
) as q`,
};

/** Orders of objects that processors are asked for; each is an event that waits for it. */
const FETCH = {
  name: 'stats-queue-fetch',
  text: `
select count(*) filter (where due_at <= now() and coalesce(leased_until <= now(), true)) as depth,
  count(*) filter (where leased_until > now()) as active,
  count(*) filter (where due_at > now() and coalesce(leased_until <= now(), true)) as deferred,
  count(*) filter (where attempts > 0 and coalesce(leased_until <= now(), true)) as failed,
  0::int8 as dead,
  coalesce(extract(epoch from now() - min(due_at) filter (where due_at <= now()))::float8, 0) as oldest,
  (select count(*)::float8 / ${RATES_S} from postern.fetched_objects where fetched_at >= ${RATES_SINCE}) as rate_out,
  null::float8 as rate_in
from postern.fetches`,
};

/**
 * Reports that processors are asked for, and the lists of them. Dead is what failed at the last try, of the last week: a list that
 * somebody asked for was told to whoever it was.
 */
const SETTLEMENTS = {
  name: 'stats-queue-settlements',
  text: `
select q.*,
  (select count(*) from postern.report_fetches f
   where f.status = 'failed' and f.finished_at > now() - interval '7 days' and (f.report is not null or f.origin = 'schedule')
     and not exists (
       select from postern.report_fetches n
       where n.endpoint_id = f.endpoint_id and n.id > f.id and (n.report = f.report or (n.report is null and f.report is null)))
  ) as dead,
  (select count(*)::float8 / ${RATES_S} from postern.report_fetches where finished_at >= ${RATES_SINCE}) as rate_out,
  null::float8 as rate_in
from (
  select count(*) filter (where due_at <= now()) as depth,
    count(*) filter (where status = 'running' and due_at > now()) as active,
    count(*) filter (where status = 'queued' and due_at > now()) as deferred,
    count(*) filter (where attempts > 0 and (status = 'queued' or due_at <= now())) as failed,
    coalesce(extract(epoch from now() - min(due_at) filter (where due_at <= now()))::float8, 0) as oldest
  from postern.report_fetches where status in ('queued', 'running')
) as q`,
};

const NOTHING: QueueFigures = {
  depth: 0,
  active: 0,
  deferred: 0,
  failed: 0,
  dead: 0,
  oldestAgeSeconds: 0,
  rateOut: 0,
  rateIn: 0,
};

const READERS: Readonly<Record<QueueName, (tx: Tx) => Promise<QueueFigures>>> = {
  events: async (tx) => {
    const figures = await read(tx, EVENTS);
    // A worker's events are still queued: what it has in hand is not depth.
    return { ...figures, depth: Math.max(0, figures.depth - figures.active) };
  },
  replay: (tx) => read(tx, REPLAY_FIGURES),
  fetch: (tx) => read(tx, FETCH),
  settlements: (tx) => read(tx, SETTLEMENTS),
};

export function selectQueueFigures(tx: Tx, queue: QueueName): Promise<QueueFigures> {
  return READERS[queue](tx);
}

async function read(tx: Tx, statement: { name: string; text: string }): Promise<QueueFigures> {
  const { rows } = await tx.query<Row>(statement);
  const [row] = rows;
  if (row === undefined) return NOTHING;
  return {
    depth: Number(row.depth),
    active: Number(row.active),
    deferred: Number(row.deferred),
    failed: Number(row.failed),
    dead: Number(row.dead),
    oldestAgeSeconds: Math.max(0, row.oldest),
    rateOut: row.rate_out,
    rateIn: row.rate_in,
  };
}
