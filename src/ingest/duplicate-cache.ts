/**
 * What answers a storm of retries: the events a body brought, by endpoint and SHA-256 of the exact bytes. It is filled
 * only after the commit and is never the record of anything: a miss takes the long way and finds the same.
 */
export type DuplicateCache = {
  /** The ids of the events this very body brought, or undefined. */
  get(key: string): readonly string[] | undefined | Promise<readonly string[] | undefined>;
  put(key: string, eventIds: readonly string[]): void;
  /** After the database connection was lost: what is remembered may not be there any more (fail-over, restore). */
  clear(): void;
  stats(): CacheStats;
};

export type CacheStats = {
  engine: 'memory' | 'redis';
  connected: boolean;
  hits: number;
  misses: number;
  entries: number;
};

const ENTRIES_MAX = 100_000;
const KEPT_MS = 10 * 60_000;

export function createMemoryCache(clock: { now(): number }, entriesMax: number = ENTRIES_MAX): DuplicateCache {
  // A Map keeps insertion order, and every entry lives equally long: the oldest is always the first.
  const entries = new Map<string, { eventIds: readonly string[]; until: number }>();
  let hits = 0;
  let misses = 0;

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry !== undefined && entry.until > clock.now()) {
        hits += 1;
        return entry.eventIds;
      }
      if (entry !== undefined) entries.delete(key);
      misses += 1;
      return undefined;
    },
    put(key, eventIds) {
      entries.delete(key);
      entries.set(key, { eventIds, until: clock.now() + KEPT_MS });
      if (entries.size > entriesMax) {
        const oldest = entries.keys().next();
        if (!oldest.done) entries.delete(oldest.value);
      }
    },
    clear() {
      entries.clear();
    },
    stats: () => ({ engine: 'memory', connected: true, hits, misses, entries: entries.size }),
  };
}
