import pg from 'pg';
import { REPLAY_RATE_DEFAULT } from '../src/ingest/replay/replay.ts';
import { createReplayRequests } from '../src/ingest/replay/replay-requests.ts';
import { ADVISORY_LOCK_CLASS } from '../src/postgres/locks.ts';
import type { LoadResult } from './load.ts';
import { waitUntilPosted } from './posted.ts';
import { median, medianRatio, type Pair } from './ratios.ts';
import type { Effort, Figures } from './sections.ts';
import type { Server, Stand } from './stand.ts';

const LIVE_RATE = 500;
const LIVE_CONNECTIONS = 64;
/** Of what is not measured. */
const HURRIED_RATE = 2_500;
const FILL_S = 280;
const WAIT_S = 280;
const LOOK_MS = 100;

type Measured = { readonly acknowledged: Pair[]; readonly posted: Pair[]; readonly rates: number[] };
type Progress = { readonly status: string; readonly done: number; readonly posted: number; readonly failed: number };

/**
 * Events that all died are run again beside live traffic: pairs of the same steady load without and with it, the second at the
 * replay's default rate. The process is killed halfway; the next goes on. Then every charge is in the books once.
 */
export async function replaying(stand: Stand, effort: Effort, tell: (line: string) => void): Promise<Figures> {
  const { events, pairs } = effort.replay;
  await fillWithDead(stand, events);
  const lane = await holdLane(stand);
  try {
    const id = await askForAll(stand);
    const found: Measured = { acknowledged: [], posted: [], rates: [] };
    await measurePair(stand, effort, lane, id, found, tell);
    await lane.release();
    await killHalfway(stand, id, events, tell);
    for (let n = 1; n < pairs; n += 1) {
      await lane.take();
      await measurePair(stand, effort, lane, id, found, tell);
    }
    await lane.release();
    await setRate(stand, id, HURRIED_RATE);
    await stand.withServer('acknowledge_and_post', () =>
      until(stand, id, ({ status }) => status !== 'running' && status !== 'paused'),
    );
    const { status, done, posted, failed } = await progressOf(stand, id);
    const wrong = await countWrong(stand);
    tell(
      `replay: ${status}, ${done} run again, ${posted} posted, ${failed} failed; ${wrong.twice} twice, ${wrong.lost} lost`,
    );
    return {
      replay_events: done,
      replay_rate: median(found.rates),
      replay_live_p99_ms_without: median(found.acknowledged.map(({ bare }) => bare)),
      replay_live_p99_ms_with: median(found.acknowledged.map(({ value }) => value)),
      replay_live_p99_ratio: medianRatio(found.acknowledged),
      replay_live_posted_p99_ms_without: median(found.posted.map(({ bare }) => bare)),
      replay_live_posted_p99_ms_with: median(found.posted.map(({ value }) => value)),
      replay_live_posted_p99_ratio: medianRatio(found.posted),
      replay_twice: wrong.twice,
      replay_lost: wrong.lost,
    };
  } finally {
    await lane.end();
  }
}

/** As if a bug of a release had killed all that came. */
async function fillWithDead(stand: Stand, events: number): Promise<void> {
  await stand.withServer('acknowledge', async (server) => {
    await server.prepare(events);
    const { ok } = await server.load({ connections: 64, seconds: FILL_S, rate: null, cycle: false, from: 0 });
    if (ok !== events) throw new Error(`only ${ok} of ${events} events were taken in`);
  });
  await stand.sql.query("delete from pgboss.job where name = 'events'");
  await stand.sql.query(
    `update postern.events set status = 'dead', reason = 'rule_failed', error_code = 'rule_failed', error_message = 'a bug', attempts = 1
     where status = 'queued'`,
  );
  for (const table of ['events', 'deliveries']) await stand.sql.query(`vacuum (analyze) postern.${table}`);
}

/** Whoever holds the lane keeps every replay waiting: for what is measured without one. */
async function holdLane({
  databaseUrl,
}: Stand): Promise<{ take(): Promise<void>; release(): Promise<void>; end(): Promise<void> }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', (error) => console.error(error.message));
  await client.connect();
  const run = async (verb: string): Promise<void> => {
    await client.query(`select ${verb}(${ADVISORY_LOCK_CLASS.replay}, 0)`);
  };
  await run('pg_advisory_lock');
  return { take: () => run('pg_advisory_lock'), release: () => run('pg_advisory_unlock'), end: () => client.end() };
}

