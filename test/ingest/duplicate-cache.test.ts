import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createMemoryCache, duplicateKey } from '../../src/ingest/duplicate-cache.ts';
import { uuidv7 } from '../../src/uuid.ts';

const NOW = 1_767_225_600_000;
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

describe('the cache of known bodies', () => {
  it('gives back the ids of one event, of many and of none', () => {
    const cache = createMemoryCache({ now: () => NOW });
    for (const count of [1, 3, 200, 0]) {
      const ids = Array.from({ length: count }, () => uuidv7(NOW));
      cache.put(duplicateKey(1, sha256(`body ${count}`)), ids);
      expect(cache.get(duplicateKey(1, sha256(`body ${count}`)))).toEqual(ids);
    }
    expect(cache.stats()).toMatchObject({ hits: 4, misses: 0, entries: 4 });
  });

  it('tells endpoints and bodies apart', () => {
    const cache = createMemoryCache({ now: () => NOW });
    cache.put(duplicateKey(1, sha256('a')), [uuidv7(NOW)]);
    for (const key of [duplicateKey(2, sha256('a')), duplicateKey(1, sha256('b')), duplicateKey(257, sha256('a'))])
      expect(cache.get(key)).toBeUndefined();
  });

  it('forgets after ten minutes, the oldest when it is full, and all when told', () => {
    let now = NOW;
    const cache = createMemoryCache({ now: () => now }, 2);
    const [first, second, third] = ['a', 'b', 'c'].map((text) => duplicateKey(1, sha256(text)));
    if (first === undefined || second === undefined || third === undefined) throw new Error('three keys');
    cache.put(first, [uuidv7(now)]);
    cache.put(second, [uuidv7(now)]);
    cache.put(third, [uuidv7(now)]);
    expect(cache.get(first)).toBeUndefined();
    now += 10 * 60_000 - 1;
    expect(cache.get(second)).toHaveLength(1);
    now += 1;
    expect(cache.get(second)).toBeUndefined();
    expect(cache.stats().entries).toBe(1);
    cache.put(first, [uuidv7(now)]);
    cache.clear();
    expect(cache.get(first)).toBeUndefined();
  });
});
