import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { whole } from '../../src/api/upload.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const IDLE_MS = 60_000;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A client that sends a byte after each of these pauses. */
async function* sent(...pauses: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const pause of pauses) {
    await wait(pause);
    yield Buffer.from('x');
  }
}

/** Reads an upload to its end, resting after each piece. */
async function read(source: AsyncIterable<Uint8Array>, restMs = 0): Promise<string> {
  let bytes = 0;
  try {
    for await (const piece of whole(source, IDLE_MS)) {
      bytes += piece.byteLength;
      if (restMs > 0) await wait(restMs);
    }
    return `whole: ${bytes}`;
  } catch (error) {
    return `${(error as { code?: string }).code}: ${bytes}`;
  }
}

async function outcome(reading: Promise<string>): Promise<string> {
  await vi.runAllTimersAsync();
  return reading;
}

it.each([
  ['never comes', [IDLE_MS + 1], 'request_timeout: 0'],
  ['stops', [1, IDLE_MS + 1, 1], 'request_timeout: 1'],
  ['stops before its end', [1, 1, 100 * IDLE_MS], 'request_timeout: 2'],
  ['is slow', [IDLE_MS - 1, IDLE_MS - 1, IDLE_MS - 1], 'whole: 3'],
])('an upload that %s', async (_, pauses, told) => {
  expect(await outcome(read(sent(...pauses)))).toBe(told);
});

it('what a slow reader takes is not the upload standing still', async () => {
  expect(await outcome(read(sent(1, 1, 1), 2 * IDLE_MS))).toBe('whole: 3');
});

it('an upload whose reader has enough is let go', async () => {
  let isOpen = true;
  async function* file(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.from('x');
    } finally {
      isOpen = false;
    }
  }
  for await (const piece of whole(file(), IDLE_MS)) if (piece.byteLength > 0) break;
  expect([isOpen, vi.getTimerCount()]).toEqual([false, 0]);
});
