import type { RedisStore } from './redis-store.ts';

/**
 * A limit's uses by name, told between instances several times a second: each keeps its own bucket, answers from it without
 * asking anybody, and takes from it what the others used. Without Redis each instance keeps the limit by itself.
 */
export type SharedUses = {
  /** One use here. */
  add(key: string): void;
  /** What the others used comes here; set by whoever keeps the bucket. */
  onOthers(take: (key: string, uses: number) => void): void;
  start(): void;
  stop(): void;
  /** One exchange now; `start` does so four times a second. */
  exchange(): Promise<void>;
};

const EVERY_MS = 250;
const KEPT_S = 60;
/** Asked about for so long after the last use here: who uses nothing needs no limit. */
const ACTIVE_MS = 5_000;
const KEYS_MAX = 1_000;
const KEYS_AT_ONCE = 200;

type Use = {
  /** Not told yet. */
  own: number;
  /** Of all instances, when it was last asked. Null: never, and what was before is none of ours. */
  total: number | null;
  usedAt: number;
};

export function createSharedUses(name: string, store: Pick<RedisStore, 'add'>): SharedUses {
  // A Map keeps insertion order: whose turn it was goes to the end.
  const uses = new Map<string, Use>();
  let take: (key: string, uses: number) => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  let exchanging = false;

  function turn(): [key: string, use: Use, own: number][] {
    const now = performance.now();
    const asked: [string, Use, number][] = [];
    for (const [key, use] of uses) {
      if (now - use.usedAt > ACTIVE_MS && use.own === 0) uses.delete(key);
      else if (asked.length < KEYS_AT_ONCE) asked.push([key, use, use.own]);
    }
    for (const [key, use] of asked) {
      uses.delete(key);
      uses.set(key, use);
    }
    return asked;
  }

  async function exchange(): Promise<void> {
    if (exchanging || uses.size === 0) return;
    exchanging = true;
    try {
      const asked = turn();
      const totals = await store.add(
        asked.map(([key, , own]) => [`${name}:${key}`, own]),
        KEPT_S,
      );
      for (const [n, [key, use, own]] of asked.entries()) {
        // What could not be told is past: told later it would be a burst that nobody made.
        use.own -= own;
        const total = totals?.[n];
        if (total === undefined) {
          // Perhaps it was added all the same: the difference to what was known would count our own as others'.
          use.total = null;
          continue;
        }
        const others = use.total === null ? 0 : total - use.total - own;
        // Fewer than before: Redis was emptied.
        if (others > 0) take(key, others);
        use.total = total;
      }
    } finally {
      exchanging = false;
    }
  }

  return {
    exchange,
    add(key) {
      const use = uses.get(key) ?? { own: 0, total: null, usedAt: 0 };
      use.own += 1;
      use.usedAt = performance.now();
      uses.set(key, use);
      const oldest = uses.size > KEYS_MAX ? uses.keys().next() : undefined;
      if (oldest !== undefined && oldest.done !== true) uses.delete(oldest.value);
    },
    onOthers(taker) {
      take = taker;
    },
    start() {
      timer ??= setInterval(() => void exchange(), EVERY_MS).unref();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
