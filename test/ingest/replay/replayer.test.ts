import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/endpoints/endpoint.ts';
import { PosternError } from '../../../src/errors.ts';
import { createJobQueue } from '../../../src/ingest/job-queue.ts';
import { REPLAY_FIGURES } from '../../../src/ingest/replay/replay-figures.ts';
import { createReplayRequests, type ReplayWish } from '../../../src/ingest/replay/replay-requests.ts';
import { type ReplayRow, selectReplayChanges, selectReplays } from '../../../src/ingest/replay/replay-store.ts';
import { createReplayer, type Replayer, type ReplayerParts } from '../../../src/ingest/replay/replayer.ts';
import { createLedger, type Ledger } from '../../../src/ledger/post.ts';
import { createMetrics } from '../../../src/metrics.ts';
import { createBoss } from '../../../src/postgres/boss.ts';
import type { Pools } from '../../../src/postgres/pools.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import { uuidv7 } from '../../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { nothingQueued } from '../../support/old-days.ts';
import { createPipeline } from '../../support/pipeline.ts';
import { chargeSucceeded } from '../../support/stripe-bodies.ts';
import { captures, kill, stateOf, unpost } from './replays.ts';

const clock = { now: () => Date.now() };
const COUNT = 12;

let database: TestDatabase;
let pools: Pools;
let endpoint: Endpoint;
/** Ids of dead events, the oldest first, that posted nothing. */
let dead: string[];
let running: Replayer[];
let boss: ReturnType<typeof createBoss>;

