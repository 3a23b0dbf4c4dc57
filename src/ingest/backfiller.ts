import type pg from 'pg';
import type { ApiCalls } from '../api-calls.ts';
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { createNudgedPause } from '../nudged-pause.ts';
import { isDatabaseError, sqlOf, withTransaction } from '../postgres/sql.ts';
import type { ListedPage } from '../providers/provider.ts';
import { uuidv7 } from '../uuid.ts';
import { comparePage } from './backfill-page.ts';
import { planBackfills } from './backfill-schedule.ts';
import {
  failBackfill,
  postponeBackfill,
  postponeEndpoint,
  savePage,
  type TakenBackfill,
  takeDueBackfill,
} from './backfill-store.ts';
import type { Intake } from './intake.ts';
import { keyOf } from './interpret.ts';

export type BackfillerParts = {
  readonly pool: pg.Pool;
  readonly intake: Pick<Intake, 'accept'>;
  readonly endpoints: { byId(id: number): Endpoint | undefined; all(): readonly Endpoint[] };
  readonly call: ApiCalls;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
};

export type Backfiller = {
  /** Works on what is asked for, and on schedule. */
  start(): void;
  /** Finishes the pages in hand. */
  stop(): Promise<void>;
  /** One page of one backfill, if it is due: for a command. False when there was nothing to do. */
  step(id: string): Promise<boolean>;
};

/** Pages of as many processors: each may take its time, or not answer at all. */
const AT_ONCE = 4;
const POLL_MS = 1_000;
const PLAN_MS = 15_000;
const AWAY_FIRST_MS = 2_000;
const AWAY_MAX_MS = 5 * 60_000;
const REST_MAX_MS = 60 * 60_000;
/** Of one page, one after the other: with the waits between them, some hours. */
const ATTEMPTS_MAX = 40;
const PAGES_MAX = 50_000;

/** Lists what processors say they sent, page by page. Each page is leased and saved, so a killed process loses none of it. */
export function createBackfiller(parts: BackfillerParts): Backfiller {
  const { clock, log, metrics, pool } = parts;
  const sql = sqlOf(pool);
  const inHand = new Set<Promise<void>>();
  let stopping = false;
  const rest = createNudgedPause();
  let running: Promise<void> = Promise.resolve();
  let plannedAt = Number.NEGATIVE_INFINITY;

  async function loop(): Promise<void> {
    while (!stopping) {
      let begun = false;
      try {
        await planIfDue();
        begun = inHand.size < AT_ONCE && (await begin());
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'backfills could not be worked on; they are tried again');
      }
      if (!begun && !stopping) {
        await Promise.race([rest.take(POLL_MS), ...inHand]);
        rest.nudge();
      }
    }
    await Promise.all(inHand);
  }

  async function begin(): Promise<boolean> {
    const taken = await take(null);
    if (taken === null) return false;
    const one = work(taken)
      // The lease brings it back.
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'what became of a page could not be kept'))
      .finally(() => inHand.delete(one));
    inHand.add(one);
    return true;
  }

  async function planIfDue(): Promise<void> {
    const now = clock.now();
    if (now >= plannedAt && now - plannedAt < PLAN_MS) return;
    plannedAt = now;
    await withTransaction(pool, (tx) => planBackfills(tx, parts.endpoints.all(), now));
  }

  function take(id: string | null): Promise<TakenBackfill | null> {
    return withTransaction(pool, (tx) => takeDueBackfill(tx, uuidv7(clock.now()), id));
  }

  async function work(taken: TakenBackfill): Promise<void> {
    const endpoint = parts.endpoints.byId(taken.endpointId);
    if (endpoint !== undefined) return workPage(taken, endpoint);
    // Made a moment ago by another instance: it is loaded within seconds.
    await postponeBackfill(sql, taken, clock.now() + POLL_MS, 'the endpoint is not loaded yet');
  }

  async function workPage(taken: TakenBackfill, endpoint: Endpoint): Promise<void> {
    const about = { provider: endpoint.provider.name, endpoint: endpoint.name, backfill: taken.id };
    let page: ListedPage;
    let asksToWait = false;
    try {
      page = await ask(taken, endpoint);
      if (page.kind === 'page') {
        await takePage(taken, page, endpoint);
        metrics.backfillPages.inc({ provider: endpoint.provider.name, outcome: 'page' });
        return;
      }
      asksToWait = page.kind === 'later';
    } catch (error) {
      page = failureOf(error, taken);
    }
    metrics.backfillPages.inc({ provider: endpoint.provider.name, outcome: page.kind });
    const { detail } = page;
    if (page.kind === 'refused' || taken.attempts >= ATTEMPTS_MAX) {
      log.warn({ ...about, detail }, 'a backfill failed');
      return withTransaction(pool, (tx) => failBackfill(tx, taken, detail));
    }
    log.warn({ ...about, detail }, 'a backfill waits');
    const dueAt = Math.min(page.at, clock.now() + REST_MAX_MS);
    if (asksToWait) await withTransaction(pool, (tx) => postponeEndpoint(tx, taken, dueAt, detail));
    else await postponeBackfill(sql, taken, dueAt, detail);
  }

  async function ask(taken: TakenBackfill, endpoint: Endpoint): Promise<ListedPage> {
    const { provider, settings } = endpoint;
    const { api } = provider;
    if (api?.list === undefined) return { kind: 'refused', detail: `${provider.title} lists nothing` };
    if (keyOf(endpoint) === null) return { kind: 'refused', detail: `set ${api.keySetting} on the endpoint` };
    if (taken.pages >= PAGES_MAX) return { kind: 'refused', detail: `over ${PAGES_MAX} pages: ask for a shorter time` };
    return api.list.page({ from: taken.from, to: taken.to }, taken.cursor, {
      settings,
      now: clock.now(),
      call: (call) => parts.call(provider, call),
    });
  }

  async function takePage(
    taken: TakenBackfill,
    page: Extract<ListedPage, { kind: 'page' }>,
    endpoint: Endpoint,
  ): Promise<void> {
    if (page.next !== null && page.next === taken.cursor)
      throw new PosternError('unreadable_event', 'the processor names the page it was asked for as the next one');
    const compared = await comparePage(page, taken, endpoint, { sql, intake: parts.intake, clock });
    const gaps = await withTransaction(pool, (tx) => savePage(tx, taken, compared, page.next));
    // Somebody else has it now, and finds what this page brought.
    if (gaps === null) return;
    const labels = { provider: endpoint.provider.name, endpoint: endpoint.name };
    if (taken.scheduled && gaps > 0) {
      metrics.gapEvents.inc(labels, gaps);
      log.error({ ...labels, backfill: taken.id, gaps }, 'webhooks were missing: their events are taken in now');
    }
  }

  /** What an outage, of the processor or of the database, cannot mend is for a person. */
  function failureOf(error: unknown, taken: TakenBackfill): Extract<ListedPage, { kind: 'refused' | 'later' }> {
    const detail = messageOf(error);
    const passes = isDatabaseError(error) || (error instanceof PosternError && error.retryable);
    if (!passes) return { kind: 'refused', detail };
    const wait = Math.min(AWAY_MAX_MS, AWAY_FIRST_MS * 2 ** Math.min(taken.attempts - 1, 20));
    return { kind: 'later', at: clock.now() + wait * (0.5 + parts.random() / 2), detail };
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
    async step(id) {
      const taken = await take(id);
      if (taken !== null) await work(taken);
      return taken !== null;
    },
  };
}
