import type pg from 'pg';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { createNudgedPause } from '../../nudged-pause.ts';
import { type Sql, sqlOf, withTransaction } from '../../postgres/sql.ts';
import { uuidv7 } from '../../uuid.ts';
import { type FetchEndpoint, type FetchPorts, fetchReport, reportContext, unfetchable } from './fetch-report.ts';
import { planReports } from './plan-reports.ts';
import {
  endFetch,
  type FetchEnd,
  insertReports,
  postponeFetch,
  type TakenFetch,
  takeDue,
} from './report-fetch-store.ts';
import { noteListed } from './report-schedule-store.ts';

export type ReportFetcherParts = FetchPorts & {
  readonly pool: pg.Pool;
  readonly endpoints: { byId(id: number): Endpoint | undefined; all(): readonly Endpoint[] };
  readonly log: Log;
  /** Then nothing is listed or fetched that nobody asks `step` for. */
  readonly isPaused?: () => boolean;
};

export type ReportFetcher = {
  start(): void;
  /** Works one order that is due, `id` or one of its reports where it is given; false where none is. */
  step(id: string | null): Promise<boolean>;
  /** Finishes the report in hand. */
  stop(): Promise<void>;
};

const POLL_MS = 5_000;
const PLAN_MS = 60_000;
/** Longer than a download may take: an order must not be worked twice at once. */
const LEASE_S = 3 * 3_600;
const ATTEMPTS_MAX = 12;
const BACKOFF_FIRST_MS = 30_000;
const BACKOFF_MAX_MS = 3_600_000;
/** A processor whose next page never ends. */
const PAGES_MAX = 10_000;
const REPORTS_MAX = 10_000;

const FAILED = {
  list: 'settlement reports could not be listed',
  fetch: 'a settlement report could not be fetched',
  import: 'a settlement report was fetched and could not be imported',
};

/** `onceMoreAt`: when the report will be whole, where it is not yet. */
type InHand = TakenFetch & { readonly endpoint: Endpoint | undefined; readonly onceMoreAt: number | null };

/**
 * Fetches settlement reports, one at a time in a process: each is a file that is read, proven and posted as a whole. The table of
 * orders is the truth; an order is leased, so that a killed process loses none.
 */