beforeEach(async () => {
  database = await createTestDatabase();
  const made = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ('stripe', 'main', 'acct_1') returning id`,
  );
  endpoint = {
    id: made.rows[0]?.id ?? 0,
    provider: stripe,
    name: 'main',
    account: 'acct_1',
    settings: {},
    disabled: false,
    secrets: [],
  };
  const pipeline = await createPipeline(database, () => [endpoint]);
  for (let n = 0; n < COUNT; n += 1) await pipeline.deliver(endpoint, chargeSucceeded(`r${n}`));
  pipeline.worker.start();
  await nothingQueued(database.sql);
  await pipeline.stop();
  const { rows } = await database.sql.query<{ id: string }>('select id from postern.events order by id');
  dead = rows.map(({ id }) => id);
  await unpost(database, ...dead);
  await kill(database, ...dead);
  pools = database.pools();
  boss = createBoss(pools.boss, database.log);
  await boss.start();
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  await boss.stop({ graceful: false, close: false });
  await database.drop();
});

function startLane(change: Partial<Pick<ReplayerParts, 'ledger' | 'isPaused' | 'endpoints'>> = {}): Replayer {
  const replayer = createReplayer({
    pool: pools.worker,
    connect: pools.reader,
    ledger: createLedger({ clock }),
    queue: createJobQueue(boss),
    endpoints: { byId: (id) => (id === endpoint.id ? endpoint : undefined) },
    clock,
    random: Math.random,
    log: database.log,
    metrics: createMetrics({ process: false }),
    writer: uuidv7(clock.now()),
    lookMs: 100,
    ...change,
  });
  running.push(replayer);
  replayer.start();
  return replayer;
}

const ask = (wish: Partial<ReplayWish> = {}): Promise<string> =>
  createReplayRequests({ pool: pools.api, clock }).ask(
    { target: { filter: { status: 'dead' } }, reason: 'a test', dryRun: false, rate: 5_000, ...wish },
    'test',
  );

const pause = (queue: string, paused: boolean): Promise<unknown> =>
  database.sql.query(
    `insert into postern.queue_controls (queue, paused, actor) values ($1, $2, 'test')
     on conflict (queue) do update set paused = excluded.paused`,
    [queue, paused],
  );

async function read(id: string): Promise<ReplayRow> {
  const [row] = await selectReplays(database.app, { id }, { before: null, limit: 1 });
  if (row === undefined) throw new Error('the replay is gone');
  return row;
}

async function over(id: string): Promise<ReplayRow> {
  return eventually(
    async () => {
      const row = await read(id);
      expect(['done', 'failed', 'cancelled']).toContain(row.status);
      return row;
    },
    { timeoutMs: 15_000 },
  );
}

/** Fails at some events as a bug in a rule would. */
function failingAt(ids: readonly string[], error: () => Error): Ledger {
  const ledger = createLedger({ clock });
  return {
    ...ledger,
    post(tx, requests) {
      if (requests.some(({ source }) => ids.includes(source.event ?? ''))) throw error();
      return ledger.post(tx, requests);
    },
  };
}

const changesOf = (id: string, outcome: 'failed' | 'deferred' | 'posted') =>
  selectReplayChanges(database.app, id, { outcome }, { after: null, limit: 100 });

const posted = async (): Promise<number> => [...(await captures(database)).values()].reduce((sum, n) => sum + n, 0);

describe('an event that fails', () => {
  it('is found alone, and the others go through', async () => {
    const guilty = [dead[3] ?? '', dead[4] ?? '', dead[11] ?? ''];
    startLane({ ledger: failingAt(guilty, () => new Error('the rule knows no such thing')) });
    const id = await ask();
    expect(await over(id)).toMatchObject({ status: 'done', done: 12n, posted: 9n, failed: 3n });
    for (const event of guilty)
      expect(await stateOf(database, event)).toMatchObject({
        status: 'dead',
        error_code: 'rule_failed',
        attempts: 1,
        kills: 0,
      });
    expect((await changesOf(id, 'failed')).map(({ event_id }) => event_id)).toEqual(guilty);
    expect(await posted()).toBe(9);
  });

  it('goes to the live queue with the rest of its attempts where another may mend it', async () => {
    const guilty = dead[2] ?? '';
    startLane({ ledger: failingAt([guilty], () => new PosternError('egress_failed', 'not now')) });
    const id = await ask();
    expect(await over(id)).toMatchObject({ status: 'done', posted: 11n, deferred: 1n, failed: 0n });
    expect(await stateOf(database, guilty)).toMatchObject({
      status: 'queued',
      attempts: 1,
      error_code: 'egress_failed',
    });
    const { rows } = await database.sql.query(
      `select 1 from pgboss.job j join postern.events e on e.job_id = j.id where e.id = $1 and j.state = 'created'`,
      [guilty],
    );
    expect(rows).toHaveLength(1);
  }, 30_000);

  it('leaves a line in its history for each attempt that failed here, as it would in the live lane', async () => {
    const [dies = '', waits = ''] = dead;
    const failing = failingAt([dies], () => new Error('no such rule'));
    const busy = failingAt([waits], () => new PosternError('egress_failed', 'not now'));
    startLane({
      ledger: {
        ...failing,
        post: (tx, requests) =>
          requests.some(({ source }) => source.event === waits) ? busy.post(tx, requests) : failing.post(tx, requests),
      },
    });
    await over(await ask());
    const { rows } = await database.sql.query(
      'select event_id, what, attempt, error_code, error_message from postern.event_history order by event_id',
    );
    expect(rows).toEqual([
      { event_id: dies, what: 'died', attempt: 1, error_code: 'rule_failed', error_message: 'no such rule' },
      { event_id: waits, what: 'failed', attempt: 1, error_code: 'egress_failed', error_message: 'not now' },
    ]);
  }, 30_000);

  it('is told in words that Postgres takes, whatever its sender wrote', async () => {
    const guilty = dead[1] ?? '';
    startLane({ ledger: failingAt([guilty], () => new Error(`no type \u0000\ud800 ${'x'.repeat(100_000)}`)) });
    const id = await ask();
    expect(await over(id)).toMatchObject({ status: 'done', done: 12n, posted: 11n, failed: 1n });
    const [change] = await changesOf(id, 'failed');
    expect(change?.after.reason).toMatch(/^rule_failed: no type \ufffd\ufffd x+$/);
    expect(change?.after.reason?.length).toBeLessThanOrEqual(1_100);
  });

  it('keeps its state where it was through', async () => {
    const settled = dead[5] ?? '';
    await database.sql.query(
      `update postern.events set status = 'posted', reason = null, error_code = null, error_message = null, posted_at = now() where id = $1`,
      [settled],
    );
    const before = await stateOf(database, settled);
    startLane({ ledger: failingAt([settled], () => new Error('the rule knows no such thing')) });
    const id = await ask({ target: { event: settled } });
    expect(await over(id)).toMatchObject({ status: 'done', failed: 1n });
    expect(await stateOf(database, settled)).toEqual(before);
  });

  it('is dead after three processes died with it alone in hand', async () => {
    const id = await ask();
    await database.sql.query('update postern.replays set holding = array[$2::uuid], kills = 2 where id = $1', [
      id,
      dead[0],
    ]);
    startLane();
    expect(await over(id)).toMatchObject({ status: 'done', posted: 11n, failed: 1n });
    expect(await stateOf(database, dead[0] ?? '')).toMatchObject({
      status: 'dead',
      error_message: expect.stringContaining('3 processes died'),
    });
  });

  it('is innocent where a process died with many in hand', async () => {
    const id = await ask();
    await database.sql.query('update postern.replays set holding = $2::uuid[], kills = 2 where id = $1', [
      id,
      dead.slice(0, 5),
    ]);
    startLane();
    expect(await over(id)).toMatchObject({ status: 'done', posted: 12n, failed: 0n });
  });
});

describe('the lane', () => {
  it('is one for all instances: each event is run once', async () => {
    for (let n = 0; n < 3; n += 1) startLane();
    const ids = await Promise.all([ask({ rate: 100 }), ask({ rate: 100 })]);
    const rows = await Promise.all(ids.map(over));
    expect(rows.map(({ status }) => status)).toEqual(['done', 'done']);
    expect(rows.reduce((sum, row) => sum + row.posted, 0n)).toBe(12n);
    expect([...(await captures(database)).values()].every((times) => times === 1)).toBe(true);
    expect(await posted()).toBe(12);
  });

  it('goes on from where its session was lost', async () => {
    startLane();
    const id = await ask({ rate: 10 });
    await eventually(async () => expect((await read(id)).done).toBeGreaterThan(1n));
    await database.sql.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'postern reader'`,
    );
    expect(await over(id)).toMatchObject({ status: 'done', done: 12n, posted: 12n });
    expect(await posted()).toBe(12);
  });

  it('stands still while live events wait, says so, and goes on', async () => {
    const late = dead[11] ?? '';
    await database.sql.query(
      `update postern.events set status = 'queued', attempts = 0, received_at = now() - interval '10 seconds' where id = $1`,
      [late],
    );
    startLane();
    const id = await ask();
    await eventually(async () =>
      expect(await read(id)).toMatchObject({
        status: 'paused',
        done: 0n,
        note: expect.stringContaining('live events wait'),
      }),
    );
    await database.sql.query(`update postern.events set status = 'no_effect', reason = 'a test' where id = $1`, [late]);
    expect(await over(id)).toMatchObject({ status: 'done', posted: 11n, note: null });
  });

  it('stands still while its queue is paused', async () => {
    let isPaused = true;
    startLane({ isPaused: () => isPaused });
    const id = await ask();
    await eventually(async () => expect(await read(id)).toMatchObject({ status: 'paused', done: 0n }));
    isPaused = false;
    expect(await over(id)).toMatchObject({ status: 'done', posted: 12n });
  });

  it('stands still for a pause that only the database tells, as to a lane of the command line', async () => {
    await pause('replay', true);
    startLane();
    const id = await ask();
    await eventually(async () => expect(await read(id)).toMatchObject({ status: 'paused', done: 0n }));
    await pause('replay', false);
    expect(await over(id)).toMatchObject({ status: 'done', posted: 12n });
  });

  it('does not wait for live events that nobody works, because their queue is paused', async () => {
    await pause('events', true);
    await database.sql.query(
      `update postern.events set status = 'queued', attempts = 0, received_at = now() - interval '10 seconds' where id = $1`,
      [dead[11]],
    );
    startLane();
    expect(await over(await ask())).toMatchObject({ status: 'done', posted: 11n });
    // Running again, they come first as ever.
    await pause('events', false);
    const again = await ask();
    await eventually(async () =>
      expect(await read(again)).toMatchObject({ note: expect.stringContaining('live events wait') }),
    );
  });

  it('keeps the rate that was chosen', async () => {
    startLane();
    const startedAt = Date.now();
    const id = await ask({ rate: 8 });
    await over(id);
    expect(Date.now() - startedAt).toBeGreaterThan(1_000);
  });

  it('leaves out what came, or died, after it was asked', async () => {
    const late = dead[7] ?? '';
    const id = await ask();
    await database.sql.query(
      'update postern.replays set created_at = (select received_at from postern.events where id = $2) where id = $1',
      [id, late],
    );
    startLane();
    const row = await over(id);
    expect(row.done).toBeLessThanOrEqual(7n);
    expect(await stateOf(database, late)).toMatchObject({ status: 'dead' });
  });

  it('passes over a replay that was cancelled between two looks', async () => {
    startLane();
    const id = await ask({ rate: 1 });
    await eventually(async () => expect((await read(id)).done).toBe(1n));
    await createReplayRequests({ pool: pools.api, clock }).cancel(id, 'test');
    const next = await ask();
    expect(await over(next)).toMatchObject({ status: 'done', done: 11n });
    expect(await read(id)).toMatchObject({ status: 'cancelled', done: 1n });
  });
});

