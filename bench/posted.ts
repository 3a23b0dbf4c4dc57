import type pg from 'pg';
import { NUMBER_DIGITS } from './requests.ts';

export type PostedRun = {
  readonly run: string;
  /** Unix ms of the first request. */
  readonly startedAt: number;
  /** The open loop's rate, from which each event's due time follows; null for a closed loop. */
  readonly rate: number | null;
};

export type Posted = { readonly events: number; readonly seconds: number; readonly p99Ms: number };

const POLL_MS = 50;
const WAIT_S = 120;

/** Waits until nothing is queued any more. With a run: how many of its events posted, and how long after they were due. */
export async function waitUntilPosted(sql: pg.Pool, run?: PostedRun): Promise<Posted> {
  const limit = Date.now() + WAIT_S * 1000;
  while ((await sql.query("select 1 from postern.events where status = 'queued' limit 1")).rowCount !== 0) {
    if (Date.now() > limit) throw new Error(`events were still queued after ${WAIT_S} s`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  if (run === undefined) return { events: 0, seconds: 0, p99Ms: 0 };
  const { rows } = await sql.query<{ events: number; other: number; last: number; p99: number }>(
    `select count(*) filter (where status = 'posted')::int as events, count(*) filter (where status <> 'posted')::int as other,
       (extract(epoch from max(posted_at)) * 1000)::float8 as last,
       coalesce(percentile_cont(0.99) within group (order by extract(epoch from posted_at) * 1000 - $2::float8
         - case when $3::float8 is null then 0 else right(event_id, $4)::int * 1000 / $3::float8 end), 0)::float8 as p99
     from postern.events where event_id like 'evt\\_%' || $1 || repeat('_', $4)`,
    [run.run, run.startedAt, run.rate, NUMBER_DIGITS],
  );
  const found = rows[0];
  if (found === undefined || found.events === 0) throw new Error('none of the events posted');
  if (found.other > 0) throw new Error(`${found.other} events ended other than posted`);
  return { events: found.events, seconds: (found.last - run.startedAt) / 1000, p99Ms: found.p99 };
}
