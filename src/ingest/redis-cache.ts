import { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { createMemoryCache, type DuplicateCache } from './duplicate-cache.ts';

const KEPT_S = 600;
const ANSWER_MS = 50;
const LOST_AFTER_MS = 1_000;

export type RedisCache = DuplicateCache & { close(): Promise<void> };

/**
 * The duplicate cache shared between instances. Redis is never the record of anything: an answer that does not come at
 * once is a miss, and while it is away the memory of this process takes its place. Keys begin with the database's own
 * identity (server and timeline), so that a fail-over or a restore starts it empty.
 */
export function createRedisCache(
  url: string,
  databaseIdentity: () => Promise<string>,
  { clock, log }: { clock: Clock; log: Log },
): RedisCache {
  const memory = createMemoryCache(clock);
  const redis = new Redis(url, {
    // Nothing waits for a Redis that is away: a command without a connection fails at once.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: LOST_AFTER_MS,
    commandTimeout: ANSWER_MS,
    retryStrategy: (tries) => Math.min(tries * 100, 2_000),
  });
  let told = false;
  let hits = 0;
  let misses = 0;
  // Unknown at first and after `clear`: until it is read again, only this process's own memory is asked.
  let identity: string | null = null;
  let reading = false;
  redis.on('error', (error) => {
    if (!told) log.warn({ error: messageOf(error) }, 'Redis is away; duplicates are remembered in this process');
    told = true;
  });
  redis.on('ready', () => {
    told = false;
  });

  function name(key: string): string | null {
    if (redis.status !== 'ready') return null;
    if (identity !== null) return `postern:${identity}:${Buffer.from(key, 'latin1').toString('base64url')}`;
    if (!reading) {
      reading = true;
      databaseIdentity()
        .then((read) => {
          identity = read;
        })
        .catch((error: unknown) =>
          log.debug({ error: messageOf(error) }, 'the identity of the database is not known yet'),
        )
        .finally(() => {
          reading = false;
        });
    }
    return null;
  }

  return {
    get(key) {
      const near = memory.get(key);
      const far = name(key);
      if (near !== undefined || far === null) {
        if (near === undefined) misses += 1;
        else hits += 1;
        return near;
      }
      return redis.get(far).then(
        (found) => {
          if (found === null) misses += 1;
          else hits += 1;
          return found === null ? undefined : found.split(' ');
        },
        () => {
          misses += 1;
          return undefined;
        },
      );
    },
    put(key, eventIds) {
      void memory.put(key, eventIds);
      const far = name(key);
      if (far === null) return;
      redis
        .set(far, eventIds.join(' '), 'EX', KEPT_S)
        .catch((error: unknown) => log.debug({ error: messageOf(error) }, 'Redis did not remember'));
    },
    clear() {
      memory.clear();
      identity = null;
    },
    stats: () => ({
      engine: 'redis',
      connected: redis.status === 'ready',
      hits,
      misses,
      entries: memory.stats().entries,
    }),
    async close() {
      await redis.quit().catch(() => redis.disconnect());
    },
  };
}