it('dry-runs what would fail by itself, without touching it', async () => {
  await database.sql.query('delete from postern.deliveries');
  startLane();
  const id = await ask({ dryRun: true });
  expect(await over(id)).toMatchObject({ status: 'done', failed: 12n, posted: 0n });
  const [first] = await changesOf(id, 'failed');
  expect(first?.after).toMatchObject({ status: 'dead', reason: expect.stringContaining('body_missing') });
  expect(await stateOf(database, dead[0] ?? '')).toMatchObject({
    status: 'dead',
    error_code: 'rule_failed',
    attempts: 10,
  });
});

it('dry-runs on after a look that failed', async () => {
  let looks = 0;
  startLane({
    endpoints: {
      // Made a moment ago by another instance: loaded within seconds.
      byId: () => {
        looks += 1;
        return looks <= 2 ? undefined : endpoint;
      },
    },
  });
  expect(await over(await ask({ dryRun: true }))).toMatchObject({ status: 'done', done: 12n, posted: 12n, failed: 0n });
  expect(await posted()).toBe(0);
});

it('is a queue to whoever watches it', async () => {
  const figures = async () => (await database.app.query(REPLAY_FIGURES)).rows[0];
  const nothing = { depth: 0n, active: 0n, deferred: 0n, failed: 0n, dead: 0n, rate_in: null };
  expect(await figures()).toMatchObject({ ...nothing, oldest: 0, rate_out: 0 });
  const id = await ask({ rate: 5 });
  const lane = startLane();
  await eventually(async () => expect((await read(id)).done).toBeGreaterThan(1n));
  await lane.stop();
  const left = 12n - (await read(id)).done;
  expect(await figures()).toMatchObject({ ...nothing, depth: left, oldest: expect.any(Number) });
  startLane();
  await over(id);
  expect(await figures()).toMatchObject({ ...nothing, oldest: 0 });
});

it('refuses more replays at a time than can be overseen', async () => {
  await database.sql.query(
    `insert into postern.replays (id, filter, rate, reason, actor)
     select gen_random_uuid(), '{"status":"dead"}', 1, 'a test', 'test' from generate_series(1, 100)`,
  );
  await expect(ask()).rejects.toMatchObject({ code: 'conflict' });
});
