import type pg from 'pg';
import { messageOf } from '../../errors.ts';
import { createNudgedPause } from '../../nudged-pause.ts';
import { type Sql, sqlOf } from '../../postgres/sql.ts';
import { selectPausedQueues } from '../queue-control-store.ts';
import { type Going, selectGoing, selectLiveLag, setStandstill, takeLane } from './lane-store.ts';
import { type Course, createReplayRunner, newCourse, type RunnerParts } from './replay-runner.ts';
import { countUnfinished } from './replay-store.ts';

export type ReplayerParts = RunnerParts & {
  /** A session of the lane's own, which holds its lock; made when there is something to do. */
  readonly connect: () => pg.Client;
  /** Asked before each batch; without it a pause is seen by looking every second only. */
  readonly isPaused?: () => boolean;
  /** How often it looks around for pauses, live events that wait, and other replays: every second unless told. */
  readonly lookMs?: number;
};

export type Replayer = {
  start(): void;
  /** Finishes the batch in hand; another process, or the next start, goes on from there. */
  stop(): Promise<void>;
};

const LOOK_MS = 1_000;
/** Live events come first: over this the lane stands still, until they are through again. */
const LAG_MAX_S = 5;
const LAG_OVER_S = 1;

/**
 * Runs replays beside the live lane: one batch at a time, whichever is due, each at its rate. The lane belongs to one process of
 * all instances, by an advisory lock that ends with it; how far a replay is stands in its row, written with the postings.
 */
export function createReplayer(parts: ReplayerParts): Replayer {
  const { clock, isPaused = () => false, log, lookMs = LOOK_MS, metrics, pool } = parts;
  let stopping = false;
  let running: Promise<void> = Promise.resolve();
  const rest = createNudgedPause();
  const runner = createReplayRunner(parts);

  async function loop(): Promise<void> {
    while (!stopping) {
      try {
        if ((await countUnfinished(sqlOf(pool), 1)) > 0) await runSession();
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'the replay lane was interrupted; it goes on in a moment');
      }
      if (!stopping) await rest.take(lookMs / 2);
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
        runner.forgetOthers(going.map(({ id }) => id));
        if (going.length === 0) return;
        // Asked here too: a lane of the command line hears of no pause otherwise.
        const paused = await selectPausedQueues(session);
        // Where nobody works live events, to wait for them would be for ever: replays are what a paused queue is often mended with.
        const lag = paused.has('events') ? 0 : await selectLiveLag(session);
        behind = lag > (behind ? LAG_OVER_S : LAG_MAX_S);
        const note = standstill(isPaused() || paused.has('replay'), behind ? lag : null);
        await tellStandstill(session, going, note);
        if (note !== null) await rest.take(lookMs);
        else await runFor(lookMs, { client, courses, going });
      }
    } finally {
      metrics.replayStandstill.set(0);
      await client.end();
    }
  }

  function standstill(paused: boolean, lag: number | null): string | null {
    if (paused) return 'the queue replay is paused';
    return lag === null ? null : `live events wait for ${Math.round(lag)} s: they come first`;
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
    readonly courses: Map<string, Course>;
    readonly going: readonly Going[];
  };

  /** Works on what is due, and waits for what is not, until it is time to look around again. */
  async function runFor(ms: number, { client, courses, going }: Turn): Promise<void> {
    const until = clock.now() + ms;
    const left = new Map(going.map((one) => [one.id, one]));
    for (const id of courses.keys()) if (!left.has(id)) courses.delete(id);
    while (!stopping && !isPaused() && left.size > 0 && clock.now() < until) {
      const next = [...left.values()]
        .map((one) => ({ one, course: courseOf(courses, one.id) }))
        .sort((a, b) => a.course.nextAt - b.course.nextAt)[0];
      if (next === undefined) return;
      const wait = Math.min(next.course.nextAt, until) - clock.now();
      if (wait > 0) {
        await rest.take(wait);
        continue;
      }
      const { one, course } = next;
      const after = await runner.step(one, course, client);
      if (after === null) left.delete(one.id);
      else left.set(one.id, after);
    }
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

function courseOf(courses: Map<string, Course>, id: string): Course {
  const course = courses.get(id) ?? newCourse();
  courses.set(id, course);
  return course;
}