function askForAll(stand: Stand): Promise<string> {
  const requests = createReplayRequests({ pool: stand.sql, clock: { now: () => Date.now() } });
  const wish = { target: { filter: { status: 'dead' } }, reason: 'the bug is mended', dryRun: false } as const;
  return requests.ask(wish, 'bench');
}

async function measurePair(
  stand: Stand,
  effort: Effort,
  lane: { release(): Promise<void> },
  id: string,
  found: Measured,
  tell: (line: string) => void,
): Promise<void> {
  await setRate(stand, id, REPLAY_RATE_DEFAULT);
  await stand.withServer('acknowledge_and_post', async (server) => {
    await live(stand, server, effort.warmUpS);
    const without = await live(stand, server, effort.replay.seconds);
    await lane.release();
    const before = await until(stand, id, ({ done }, first) => done > first);
    const startedAt = Date.now();
    const beside = await live(stand, server, effort.replay.seconds);
    const after = await progressOf(stand, id);
    if (after.status !== 'running') throw new Error(`the replay was ${after.status} while it was measured`);
    const rate = ((after.done - before.done) * 1_000) / (Date.now() - startedAt);
    found.acknowledged.push({ bare: without.p99Ms, value: beside.p99Ms });
    found.posted.push({ bare: without.postedP99Ms, value: beside.postedP99Ms });
    found.rates.push(rate);
    tell(
      `replay: live p99 ${without.p99Ms.toFixed(1)} ms without, ${beside.p99Ms.toFixed(1)} ms beside ${rate.toFixed(0)} a second; ` +
        `posted p99 ${without.postedP99Ms.toFixed(0)} and ${beside.postedP99Ms.toFixed(0)} ms`,
    );
  });
}

/** Steady live traffic, and how long its answers and its postings took. */
async function live(
  stand: Stand,
  server: Server,
  seconds: number,
): Promise<LoadResult & { readonly postedP99Ms: number }> {
  const run = await server.prepare(LIVE_RATE * (seconds + 1));
  const plan = { connections: LIVE_CONNECTIONS, seconds, rate: LIVE_RATE, cycle: false, from: 0 };
  const result = await server.load(plan);
  if (result.other > 0 || result.broken > 0) throw new Error(`${result.other + result.broken} live requests failed`);
  const posted = await waitUntilPosted(stand.sql, { run, startedAt: result.startedAt, rate: LIVE_RATE });
  return { ...result, postedP99Ms: posted.p99Ms };
}

async function killHalfway(stand: Stand, id: string, events: number, tell: (line: string) => void): Promise<void> {
  await setRate(stand, id, HURRIED_RATE);
  const doomed = await stand.startDoomedServer();
  try {
    await until(stand, id, ({ done }) => done >= events / 2);
  } finally {
    await doomed.kill();
  }
  const { done, status } = await progressOf(stand, id);
  tell(`replay: killed after ${done} events, ${status}`);
}

async function setRate({ sql }: Stand, id: string, rate: number): Promise<void> {
  await sql.query('update postern.replays set rate = $2 where id = $1', [id, rate]);
}

async function until(
  stand: Stand,
  id: string,
  isReached: (now: Progress, doneAtFirst: number) => boolean,
): Promise<Progress> {
  const limit = Date.now() + WAIT_S * 1_000;
  const first = await progressOf(stand, id);
  for (;;) {
    const now = await progressOf(stand, id);
    if (isReached(now, first.done)) return now;
    if (Date.now() > limit) throw new Error(`the replay is ${now.status} at ${now.done} after ${WAIT_S} s`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function progressOf({ sql }: Stand, id: string): Promise<Progress> {
  const { rows } = await sql.query<Progress>(
    'select status, done::int as done, posted::int as posted, failed::int as failed from postern.replays where id = $1',
    [id],
  );
  if (rows[0] === undefined) throw new Error('the replay is gone');
  return rows[0];
}

/** Each event is another charge, which is captured once. */
async function countWrong({ sql }: Stand): Promise<{ twice: number; lost: number }> {
  const { rows } = await sql.query<{ twice: number; lost: number }>(
    `select count(*) filter (where times > 1)::int as twice, count(*) filter (where times = 0 or status <> 'posted')::int as lost
     from (
       select e.status, (select count(*) from postern.transactions t where t.source_event = e.id) as times from postern.events e
     ) as counted`,
  );
  return rows[0] ?? { twice: Number.NaN, lost: Number.NaN };
}
