import type pg from 'pg';
import { messageOf, PosternError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Metrics } from '../../metrics.ts';
import { createNudgedPause } from '../../nudged-pause.ts';
import { retryingDeadlocks } from '../../postgres/retry-deadlocks.ts';
import { isDatabaseError, type Sql, sqlOf, withTransaction } from '../../postgres/sql.ts';
import { wake } from '../batch.ts';
import type { EventFilter } from '../event-filter.ts';
import { countEvents, selectEventIds } from '../event-filter-store.ts';
import { dryRunBatch } from './dry-run-batch.ts';
import {
  countReplayKill,
  finishReplay,
  type Going,
  lockReplay,
  noteHeld,
  saveBatch,
  saveTotal,
  selectGoing,
  selectLiveLag,
  setStandstill,
  takeLane,
} from './lane-store.ts';
import type { Replayed } from './replay.ts';
import { countUnfinished } from './replay-store.ts';
import { buryReplayed, type RunParts, runBatch } from './run-batch.ts';

export type ReplayerParts = RunParts & {
  readonly pool: pg.Pool;
  /** A session of the lane's own, which holds its lock; made when there is something to do. */
  readonly connect: () => pg.Client;
  /** Asked before each batch; without it the lane is never paused. */
  readonly isPaused?: () => boolean;
  readonly log: Log;
  readonly metrics: Metrics;
};

export type Replayer = {
  start(): void;
  /** Finishes the batch in hand; another process, or the next start, goes on from there. */
  stop(): Promise<void>;
};

const POLL_MS = 500;
const LOOK_MS = 1_000;
const TROUBLE_MS = 1_000;
/** Small batches, evenly spaced: what waits behind one, for the processor or for a balance's row, waits milliseconds. */
const BATCHES_A_SECOND = 20;
const BATCH_MAX = 200;
const IDS_AHEAD = 10_000;
const COUNTED_MAX = 10_000_000;
/** Live events come first: over this the lane stands still, until they are through again. */
const LAG_MAX_S = 5;
const LAG_OVER_S = 1;
const KILLS_MAX = 3;
const TRIES_MAX = 5;

/** What the lane remembers of a replay beside its row. */
type Course = {
  /** Events after the cursor, oldest first. */
  ahead: string[];
  /** Unix ms. */
  nextAt: number;
  /** Up to this event they are run one by one: a process died with them in hand. */
  carefulTo: string | null;
  /** Smaller than usual while a guilty event is being looked for. */
  sizeMax: number;
  tries: number;
};

/**
 * Runs replays beside the live lane: one batch at a time, whichever is due, each at its rate. The lane belongs to one process of
 * all instances, by an advisory lock that ends with it; how far a replay is stands in its row, written with the postings.
 */
