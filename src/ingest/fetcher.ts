import type pg from 'pg';
import type { ApiCalls } from '../api-calls.ts';
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { createNudgedPause } from '../nudged-pause.ts';
import { sqlOf, withTransaction } from '../postgres/sql.ts';
import type { Fetched } from '../providers/provider.ts';
import { uuidv7 } from '../uuid.ts';
import { answerFetch, type DueFetch, type FetchWait, postponeFetch, takeDueFetches } from './fetch-store.ts';
import type { FetchedObject } from './interpret.ts';
import type { JobQueue } from './job-queue.ts';

export type FetcherParts = {
  readonly pool: pg.Pool;
  readonly queue: JobQueue;
  readonly endpoints: { byId(id: number): Endpoint | undefined; all(): readonly Endpoint[] };
  readonly call: ApiCalls;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Asked before each look for what is due; without it the queue is never paused. */
  readonly isPaused?: () => boolean;
};

export type Fetcher = {
  start(): void;
  /** Finishes the calls in hand; nothing new is asked. */
  stop(): Promise<void>;
};

const POLL_MS = 500;
export const AT_ONCE = 6;
/** Of one endpoint: a processor that is away holds each call for seconds, and the others' objects must not wait for it. */
export const AT_ONCE_AN_ENDPOINT = 3;
/** An object that is not there yet: a webhook may come before the processor's own database has it. */
const MISSING_RETRY_MS = [5_000, 30_000, 120_000, 600_000] as const;
const AWAY_FIRST_MS = 5_000;
const AWAY_MAX_MS = 15 * 60_000;
const REST_MAX_MS = 60 * 60_000;

/**
 * Asks processors for the objects that events only name, beside the posting loop: an answer may take seconds, and nobody's
 * postings wait for it. The table of orders is the truth; an order is leased, so a killed process loses none.
 */
export function createFetcher(parts: FetcherParts): Fetcher {
  const { clock, log, metrics, pool } = parts;
  /** Endpoints whose processor asked us to wait, until when, and how often on end. */
  const resting = new Map<number, { until: number; times: number }>();
  const inFlight = new Map<Promise<void>, number>();
  let stopping = false;
  const rest = createNudgedPause();
  let running: Promise<void> = Promise.resolve();

  async function loop(): Promise<void> {
    while (!stopping) {
      let found = 0;
      try {
        const wish = { max: AT_ONCE - inFlight.size, rooms: rooms(), now: clock.now() };
        const due =
          wish.max === 0 || wish.rooms.length === 0 || parts.isPaused?.() === true
            ? []
            : await takeDueFetches(sqlOf(pool), wish);
        found = due.length;
        for (const one of due) begin(one);
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'the fetcher could not work; it tries again');
      }
      if (found === 0) {
        if (stopping) break;
        await Promise.race([rest.take(POLL_MS), ...inFlight.keys()]);
        rest.nudge();
      }
    }
    await Promise.all(inFlight.keys());
  }

  function begin(due: DueFetch): void {
    const one = fetchOne(due)
      // The lease brings the order back.
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'what a processor answered could not be kept'))
      .finally(() => inFlight.delete(one));
    inFlight.set(one, due.endpointId);
  }

  /** How many objects of which endpoint may be asked for now. */
  function rooms(): { endpointId: number; room: number }[] {
    const now = clock.now();
    const busy = [...inFlight.values()];
    return parts.endpoints
      .all()
      .filter(({ id }) => (resting.get(id)?.until ?? 0) <= now)
      .map(({ id }) => ({ endpointId: id, room: AT_ONCE_AN_ENDPOINT - busy.filter((one) => one === id).length }))
      .filter(({ room }) => room > 0);
  }

  async function fetchOne(due: DueFetch): Promise<void> {
    const endpoint = parts.endpoints.byId(due.endpointId);
    if (endpoint === undefined) return;
    const { provider } = endpoint;
    const answer = await ask(endpoint, due);
    metrics.fetches.inc({ provider: provider.name, outcome: answer.kind });
    if (answer.kind !== 'later') resting.delete(due.endpointId);
    switch (answer.kind) {
      case 'found':
        return settle(due, { outcome: 'found', body: answer.body });
      case 'refused':
        return settle(due, { outcome: 'refused', detail: answer.detail });
      case 'missing': {
        // Only what the processor said counts: tries that met an outage say nothing of the object.
        const again = MISSING_RETRY_MS[due.missed];
        if (again === undefined) return settle(due, { outcome: 'missing', detail: answer.detail });
        return postpone(due, { dueAt: clock.now() + again, detail: answer.detail, missed: due.missed + 1 });
      }
      case 'later': {
        const now = clock.now();
        const rest = Math.min(answer.at, now + REST_MAX_MS);
        restUntil(due.endpointId, rest, now);
        log.warn(
          { provider: provider.name, endpoint: endpoint.name, detail: answer.detail },
          'the processor asks to wait',
        );
        // Longer each time, or one object at which the processor always fails would have its endpoint rest for ever.
        const dueAt = Math.max(rest, now + backoff(due.attempts));
        return postpone(due, { dueAt, detail: answer.detail, missed: due.missed });
      }
    }
  }

  /** Calls that were under way together count once. */
  function restUntil(endpointId: number, until: number, now: number): void {
    const before = resting.get(endpointId);
    const times = (before?.times ?? 0) + (before !== undefined && before.until > now ? 0 : 1);
    resting.set(endpointId, { until: Math.max(until, before?.until ?? 0), times });
  }

  function backoff(times: number): number {
    return Math.min(AWAY_MAX_MS, AWAY_FIRST_MS * 2 ** Math.min(times - 1, 20));
  }

  function postpone(due: DueFetch, wait: FetchWait): Promise<void> {
    return withTransaction(pool, (tx) => postponeFetch(tx, due, wait));
  }

  async function ask(endpoint: Endpoint, due: DueFetch): Promise<Fetched> {
    const { api } = endpoint.provider;
    const now = clock.now();
    if (api === undefined) return { kind: 'refused', detail: `${endpoint.provider.title} has nothing to ask` };
    try {
      return await api.fetchObject(due.object, {
        settings: endpoint.settings,
        now,
        call: (call) => parts.call(endpoint.provider, call),
      });
    } catch (error) {
      const away = error instanceof PosternError && error.code === 'egress_failed';
      log.warn(
        { provider: endpoint.provider.name, endpoint: endpoint.name, object: due.object, error: messageOf(error) },
        'an object could not be fetched',
      );
      // What the egress refuses, and a fault of the adapter, are mended by a person; an outage mends itself.
      if (!away) return { kind: 'refused', detail: messageOf(error) };
      const wait = backoff((resting.get(endpoint.id)?.times ?? 0) + 1);
      return { kind: 'later', at: now + wait * (0.5 + parts.random() / 2), detail: messageOf(error) };
    }
  }

  async function settle(due: DueFetch, answer: FetchedObject): Promise<void> {
    await withTransaction(pool, async (tx) => {
      const jobId = uuidv7(clock.now());
      if (await answerFetch(tx, due, answer, jobId)) await parts.queue.send(tx, jobId, [due.eventId]);
    });
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
