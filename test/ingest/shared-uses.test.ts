import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFailedVerifications } from '../../src/ingest/failed-verifications.ts';
import { createHintLimit } from '../../src/ingest/hint-limit.ts';
import { createRedisStore, type RedisStore } from '../../src/ingest/redis-store.ts';
import { createSharedUses, type SharedUses } from '../../src/ingest/shared-uses.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { eventually } from '../support/eventually.ts';
import { createRedisServer, hasRedis, type RedisServer } from '../support/redis-server.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';

const IP = '192.0.2.7';
const BURST = 200;
/** Stands still: no bucket fills again while a test looks at it. */
const clock = { now: () => 1_800_000_000_000 };
const log = createLog('silent');

/** Counters as Redis keeps them, for several stores at once. */
function sharedCounters(): { store(): Pick<RedisStore, 'add'>; away: boolean; slow: boolean; clear(): void } {
  const sums = new Map<string, number>();
  const counters = {
    away: false,
    /** Counts, and its answer comes too late. */
    slow: false,
    clear: () => sums.clear(),
    store: () => ({
      add(counts: ReadonlyArray<readonly [string, number]>) {
        if (counters.away) return null;
        const totals = counts.map(([key, more]) => {
          const sum = (sums.get(key) ?? 0) + more;
          sums.set(key, sum);
          return sum;
        });
        return Promise.resolve(counters.slow ? null : totals);
      },
    }),
  };
  return counters;
}

function instance(store: Pick<RedisStore, 'add'>) {
  const uses = createSharedUses('failures', store);
  return { uses, failures: createFailedVerifications(clock, uses) };
}

const fail = (one: { failures: { note(ip: string): void } }, times: number): void => {
  for (let n = 0; n < times; n += 1) one.failures.note(IP);
};

async function exchange(...all: readonly { uses: SharedUses }[]): Promise<void> {
  for (const { uses } of all) await uses.exchange();
}

