import type pg from 'pg';
import type { ApiCalls } from '../api-calls.ts';
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { sqlOf, withTransaction } from '../postgres/sql.ts';
import type { Fetched } from '../providers/provider.ts';
import { uuidv7 } from '../uuid.ts';
import { answerFetch, type DueFetch, postponeFetch, takeDueFetches } from './fetch-store.ts';
import type { FetchedObject } from './interpret.ts';
import type { JobQueue } from './job-queue.ts';

export type FetcherParts = {
  readonly pool: pg.Pool;
  readonly queue: JobQueue;
  readonly endpoints: { byId(id: number): Endpoint | undefined };
  readonly call: ApiCalls;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
};

export type Fetcher = {
  start(): void;
  /** Finishes the calls in hand; nothing new is asked. */
  stop(): Promise<void>;
};

const POLL_MS = 500;
const AT_ONCE = 4;
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
  /** Endpoints whose processor asked us to wait, until when. */
  const resting = new Map<number, number>();
  let stopping = false;
  let nudge: () => void = () => undefined;
  let running: Promise<void> = Promise.resolve();

  async function loop(): Promise<void> {
    while (!stopping) {
      let found = 0;
      try {
        const due = await takeDueFetches(sqlOf(pool), AT_ONCE, restingNow());
        found = due.length;
        await Promise.all(due.map(fetchOne));
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'the fetcher could not work; it tries again');
      }
      if (found === 0) await pause();
    }
  }

  function restingNow(): number[] {
    const now = clock.now();
    for (const [endpointId, until] of resting) if (until <= now) resting.delete(endpointId);
    return [...resting.keys()];
  }

  async function fetchOne(due: DueFetch): Promise<void> {
    const endpoint = parts.endpoints.byId(due.endpointId);
    // Made a moment ago by another instance: it is loaded within seconds, and the lease brings the order back.
    if (endpoint === undefined) return;
    const { provider } = endpoint;
    const answer = await ask(endpoint, due);
    metrics.fetches.inc({ provider: provider.name, outcome: answer.kind });
    switch (answer.kind) {
      case 'found':
        return settle(due, { outcome: 'found', body: answer.body });
      case 'refused':
        return settle(due, { outcome: 'refused', detail: answer.detail });
      case 'missing': {
        const again = MISSING_RETRY_MS[due.attempts - 1];
        if (again === undefined) return settle(due, { outcome: 'missing', detail: answer.detail });
        return postponeFetch(sqlOf(pool), due.eventId, clock.now() + again);
      }
      case 'later': {
        const until = Math.min(answer.at, clock.now() + REST_MAX_MS);
        resting.set(due.endpointId, until);
        log.warn(
          { provider: provider.name, endpoint: endpoint.name, detail: answer.detail },
          'the processor asks to wait',
        );
        return postponeFetch(sqlOf(pool), due.eventId, until);
      }
    }
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
      const wait = Math.min(AWAY_MAX_MS, AWAY_FIRST_MS * 2 ** Math.min(due.attempts - 1, 20));
      return { kind: 'later', at: now + wait * (0.5 + parts.random() / 2), detail: messageOf(error) };
    }
  }

  async function settle(due: DueFetch, answer: FetchedObject): Promise<void> {
    await withTransaction(pool, async (tx) => {
      const jobId = uuidv7(clock.now());
      if (await answerFetch(tx, due, answer, jobId)) await parts.queue.send(tx, jobId, [due.eventId]);
    });
  }

  function pause(): Promise<void> {
    if (stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, POLL_MS);
      function done(): void {
        clearTimeout(timer);
        nudge = () => undefined;
        resolve();
      }
      nudge = done;
    });
  }

  return {
    start() {
      running = loop();
    },
    async stop() {
      stopping = true;
      nudge();
      await running;
    },
  };
}
