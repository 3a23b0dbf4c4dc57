import { describe, expect, it } from 'vitest';
import { keepingStats } from '../../../src/api/queue-stats.ts';

/** Figures that come when the test says so, under a clock of the test's own. */
function slowFigures() {
  let now = 1_000;
  const asked: { settle(value: number | Error): void }[] = [];
  const read = keepingStats<number>(
    () =>
      new Promise((resolve, reject) => {
        asked.push({ settle: (value) => (value instanceof Error ? reject(value) : resolve(value)) });
      }),
    () => now,
  );
  return {
    read,
    asked,
    pass(ms: number) {
      now += ms;
    },
  };
}

describe('figures that are kept', () => {
  it('are read once for all who ask within two seconds', async () => {
    const figures = slowFigures();
    const both = [figures.read(), figures.read()];
    figures.asked[0]?.settle(1);
    expect(await Promise.all(both)).toEqual([1, 1]);
    figures.pass(1_999);
    expect(await figures.read()).toBe(1);
    expect(figures.asked).toHaveLength(1);
    figures.pass(1);
    const later = figures.read();
    figures.asked[1]?.settle(2);
    expect(await later).toBe(2);
  });

  it('answer from before where reading takes long, and are read for a twentieth of the time at most', async () => {
    const figures = slowFigures();
    const first = figures.read();
    figures.pass(500);
    figures.asked[0]?.settle(1);
    expect(await first).toBe(1);
    figures.pass(9_000);
    expect(await figures.read()).toBe(1);
    expect(figures.asked).toHaveLength(1);
    figures.pass(600);
    expect(await figures.read()).toBe(1);
    expect(figures.asked).toHaveLength(2);
    figures.asked[1]?.settle(2);
    expect(await figures.read()).toBe(2);
  });

  it('tell their failure at once, are asked for again, and never stand for over a minute', async () => {
    const figures = slowFigures();
    const first = figures.read();
    figures.asked[0]?.settle(new Error('away'));
    await expect(first).rejects.toThrow('away');
    const second = figures.read();
    figures.asked[1]?.settle(2);
    expect(await second).toBe(2);
    figures.pass(3_000);
    const third = figures.read();
    figures.asked[2]?.settle(new Error('away again'));
    await expect(third).rejects.toThrow('away again');
    figures.pass(60_000);
    const fourth = figures.read();
    figures.asked[3]?.settle(4);
    expect(await fourth).toBe(4);
  });
});