export function createReplayer(parts: ReplayerParts): Replayer {
  const { clock, isPaused = () => false, log, metrics, pool } = parts;
  let stopping = false;
  let running: Promise<void> = Promise.resolve();
  const rest = createNudgedPause();
  /** Replays that this process had in hand already: what it was about to run, it did not die of. */
  const handled = new Set<string>();

  async function loop(): Promise<void> {
    while (!stopping) {
      try {
        if ((await countUnfinished(sqlOf(pool), 1)) > 0) await runSession();
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'the replay lane was interrupted; it goes on in a moment');
      }
      if (!stopping) await rest.take(POLL_MS);
    }
  }

  async function runSession(): Promise<void> {
    const client = parts.connect();
    let lost: Error | null = null;
    client.on('error', (error) => {
      lost = error;
    });
    try {
      await client.connect();
      const session = sqlOf(client);
      if (!(await takeLane(session))) return;
      // Notes of what is in hand must survive this process, not the server.
      await session.query('set synchronous_commit = off');
      const courses = new Map<string, Course>();
      let behind = false;
      while (!stopping && lost === null) {
        const going = await selectGoing(session);
        forgetOthers(going);
        if (going.length === 0) return;
        const lag = await selectLiveLag(session);
        behind = lag > (behind ? LAG_OVER_S : LAG_MAX_S);
        const note = standstill(behind ? lag : null);
        await tellStandstill(session, going, note);
        if (note !== null) await rest.take(LOOK_MS);
        else await runFor(LOOK_MS, { client, session, courses, going });
      }
    } finally {
      metrics.replayStandstill.set(0);
      await client.end();
    }
  }

  function standstill(lag: number | null): string | null {
    if (isPaused()) return 'the queue replay is paused';
    return lag === null ? null : `live events wait for ${Math.round(lag)} s: they come first`;
  }

  function forgetOthers(going: readonly Going[]): void {
    const ids = new Set(going.map(({ id }) => id));
    for (const id of handled) if (!ids.has(id)) handled.delete(id);
  }

  async function tellStandstill(session: Sql, going: readonly Going[], note: string | null): Promise<void> {
    metrics.replayStandstill.set(note === null ? 0 : 1);
    const others = going.filter(({ paused }) => paused !== (note !== null)).map(({ id }) => id);
    if (others.length === 0) return;
    log.info({ replays: others.length, note }, note === null ? 'replays go on' : 'replays stand still');
    await setStandstill(session, others, note);
  }

  type Turn = {
    readonly client: pg.Client;
    readonly session: Sql;
    readonly courses: Map<string, Course>;
    readonly going: readonly Going[];
  };

  /** Works on what is due, and waits for what is not, until it is time to look around again. */
  async function runFor(ms: number, { client, session, courses, going }: Turn): Promise<void> {
    const until = clock.now() + ms;
    const left = new Map(going.map((one) => [one.id, one]));
    for (const id of courses.keys()) if (!left.has(id)) courses.delete(id);
    while (!stopping && !isPaused() && left.size > 0 && clock.now() < until) {
      const next = [...left.values()]
        .map((one) => ({ one, course: courseOf(courses, one) }))
        .sort((a, b) => a.course.nextAt - b.course.nextAt)[0];
      if (next === undefined) return;
      const wait = Math.min(next.course.nextAt, until) - clock.now();
      if (wait > 0) {
        await rest.take(wait);
        continue;
      }
      const { one, course } = next;
      const after = await step(one, course, client, session);
      if (after === null) left.delete(one.id);
      else left.set(one.id, after);
    }
  }

  function courseOf(courses: Map<string, Course>, { id }: Going): Course {
    const known = courses.get(id);
    if (known !== undefined) return known;
    const course = { ahead: [], nextAt: clock.now(), carefulTo: null, sizeMax: BATCH_MAX, tries: 0 };
    courses.set(id, course);
    return course;
  }

  /** One batch of one replay. Returns it as it is then; null where it is over, or is to be read again. */
  async function step(one: Going, course: Course, client: pg.Client, session: Sql): Promise<Going | null> {
    const startedAt = clock.now();
    try {
      const replay = await prepared(one, course, session);
      const ids = await nextBatch(replay, course, session);
      if (ids.length === 0) {
        await finishReplay(session, replay.id, null);
        log.info({ replay: replay.id, events: Number(replay.total ?? 0), dry_run: replay.dryRun }, 'a replay is done');
        return null;
      }
      const last = ids.at(-1) ?? null;
      await noteHeld(session, replay.id, ids);
      const replayed = await run(replay, ids, client);
      // While a guilty event is looked for it has been waited for already.
      if (course.sizeMax === BATCH_MAX) course.tries = 0;
      if (replayed === null) {
        // Cancelled, or somebody else went on with it.
        course.ahead = [];
        return null;
      }
      passed(course, ids.length);
      if (last !== null && course.carefulTo !== null && last >= course.carefulTo) course.carefulTo = null;
      course.nextAt = Math.max(startedAt, course.nextAt) + (ids.length * 1_000) / replay.rate;
      return { ...replay, cursor: last, holding: [] };
    } catch (error) {
      return failed(one, course, error, session);
    }
  }

  function passed(course: Course, events: number): void {
    course.ahead.splice(0, events);
    course.sizeMax = Math.min(BATCH_MAX, course.sizeMax * 2);
  }

  /** Counted, and with what its last process died of out of the way. */
  async function prepared(one: Going, course: Course, session: Sql): Promise<Going> {
    let replay = one;
    if (replay.total === null) {
      const total = await countEvents(session, scopeOf(replay), COUNTED_MAX);
      await saveTotal(session, replay.id, total);
      replay = { ...replay, total };
    }
    if (handled.has(replay.id)) return replay;
    handled.add(replay.id);
    const [suspect] = replay.holding;
    course.carefulTo = replay.holding.at(-1) ?? null;
    if (suspect === undefined || replay.holding.length > 1) return replay;
    if ((await countReplayKill(session, replay.id)) < KILLS_MAX) return replay;
    const killer = new PosternError('rule_failed', `${KILLS_MAX} processes died while they ran this event again`);
    await bury(replay, suspect, killer);
    return { ...replay, cursor: suspect, holding: [] };
  }

  async function nextBatch(replay: Going, course: Course, session: Sql): Promise<readonly string[]> {
    if (course.ahead.length === 0) {
      course.ahead =
        replay.event === null
          ? await selectEventIds(session, scopeOf(replay), { order: 'oldest', beyond: replay.cursor, limit: IDS_AHEAD })
          : replay.cursor === null
            ? [replay.event]
            : [];
    }
    const usual = Math.ceil(replay.rate / BATCHES_A_SECOND);
    const size = course.carefulTo === null ? Math.min(usual, course.sizeMax) : 1;
    return course.ahead.slice(0, size);
  }

  /** Null where the replay is not to go on from here. */
  async function run(replay: Going, ids: readonly string[], client: pg.Client): Promise<readonly Replayed[] | null> {
    if (replay.dryRun) {
      const foreseen = await dryRunBatch(ids, { client, endpoints: parts.endpoints, now: clock.now() });
      return save(replay, ids, foreseen);
    }
    const stop = metrics.replaySeconds.startTimer();
    const ran = await retryingDeadlocks(metrics, () =>
      withTransaction(pool, async (tx) => {
        if (!(await lockReplay(tx, replay))) return null;
        const done = await runBatch(tx, ids, parts);
        await saveBatch(tx, replay.id, ids.at(-1) ?? '', done.replayed);
        return done;
      }),
    );
    stop();
    if (ran === null) return null;
    for (const { outcome } of ran.replayed) metrics.replayedEvents.inc({ outcome });
    if (ran.awaited) await wake(parts);
    return ran.replayed;
  }

  function save(
    replay: Going,
    ids: readonly string[],
    replayed: readonly Replayed[],
  ): Promise<readonly Replayed[] | null> {
    return withTransaction(pool, async (tx) => {
      if (!(await lockReplay(tx, replay))) return null;
      await saveBatch(tx, replay.id, ids.at(-1) ?? '', replayed);
      return replayed;
    });
  }

  /** The event at which a batch of one fails; true where the replay goes on behind it. */
  async function bury(replay: Going, id: string, error: unknown): Promise<boolean> {
    log.error({ replay: replay.id, event: id, error: messageOf(error) }, 'an event could not be run again');
    return withTransaction(pool, async (tx) => {
      if (!(await lockReplay(tx, replay))) return false;
      const replayed = await buryReplayed(tx, id, error, { ...parts, dryRun: replay.dryRun });
      if (!replay.dryRun) for (const { outcome } of replayed) metrics.replayedEvents.inc({ outcome });
      await saveBatch(tx, replay.id, id, replayed);
      return true;
    });
  }

  /** The database is waited for; what fails for another reason is one event's fault, which is looked for by halves. */
  async function failed(one: Going, course: Course, error: unknown, session: Sql): Promise<Going | null> {
    if (isDatabaseError(error)) throw error;
    course.tries += 1;
    course.nextAt = clock.now() + TROUBLE_MS;
    const passes = error instanceof PosternError && error.retryable;
    if (passes && course.tries < TRIES_MAX) return null;
    const [guilty] = course.ahead;
    if (guilty === undefined) {
      log.error({ replay: one.id, error: messageOf(error) }, 'a replay failed');
      await finishReplay(session, one.id, messageOf(error));
      return null;
    }
    const usual = Math.ceil(one.rate / BATCHES_A_SECOND);
    const size = Math.min(usual, course.sizeMax, course.ahead.length);
    if (size > 1 && course.carefulTo === null) {
      metrics.workerHalved.inc();
      course.sizeMax = size >> 1;
      course.nextAt = clock.now();
      return null;
    }
    await bury(one, guilty, error);
    course.tries = 0;
    passed(course, 1);
    return null;
  }

  return {
    start() {
      running = loop();
    },
    async stop() {
      stopping = true;
      rest.nudge();
      await running;
    },
  };
}

/** What was there when it was asked: events that come, or die, while it runs are not drawn in for ever. */
function scopeOf({ filter, createdAt }: Pick<Going, 'filter' | 'createdAt'>): EventFilter {
  const asked = new Date(createdAt).toISOString();
  return { ...filter, to: filter.to === undefined || Date.parse(filter.to) > createdAt ? asked : filter.to };
}
