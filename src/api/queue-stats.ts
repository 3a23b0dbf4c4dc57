import type { Static } from 'typebox';
import { HOUSEKEEPING } from '../ingest/housekeeping.ts';
import { sqlOf } from '../postgres/sql.ts';
import type { ApiDeps } from './deps.ts';
import type { QueueStatsShape } from './shapes.ts';
import {
  type EndpointFigures,
  type QueueFigures,
  selectEndpointFigures,
  selectFetchFigures,
  selectHousekeeping,
  selectQueueFigures,
} from './stats-store.ts';

export type QueueStats = Static<typeof QueueStatsShape>;

const CACHED_MS = 2_000;
const sharedBy = new WeakMap<ApiDeps, () => Promise<QueueStats>>();

/** Scraped and looked at by many: asked of the database at most every two seconds, by one at a time. */
export function queueStats(deps: ApiDeps): () => Promise<QueueStats> {
  const shared = sharedBy.get(deps);
  if (shared !== undefined) return shared;
  const { clock } = deps;
  let kept: { at: number; stats: Promise<QueueStats> } | null = null;
  const stats = (): Promise<QueueStats> => {
    const now = clock.now();
    if (kept === null || now - kept.at >= CACHED_MS || now < kept.at) {
      const asked = { at: now, stats: readStats(deps) };
      kept = asked;
      asked.stats.catch(() => {
        if (kept === asked) kept = null;
      });
    }
    return kept.stats;
  };
  sharedBy.set(deps, stats);
  return stats;
}

async function readStats(deps: ApiDeps): Promise<QueueStats> {
  const sql = sqlOf(deps.pool);
  const [events, fetches, endpoints, runs] = await Promise.all([
    selectQueueFigures(sql),
    selectFetchFigures(sql),
    selectEndpointFigures(sql),
    selectHousekeeping(sql),
  ]);
  return {
    queues: [
      // A worker's events are still queued: what it has in hand is not depth.
      queueView('events', { ...events, depth: Math.max(0, events.depth - events.active) }),
      queueView('fetch', fetches),
    ],
    endpoints: endpoints.map((figures) => endpointView(figures, deps)),
    housekeeping: HOUSEKEEPING.map(({ name, intervalS }) => ({
      name,
      interval_s: intervalS,
      last_run_at: runs.get(name)?.lastRunAt.toISOString() ?? null,
      last_error: runs.get(name)?.lastError ?? null,
    })),
  };
}

function queueView(name: string, figures: QueueFigures): QueueStats['queues'][number] {
  const { depth, active, deferred, failed, dead, oldestAgeSeconds, ratePerSecond } = figures;
  const left = depth + active;
  return {
    name,
    depth,
    active,
    deferred,
    failed,
    dead,
    oldest_age_seconds: oldestAgeSeconds,
    rate_per_second: ratePerSecond,
    drain_seconds: left === 0 ? 0 : ratePerSecond > 0 ? left / ratePerSecond : null,
  };
}

function endpointView(figures: EndpointFigures, deps: ApiDeps): QueueStats['endpoints'][number] {
  const horizonMs = (deps.providers.get(figures.provider)?.facts.retryHorizonHours ?? 0) * 3_600_000;
  const last = figures.lastEventAt;
  return {
    provider: figures.provider,
    endpoint: figures.endpoint,
    last_event_at: last?.toISOString() ?? null,
    silence_seconds: last === null ? null : Math.max(0, (deps.clock.now() - last.getTime()) / 1000),
    expected_silence_seconds: figures.expectedSilenceSeconds,
    amount_at_risk: figures.amountAtRisk.map(({ currency, amount, since }) => ({
      currency,
      amount: String(amount),
      drop_off_at: new Date(since.getTime() + horizonMs).toISOString(),
    })),
  };
}
