import type pg from 'pg';
import { readStats } from '../src/api/stats/read-stats.ts';
import type { Risk } from '../src/api/stats/risk-store.ts';
import { measureHours } from '../src/ingest/endpoint-hours-store.ts';
import { createLog } from '../src/log.ts';
import { createPools } from '../src/postgres/pools.ts';
import { withTransaction } from '../src/postgres/sql.ts';
import { providers } from '../src/providers/index.ts';
import { median } from './ratios.ts';
import type { Effort, Figures } from './sections.ts';
import type { Stand } from './stand.ts';

type Tell = (line: string) => void;

const EVENTS_A_CHUNK = 250_000;
const ENDPOINTS = 20;
const WRITERS = 4;
const DAYS = 8;
/** Of each state that is not finished: a bad day, not a disaster. */
const UNFINISHED = { queued: 20_000, deferred: 5_000, dead: 5_000 } as const;
const BACKLOG = 500_000;
const TIMES = 15;

/** What `queue/stats` costs the database beside many posted events, on a bad day and with a backlog. Events that are there already count. */
export async function stats(stand: Stand, { books: { postings: events } }: Effort, tell: Tell): Promise<Figures> {
  await fillEvents(stand.sql, events, tell);
  await fillMinutes(stand.sql);
  for (const [status, count] of Object.entries(UNFINISHED)) await addUnfinished(stand.sql, status, count);
  await stand.sql.query('vacuum (analyze) postern.events');
  for (const table of ['endpoint_minutes', 'event_amounts', 'queued_amounts', 'endpoint_hours'])
    await stand.sql.query(`vacuum (analyze) postern.${table}`);
  const pools = createPools(stand.databaseUrl, {
    log: createLog('warn'),
    role: stand.role === null ? null : 'postern_app',
  });
  try {
    await withTransaction(pools.api, measureHours);
    await stand.sql.query(
      `insert into postern.housekeeping_runs (name, last_run_at, last_success_at) values ('measure_hours', now(), now())
       on conflict (name) do update set last_success_at = excluded.last_success_at`,
    );
    const usual = await timed(pools.api);
    tell(`stats: ${usual.median.toFixed(1)} ms, with the money at risk ${usual.withRisks.toFixed(1)} ms`);
    await addUnfinished(stand.sql, 'queued', BACKLOG);
    await stand.sql.query('vacuum (analyze) postern.events');
    const backlog = await timed(pools.api);
    tell(`stats with ${BACKLOG.toLocaleString('en')} more queued: ${backlog.median.toFixed(1)} ms`);
    const { rows } = await stand.sql.query(
      "select count(*)::int4 as count from postern.events where status = 'posted'",
    );
    return {
      stats_events: rows[0].count,
      stats_ms: usual.median,
      stats_risks_ms: usual.withRisks,
      stats_backlog_ms: backlog.median,
    };
  } finally {
    await pools.end();
    await stand.sql.query("delete from postern.events where status <> 'posted' and type = 'stats'");
  }
}

async function timed(pool: pg.Pool): Promise<{ median: number; withRisks: number }> {
  const clock = { now: () => Date.now() };
  // As the API does between two readings of the money, and as it does then.
  const risks = async (): Promise<readonly Risk[]> => [];
  const whole: number[] = [];
  const took: number[] = [];
  for (let n = 0; n < TIMES; n += 1) {
    const begun = performance.now();
    await readStats({ pool, clock, providers, risks });
    took.push(performance.now() - begun);
    const again = performance.now();
    await readStats({ pool, clock, providers });
    whole.push(performance.now() - again);
  }
  return { median: median(took), withRisks: median(whole) };
}

const id = (ms: string, hex: string): string =>
  `(lpad(to_hex(${ms}), 12, '0') || '7000' || '8' || substr(${hex}, 1, 15))::uuid`;

/** Posted ones over the last hundred days, oldest first, a chunk a transaction. */
async function fillEvents(pool: pg.Pool, count: number, tell: Tell): Promise<void> {
  await pool.query(
    `insert into postern.endpoints (provider, name, account)
     select (array['stripe', 'adyen', 'paypal', 'square'])[n % 4 + 1], 'stats-' || n, 'stats-' || n from generate_series(1, $1::int) n
     on conflict do nothing`,
    [ENDPOINTS],
  );
  const { rows } = await pool.query("select count(*)::int4 as there from postern.events where type = 'stats'");
  for (let from: number = rows[0].there; from < count; from += EVENTS_A_CHUNK) {
    const chunk = Math.min(EVENTS_A_CHUNK, count - from);
    await pool.query(
      `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status, posted_at)
       select ${id('ms', 'h')}, ${id('ms', 'h')}, to_timestamp(ms / 1000.0), 2 + n % $3::int, 0, 'evt_' || lpad(n::text, 12, '0'),
         decode(h || h, 'hex'), 'stats', 'stats', 'posted', to_timestamp(ms / 1000.0)
       from (
         select n, md5(n::text) as h, (extract(epoch from now()) * 1000)::bigint - 8640000000 + n::bigint * 800 as ms
         from generate_series($1::int, $1::int + $2::int - 1) n
       ) as numbers`,
      [from, chunk, ENDPOINTS],
    );
    tell(`filled ${(from + chunk).toLocaleString('en')} events`);
  }
}

/** Every minute of every endpoint, by several writers: more than most have. */
async function fillMinutes(pool: pg.Pool): Promise<void> {
  await pool.query(
    `insert into postern.endpoint_minutes (writer, endpoint_id, minute, accepted, finished, heard_at)
     select ('00000000-0000-7000-8000-00000000000' || w)::uuid, 2 + e, m, 7, 7, m + interval '40 seconds'
     from generate_series(date_trunc('minute', now()) - make_interval(days => $1), now(), interval '1 minute') m,
       generate_series(1, $2::int) w, generate_series(0, $3::int - 1) e
     on conflict do nothing`,
    [DAYS, WRITERS, ENDPOINTS],
  );
}

/** With their amounts, where a worker or the appraisal would have noted them. */
async function addUnfinished(pool: pg.Pool, status: string, count: number): Promise<void> {
  await pool.query(
    `with made as (
       insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
       select gen_random_uuid(), gen_random_uuid(), now() - interval '1 hour' + n * interval '5 milliseconds', 2 + n % $3::int, 0,
         gen_random_uuid()::text, decode(md5(n::text), 'hex'), 'stats', 'stats', $1
       from generate_series(1, $2::int) n
       returning id, status
     ), noted as (
       insert into postern.event_amounts select id, 'EUR', 1000 from made where status <> 'queued'
     )
     insert into postern.queued_amounts select id, 'EUR', 1000 from made where status = 'queued' limit 50000
     on conflict do nothing`,
    [status, count, ENDPOINTS],
  );
}