describe('a limit that instances share', () => {
  it('is used up by all of them together', async () => {
    const counters = sharedCounters();
    const [one, two] = [instance(counters.store()), instance(counters.store())];
    for (const each of [one, two]) fail(each, 1);
    await exchange(one, two, one);
    fail(one, BURST / 2);
    fail(two, BURST / 2 - 10);
    await exchange(one, two, one);
    expect([one.failures.isFlooding(IP), two.failures.isFlooding(IP)]).toEqual([false, false]);
    fail(one, 20);
    await exchange(one, two);
    expect([one.failures.isFlooding(IP), two.failures.isFlooding(IP)]).toEqual([true, true]);
    expect(two.failures.isFlooding('192.0.2.8')).toBe(false);
  });

  it('counts nobody twice, and nothing of before an instance knew of the source', async () => {
    const counters = sharedCounters();
    const [one, two] = [instance(counters.store()), instance(counters.store())];
    fail(one, 150);
    for (let n = 0; n < 5; n += 1) await exchange(one);
    expect(one.failures.isFlooding(IP)).toBe(false);
    fail(two, 1);
    for (let n = 0; n < 5; n += 1) await exchange(two, one);
    expect(two.failures.isFlooding(IP)).toBe(false);
    fail(one, 48);
    for (let n = 0; n < 5; n += 1) await exchange(one, two);
    expect([one.failures.isFlooding(IP), two.failures.isFlooding(IP)]).toEqual([false, false]);
  });

  it('is kept by each alone while Redis is away, and what was then is not told afterwards', async () => {
    const counters = sharedCounters();
    const [one, two] = [instance(counters.store()), instance(counters.store())];
    for (const each of [one, two]) fail(each, 1);
    await exchange(one, two, one);
    counters.away = true;
    fail(one, BURST);
    await exchange(one, two);
    expect([one.failures.isFlooding(IP), two.failures.isFlooding(IP)]).toEqual([true, false]);
    counters.away = false;
    await exchange(one, two);
    expect(two.failures.isFlooding(IP)).toBe(false);
  });

  it('does not take its own uses for those of others where Redis counted them and did not answer in time', async () => {
    const counters = sharedCounters();
    const one = instance(counters.store());
    fail(one, 1);
    await exchange(one);
    counters.slow = true;
    fail(one, BURST / 2);
    await exchange(one);
    counters.slow = false;
    fail(one, 1);
    await exchange(one, one);
    expect(one.failures.isFlooding(IP)).toBe(false);
  });

  it('takes an emptied Redis for one that knows nothing yet', async () => {
    const counters = sharedCounters();
    const [one, two] = [instance(counters.store()), instance(counters.store())];
    for (const each of [one, two]) fail(each, 50);
    await exchange(one, two, one, two);
    counters.clear();
    await exchange(one, two, one, two);
    expect([one.failures.isFlooding(IP), two.failures.isFlooding(IP)]).toEqual([false, false]);
    fail(one, BURST);
    await exchange(one, two);
    expect(two.failures.isFlooding(IP)).toBe(true);
  });

  it('limits hints to an endpoint as well', async () => {
    const counters = sharedCounters();
    const sql = { query: async () => ({ rows: [], rowCount: 0, command: 'SELECT' }) };
    const [one, two] = [1, 2].map(() => {
      const uses = createSharedUses('hints', counters.store());
      return { uses, hints: createHintLimit({ sql, clock, log, shared: uses }) };
    });
    if (one === undefined || two === undefined) throw new Error('there are two');
    const taken = ({ hints }: typeof one, tries: number): number =>
      Array.from({ length: tries }, () => hints.take(7)).filter(Boolean).length;
    expect([taken(one, 1), taken(two, 1)]).toEqual([1, 1]);
    await exchange(one, two, one);
    expect(taken(one, 400)).toBe(400);
    await exchange(one, two);
    // 500, less the 400 and its own one; the other's first was before it asked.
    expect(taken(two, 400)).toBe(99);
    await exchange(two, one);
    expect(taken(one, 1)).toBe(0);
    expect(one.hints.take(8)).toBe(true);
  });
});

describe.skipIf(!hasRedis)('in Redis itself', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = createRedisServer();
    await redis.start();
  });
  afterAll(() => redis.remove());

  it('reaches other instances of the same database, and no others', async () => {
    const stores = ['a', 'a', 'b'].map((name) =>
      createRedisStore(redis.socket, {
        databaseIdentity: async () => name,
        log,
        metrics: createMetrics({ process: false }),
      }),
    );
    const [one, two, stranger] = stores.map(instance);
    if (one === undefined || two === undefined || stranger === undefined) throw new Error('there are three');
    for (const store of stores)
      await eventually(async () => expect(await store.add([['probe', 1]], 60)).toEqual([expect.any(Number)]));
    for (const each of [one, two, stranger]) fail(each, 1);
    await exchange(one, two, stranger, one);
    fail(one, BURST);
    await exchange(one, two, stranger);
    expect([two, stranger].map(({ failures }) => failures.isFlooding(IP))).toEqual([true, false]);
    // Not for ever: whoever fails no more is forgotten within a minute.
    const [, keys] = (await redis.command('SCAN', '0', 'MATCH', '*failures*')) as [string, string[]];
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(Number(await redis.command('TTL', key))).toBeGreaterThan(0);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('is told as well where the answer takes longer than a request would wait', async () => {
    const proxy = await createTcpProxy({ path: redis.socket });
    const store = createRedisStore(`redis://127.0.0.1:${proxy.port}`, {
      databaseIdentity: async () => 'slow',
      log,
      metrics: createMetrics({ process: false }),
    });
    await eventually(async () => expect(await store.add([['probe', 1]], 60)).toEqual([expect.any(Number)]));
    proxy.delay(100);
    expect(await store.get('probe')).toBeNull();
    expect(await store.add([['counter', 7]], 60)).toEqual([7]);
    await store.close();
    await proxy.close();
  });
});
