import { expect, it } from 'vitest';
import { createFairQueue } from '../../../src/ingest/quarantine/fair-queue.ts';

it('hands out kinds in turns', () => {
  const queue = createFairQueue<string>({ itemsMax: 100, bytesMax: 1_000 });
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) queue.push(item.charAt(0), item, 1);
  expect(queue.take(4)).toEqual(['a1', 'b1', 'c1', 'a2']);
  expect(queue.take(10)).toEqual(['c2', 'a3']);
  expect(queue.take(10)).toEqual([]);
  expect(queue.size()).toBe(0);
});

it('makes room at the cost of the kind that has most of it, whoever comes', () => {
  const queue = createFairQueue<string>({ itemsMax: 4, bytesMax: 1_000 });
  for (const item of ['a1', 'a2', 'a3', 'a4']) expect(queue.push('a', item, 1)).toEqual([]);
  // The flood loses its own newest, and what it held for others.
  expect(queue.push('a', 'a5', 1)).toEqual(['a5']);
  expect(queue.push('b', 'b1', 1)).toEqual(['a4']);
  expect(queue.push('c', 'c1', 1)).toEqual(['a3']);
  expect(queue.push('a', 'a6', 1)).toEqual(['a6']);
  expect(queue.take(9).toSorted()).toEqual(['a1', 'a2', 'b1', 'c1']);
});

it('is bounded in bytes as well: the large ones go, not the small ones of others', () => {
  const queue = createFairQueue<string>({ itemsMax: 100, bytesMax: 100 });
  for (const item of ['a1', 'a2', 'a3']) queue.push('a', item, 30);
  for (let n = 0; n < 10; n += 1) queue.push('b', `b${n}`, 1);
  expect(queue.push('b', 'b10', 1)).toEqual(['a3']);
  expect(queue.push('a', 'a4', 30)).toEqual(['a4']);
  expect(queue.push('c', 'larger than all', 200)).toEqual(['larger than all']);
  expect(queue.size()).toBe(13);
});
