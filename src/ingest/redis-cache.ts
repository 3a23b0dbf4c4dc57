import type { Clock } from '../clock.ts';
import { createMemoryCache, type DuplicateCache } from './duplicate-cache.ts';
import type { RedisStore } from './redis-store.ts';

const KEPT_S = 600;

/**
 * The duplicate cache shared between instances, beside the memory of this one: an answer that does not come at once is a miss,
 * and while Redis is away the memory takes its place.
 */
export function createRedisCache(
  store: Pick<RedisStore, 'get' | 'set' | 'connected' | 'trouble' | 'forgetIdentity'>,
  clock: Clock,
): DuplicateCache {
  const memory = createMemoryCache(clock);
  let hits = 0;
  let misses = 0;

  function counted(found: readonly string[] | undefined): readonly string[] | undefined {
    if (found === undefined) misses += 1;
    else hits += 1;
    return found;
  }

  return {
    get(key) {
      const near = memory.get(key);
      if (near !== undefined) return counted(near);
      const far = store.get(nameOf(key));
      return far === null ? counted(undefined) : far.then((found) => counted(found?.split(' ')));
    },
    put(key, eventIds) {
      memory.put(key, eventIds);
      store.set(nameOf(key), eventIds.join(' '), KEPT_S);
    },
    clear() {
      memory.clear();
      store.forgetIdentity();
    },
    stats: () => ({
      engine: 'redis',
      connected: store.connected(),
      trouble: store.trouble(),
      hits,
      misses,
      entries: memory.stats().entries,
    }),
  };
}

function nameOf(key: string): string {
  return `body:${Buffer.from(key, 'latin1').toString('base64url')}`;
}
