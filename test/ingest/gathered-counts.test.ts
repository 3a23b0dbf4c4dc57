import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGatheredCounts } from '../../src/ingest/gathered-counts.ts';
import { createLog } from '../../src/log.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function fixture(groupMax = 3) {
  const written: Record<string, number>[] = [];
  const state = { failing: false, hold: undefined as Promise<void> | undefined };
  const counts = createGatheredCounts<number>({
    what: 'things',
    write: async (group) => {
      await state.hold;
      if (state.failing) throw new Error('Connection terminated');
      written.push(Object.fromEntries(group));
    },
    sum: (a, b) => a + b,
    log: createLog('silent'),
    groupMax,
    everyMs: 500,
  });
  return { counts, written, state };
}

describe('gathered counts', () => {
  it('are written together, within half a second of the first', async () => {
    const { counts, written } = fixture();
    for (const key of ['a', 'b', 'a']) counts.add(key, 1);
    await vi.advanceTimersByTimeAsync(499);
    expect(written).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(written).toEqual([{ a: 2, b: 1 }]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(written).toHaveLength(1);
  });

  it('are written at once when a group is full', async () => {
    const { counts, written } = fixture(2);
    counts.add('a', 1);
    counts.add('b', 1);
    await vi.advanceTimersByTimeAsync(0);
    expect(written).toEqual([{ a: 1, b: 1 }]);
  });

  it('gather behind a write that runs: there are never two', async () => {
    const { counts, written, state } = fixture(1);
    let release = (): void => undefined;
    state.hold = new Promise((resolve) => {
      release = resolve;
    });
    counts.add('a', 1);
    for (let n = 0; n < 10; n += 1) counts.add('b', 1);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(written).toEqual([]);
    release();
    await vi.advanceTimersByTimeAsync(500);
    expect(written).toEqual([{ a: 1 }, { b: 10 }]);
  });

  it('survive a failure, and leave the database in peace for a while', async () => {
    const { counts, written, state } = fixture();
    state.failing = true;
    counts.add('a', 1);
    await vi.advanceTimersByTimeAsync(500);
    state.failing = false;
    for (const key of ['a', 'b', 'c', 'd']) counts.add(key, 1);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(written).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_001);
    // In groups of three.
    expect(written).toEqual([{ a: 2, b: 1, c: 1 }, { d: 1 }]);
  });

  it('are bounded: a storm of new keys while nothing can be written is not kept', async () => {
    const { counts, written, state } = fixture(3);
    state.failing = true;
    for (let n = 0; n < 1_000; n += 1) counts.add(`k${n}`, 1);
    await vi.advanceTimersByTimeAsync(2_000);
    for (let n = 0; n < 1_000; n += 1) counts.add(`l${n}`, 1);
    state.failing = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(written.flatMap((group) => Object.keys(group)).length).toBeLessThanOrEqual(15);
    expect(Math.max(...written.map((group) => Object.keys(group).length))).toBe(3);
  });

  it('are all written by close, behind a write that runs', async () => {
    const { counts, written, state } = fixture(2);
    let release = (): void => undefined;
    state.hold = new Promise((resolve) => {
      release = resolve;
    });
    for (const key of ['a', 'b', 'c', 'd', 'e']) counts.add(key, 1);
    const closed = counts.close();
    release();
    await closed;
    expect(written).toEqual([{ a: 1, b: 1 }, { c: 1, d: 1 }, { e: 1 }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('do not keep close waiting for a database that is away', async () => {
    const { counts, written, state } = fixture(2);
    state.failing = true;
    for (const key of ['a', 'b', 'c']) counts.add(key, 1);
    await counts.close();
    expect(written).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
