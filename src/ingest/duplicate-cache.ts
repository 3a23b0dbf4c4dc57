import type { CacheTrouble } from '../metrics.ts';
import { uuidText } from '../uuid.ts';

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

/** In this process: it answers at once. */
export type MemoryCache = Omit<DuplicateCache, 'get'> & { get(key: string): readonly string[] | undefined };

export type CacheStats = {
  engine: 'memory' | 'redis';
  connected: boolean;
  hits: number;
  misses: number;
  /** Of this process's memory. */
  entries: number;
  /** What is wrong with the shared one, or was within the last seconds. */
  trouble?: CacheTrouble | null;
};

const ENTRIES_MAX = 100_000;
const KEPT_S = 10 * 60;
const ID_BYTES = 16;
const TIME_BYTES = 4;
const scratch = Buffer.alloc(4 + 32);

/** The key of a body at an endpoint: one flat string of bytes, because a key made of pieces keeps the pieces. */
export function duplicateKey(endpointId: number, sha256: Buffer): string {
  scratch.writeInt32BE(endpointId, 0);
  sha256.copy(scratch, 4, 0, 32);
  return scratch.toString('latin1');
}

export function createMemoryCache(clock: { now(): number }, entriesMax: number = ENTRIES_MAX): MemoryCache {
  // A Map keeps insertion order, and every entry lives equally long: the oldest is always the first. What is known of a
  // body is one string of bytes: lists of ids took ten times the memory, 75 MB at half the entries.
  const entries = new Map<string, string>();
  let hits = 0;
  let misses = 0;

  return {
    get(key) {
      const entry = entries.get(key);
      const known = entry === undefined ? undefined : unpack(entry, clock.now());
      if (known !== undefined) hits += 1;
      else {
        misses += 1;
        entries.delete(key);
      }
      return known;
    },
    put(key, eventIds) {
      entries.delete(key);
      entries.set(key, pack(eventIds, clock.now()));
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

function pack(eventIds: readonly string[], nowMs: number): string {
  const bytes = Buffer.allocUnsafe(TIME_BYTES + ID_BYTES * eventIds.length);
  bytes.writeUInt32BE(Math.floor(nowMs / 1000) + KEPT_S, 0);
  for (const [n, id] of eventIds.entries()) {
    bytes.write(id.replaceAll('-', ''), TIME_BYTES + ID_BYTES * n, ID_BYTES, 'hex');
  }
  return bytes.toString('latin1');
}

/** The ids, or undefined when their time is over. */
function unpack(entry: string, nowMs: number): readonly string[] | undefined {
  const bytes = Buffer.from(entry, 'latin1');
  if (bytes.readUInt32BE(0) * 1000 <= nowMs) return undefined;
  const ids: string[] = [];
  for (let at = TIME_BYTES; at < bytes.length; at += ID_BYTES) ids.push(uuidText(bytes.subarray(at, at + ID_BYTES)));
  return ids;
}