export function createReportFetcher(parts: ReportFetcherParts): ReportFetcher {
  const { pool, endpoints, clock, log, isPaused = () => false } = parts;
  const sql: Sql = sqlOf(pool);
  const rest = createNudgedPause();
  let stopping = false;
  let running: Promise<void> = Promise.resolve();
  let plannedAt = Number.NEGATIVE_INFINITY;

  async function loop(): Promise<void> {
    while (!stopping) {
      let found = false;
      try {
        if (!isPaused() && clock.now() - plannedAt >= PLAN_MS) {
          plannedAt = clock.now();
          await withTransaction(pool, (tx) => planReports(tx, endpoints.all(), clock.now()));
        }
        found = !isPaused() && (await step(null));
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'settlement reports could not be fetched; it is tried again');
      }
      if (!found && !stopping) await rest.take(POLL_MS);
    }
  }

  async function step(id: string | null): Promise<boolean> {
    const taken = await takeDue(sql, LEASE_S, id);
    if (taken === null) return false;
    const endpoint = endpoints.byId(taken.endpointId);
    const wholeAt = taken.report === null ? null : (endpoint?.provider.api?.reports?.wholeAt?.(taken.report) ?? null);
    const hand = { ...taken, endpoint, onceMoreAt: wholeAt !== null && clock.now() < wholeAt ? wholeAt : null };
    try {
      // One that was just made is loaded within seconds.
      if (endpoint === undefined) await again(hand, clock.now() + BACKOFF_FIRST_MS, 'the endpoint is not loaded yet');
      else if (endpoint.disabled) await failed(hand, 'the endpoint is disabled');
      else if (taken.report === null) await listed(hand, endpoint);
      else await fetched(hand, taken.report, endpoint);
    } catch (error) {
      await again(hand, clock.now() + backoff(taken.attempts), messageOf(error));
    }
    return true;
  }

  /** What belongs into the range becomes an order a report. */
  async function listed(hand: InHand, endpoint: FetchEndpoint): Promise<void> {
    const why = unfetchable(endpoint);
    const reports = endpoint.provider.api?.reports;
    if (why !== null || reports === undefined) return failed(hand, why ?? 'there is nothing to fetch');
    if (reports.page === undefined)
      return failed(
        hand,
        `${endpoint.provider.title} lists no reports: each is fetched when its webhook says that it is there`,
      );
    const found = new Set<string>();
    let cursor: string | null = null;
    for (let n = 0; n < PAGES_MAX && found.size < REPORTS_MAX; n += 1) {
      const page = await reports.page({ from: hand.from, to: hand.to }, cursor, reportContext(endpoint, parts));
      if (page.kind === 'later') return again(hand, page.at, page.detail);
      if (page.kind === 'refused') return failed(hand, page.detail);
      for (const report of page.reports) found.add(report);
      cursor = page.next;
      if (cursor === null) break;
    }
    if (cursor !== null) return failed(hand, 'there are too many reports in the range: ask for less');
    const { endpointId, origin, actor, id } = hand;
    const orders = [...found].map((report) => ({ id: uuidv7(clock.now()), report, account: null }));
    await withTransaction(pool, async (tx) => {
      const all = await insertReports(tx, orders, { endpointId, parent: id, origin, actor, again: origin === 'asked' });
      const own = new Set(orders.map((order) => order.id));
      const also = all.filter((one) => !own.has(one));
      await ended(hand, { status: 'done', detail: null, found: orders.length, also }, tx);
      if (origin === 'schedule') await noteListed(tx, endpointId, hand.to);
    });
  }

  async function fetched(hand: InHand, report: string, endpoint: FetchEndpoint): Promise<void> {
    const outcome = await fetchReport(endpoint, { report, actor: hand.actor, announced: hand.account }, parts);
    const { detail } = outcome;
    switch (outcome.kind) {
      case 'imported':
        log.info({ ...about(hand), settlement: outcome.settlement }, 'a settlement report was fetched');
        return ended(hand, { status: 'done', detail, settlementId: outcome.settlement });
      case 'missing':
        // Who announces a report may be ahead of where it is kept.
        if (hand.origin === 'webhook') return again(hand, clock.now() + backoff(hand.attempts), outcome.detail);
        return ended(hand, { status: 'done', detail });
      case 'failed':
        return failed(hand, outcome.detail, outcome.settlement);
      case 'refused':
        return failed(hand, outcome.detail);
      case 'later':
        return again(hand, Math.max(outcome.at, clock.now() + backoff(hand.attempts)), outcome.detail);
    }
  }

  async function again(hand: InHand, at: number, detail: string): Promise<void> {
    if (hand.attempts >= ATTEMPTS_MAX) return failed(hand, `${detail} (${hand.attempts} tries)`);
    log.info({ ...about(hand), detail }, 'settlement reports could not be fetched yet; it is tried again');
    return postponeFetch(sql, hand, at, detail);
  }

  async function failed(hand: InHand, detail: string, settlementId: string | null = null): Promise<void> {
    log.warn(
      { ...about(hand), detail },
      FAILED[hand.report === null ? 'list' : settlementId === null ? 'fetch' : 'import'],
    );
    return ended(hand, { status: 'failed', detail, settlementId });
  }

  function ended(hand: InHand, end: FetchEnd, on: Sql = sql): Promise<void> {
    return endFetch(on, hand, { ...end, onceMore: { id: uuidv7(clock.now()), at: hand.onceMoreAt } });
  }

  return {
    start() {
      running = loop();
    },
    step,
    async stop() {
      stopping = true;
      rest.nudge();
      await running;
    },
  };
}

function about({ endpoint, endpointId, report }: InHand): Record<string, string | number> {
  const name =
    endpoint === undefined ? { endpoint: endpointId } : { provider: endpoint.provider.name, endpoint: endpoint.name };
  return { ...name, ...(report === null ? {} : { report }) };
}

function backoff(attempts: number): number {
  return Math.min(BACKOFF_FIRST_MS * 2 ** (attempts - 1), BACKOFF_MAX_MS);
}

/** Reports that a webhook announced, in the transaction that ends its event: neither is there without the other. */
export async function orderAnnounced(
  sql: Sql,
  announced: ReadonlyArray<{ readonly endpointId: number; readonly account: string; readonly report: string }>,
  now: number,
): Promise<void> {
  const byEndpoint = Map.groupBy(announced, ({ endpointId }) => endpointId);
  for (const [endpointId, ones] of byEndpoint) {
    const byReport = new Map(ones.map(({ report, account }) => [report, account]));
    const orders = [...byReport].map(([report, account]) => ({ id: uuidv7(now), report, account }));
    await insertReports(sql, orders, { endpointId, parent: null, origin: 'webhook', actor: 'webhook', again: true });
  }
}
