import type { Tx } from '../postgres/sql.ts';
import type { ApiDeps } from './deps.ts';
import { type QueueStats, readStats } from './stats/read-stats.ts';
import { type Risk, selectRisks } from './stats/risk-store.ts';

const CACHED_MS = 2_000;
const RISKS_KEPT_MS = 10_000;
/** Whoever asks is not kept longer than this where there are figures at all: a scrape must not time out in an incident. */
const PATIENCE_MS = 40;
/** Reading takes at most this part of the time: a million events that wait cost as much a minute as a thousand. */
const READING_SHARE = 0.05;
/** Figures older than this are none: then the caller waits, and learns why they cannot be read. */
const STANDS_MS = 60_000;

const sharedBy = new WeakMap<ApiDeps, () => Promise<QueueStats>>();

/** Scraped and looked at by many: asked of the database every two seconds at most, by one at a time. */
export function queueStats(deps: ApiDeps): () => Promise<QueueStats> {
  const shared = sharedBy.get(deps);
  if (shared !== undefined) return shared;
  const risks = keepingRisks();
  const stats = keepingStats(() => readStats({ ...deps, risks }));
  sharedBy.set(deps, stats);
  return stats;
}

/** The money at risk, read anew every ten seconds at most. */
function keepingRisks(now: () => number = () => performance.now()): (tx: Tx) => Promise<readonly Risk[]> {
  let kept: { readonly at: number; readonly risks: readonly Risk[] } | null = null;
  return async (tx) => {
    const at = now();
    if (kept === null || at - kept.at >= RISKS_KEPT_MS) kept = { at, risks: await selectRisks(tx) };
    return kept.risks;
  };
}

/** `read` answered from what it said last, as long as that stands. */
export function keepingStats<T>(read: () => Promise<T>, now: () => number = () => performance.now()): () => Promise<T> {
  let kept: { readonly at: number; readonly tookMs: number; readonly stats: T } | null = null;
  let reading: Promise<T> | null = null;

  async function readAgain(): Promise<T> {
    const began = now();
    try {
      const stats = await read();
      kept = { at: began, tookMs: now() - began, stats };
      return stats;
    } finally {
      reading = null;
    }
  }

  return async () => {
    if (kept !== null && now() - kept.at < Math.max(CACHED_MS, kept.tookMs / READING_SHARE)) return kept.stats;
    reading ??= readAgain();
    if (kept === null || now() - kept.at > STANDS_MS) return reading;
    return firstOf(reading, kept.stats);
  };
}

/** What is being read, or after some patience what stood before. A failure within it is told: nobody is to trust what stands. */
async function firstOf<T>(reading: Promise<T>, before: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(before), PATIENCE_MS);
  });
  try {
    return await Promise.race([reading, patience]);
  } finally {
    clearTimeout(timer);
    // Nobody may be left who waits for its failure, which would then end the process.
    reading.catch(() => undefined);
  }
}
