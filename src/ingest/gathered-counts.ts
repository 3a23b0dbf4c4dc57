import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** Figures for people, gathered in memory and written in groups: a crash may lose the last second of them. */
export type GatheredCounts<V> = {
  add(key: string, value: V): void;
  /** Writes what is left; what comes later stays unwritten. */
  close(): Promise<void>;
};

export type GatheredCountsOptions<V> = {
  /** What is counted, for the log. */
  readonly what: string;
  readonly write: (counts: ReadonlyMap<string, V>) => Promise<void>;
  readonly sum: (a: V, b: V) => V;
  readonly log: Log;
  /** So many keys are written by one statement, and at once when they are there. */
  readonly groupMax?: number;
  readonly everyMs?: number;
};

const GROUP_MAX = 10_000;
/** Groups that are held while one is written or the database is away: memory stays bounded in a storm. */
const GROUPS_HELD = 5;
const EVERY_MS = 500;
/** After a failure the database is left in peace for so many turns. */
const TURNS_AFTER_FAILURE = 4;

/** One write at a time, on one connection; what comes meanwhile gathers for the next. */
export function createGatheredCounts<V>(options: GatheredCountsOptions<V>): GatheredCounts<V> {
  const { what, write, sum, log, groupMax = GROUP_MAX, everyMs = EVERY_MS } = options;
  const held = new Map<string, V>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<boolean> | null = null;
  let resting = false;
  let closed = false;

  function merge(key: string, value: V): void {
    const before = held.get(key);
    if (before !== undefined) held.set(key, sum(before, value));
    else if (held.size < groupMax * GROUPS_HELD) held.set(key, value);
  }

  function writeLater(ms: number): void {
    timer ??= setTimeout(() => {
      resting = false;
      void writeNow();
    }, ms);
  }

  /** True unless it failed. */
  function writeNow(): Promise<boolean> {
    clearTimeout(timer);
    timer = undefined;
    writing ??= writeGroup().then((written) => {
      writing = null;
      resting = !written;
      if (held.size > 0 && !closed) writeLater(written ? everyMs : everyMs * TURNS_AFTER_FAILURE);
      return written;
    });
    return writing;
  }

  async function writeGroup(): Promise<boolean> {
    const group = new Map([...held].slice(0, groupMax));
    if (group.size === 0) return true;
    for (const key of group.keys()) held.delete(key);
    try {
      await write(group);
      return true;
    } catch (error) {
      log.warn({ error: messageOf(error) }, `${what} could not be counted yet`);
      for (const [key, value] of group) merge(key, value);
      return false;
    }
  }

  return {
    add(key, value) {
      merge(key, value);
      if (resting || writing !== null || closed) return;
      if (held.size >= groupMax) void writeNow();
      else writeLater(everyMs);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await writing;
      while (held.size > 0 && (await writeNow()));
    },
  };
}
