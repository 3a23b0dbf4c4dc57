import type pg from 'pg';
import { messageOf, PosternError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Metrics } from '../../metrics.ts';
import { retryingDeadlocks } from '../../postgres/retry-deadlocks.ts';
import { isDatabaseError, type Sql, sqlOf, withTransaction } from '../../postgres/sql.ts';
import { wake } from '../batch.ts';
import type { EventFilter } from '../event-filter.ts';
import { countEvents, selectEventIds } from '../event-filter-store.ts';
import { dryRunBatch } from './dry-run-batch.ts';
import { countReplayKill, finishReplay, type Going, lockReplay, noteHeld, saveBatch, saveTotal } from './lane-store.ts';
import { REPLAY_RATE_DEFAULT, type Replayed } from './replay.ts';
import { buryReplayed, type RunParts, runBatch } from './run-batch.ts';

export type RunnerParts = RunParts & {
  readonly pool: pg.Pool;
  readonly log: Log;
  readonly metrics: Metrics;
};

export type ReplayRunner = {
  /** One batch of one replay, on the lane's session. Returns it as it is then; null where it is over, or is to be read again. */
  step(one: Going, course: Course, client: pg.Client): Promise<Going | null>;
  /** Those that are over need not be remembered. */
  forgetOthers(going: readonly string[]): void;
};

/** Small batches, evenly spaced: what waits behind one, for the processor or for a balance's row, waits milliseconds. */
const BATCHES_A_SECOND = 8;
const BATCH_MAX = 200;
const IDS_AHEAD = 10_000;
const COUNTED_MAX = 10_000_000;
const KILLS_MAX = 3;
const TRIES_MAX = 5;
/** At the default rate the lane works a quarter of the time at most; whoever chooses a higher one wants more of it. */
const RESTS_AS_LONG = 3;
const TROUBLE_MS = 1_000;

/** What the lane remembers of a replay beside its row. */
export type Course = {
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

export const newCourse = (): Course => ({ ahead: [], nextAt: 0, carefulTo: null, sizeMax: BATCH_MAX, tries: 0 });

/** Runs replays batch by batch, and finds the event at which one fails. */
export function createReplayRunner(parts: RunnerParts): ReplayRunner {
  const { clock, log, metrics, pool } = parts;
  /** Replays that this process had in hand already: what it was about to run, it did not die of. */
  const handled = new Set<string>();

  async function step(one: Going, course: Course, client: pg.Client): Promise<Going | null> {
    const startedAt = clock.now();
    const session = sqlOf(client);
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
      course.nextAt = nextTurn(Math.max(startedAt, course.nextAt), startedAt, ids.length, replay.rate);
      return { ...replay, cursor: last, holding: [] };
    } catch (error) {
      return failed(one, course, error, session);
    }
  }

  /** At its rate; later on a machine that is slow or busy, where the batch took long because it took the time from live events. */
  function nextTurn(dueAt: number, startedAt: number, events: number, rate: number): number {
    const now = clock.now();
    const rest = (now - startedAt) * RESTS_AS_LONG * Math.min(1, REPLAY_RATE_DEFAULT / rate);
    return Math.max(dueAt + (events * 1_000) / rate, now + rest);
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
    course.tries = 0;
    if (await bury(one, guilty, error)) passed(course, 1);
    else course.ahead = [];
    return null;
  }

  return {
    step,
    forgetOthers(going) {
      for (const id of handled) if (!going.includes(id)) handled.delete(id);
    },
  };
}

/** What was there when it was asked: events that come, or die, while it runs are not drawn in for ever. */
function scopeOf({ filter, createdAt }: Pick<Going, 'filter' | 'createdAt'>): EventFilter {
  const asked = new Date(createdAt).toISOString();
  return { ...filter, to: filter.to === undefined || Date.parse(filter.to) > createdAt ? asked : filter.to };
}
