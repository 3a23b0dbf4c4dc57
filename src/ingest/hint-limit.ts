import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Sql } from '../postgres/sql.ts';
import { selectWaiting } from './fetch-store.ts';
import type { SharedUses } from './shared-uses.ts';

/**
 * Whether an endpoint takes another call that nothing proves. Anybody who knows its address can send hints about objects that
 * never were: each is stored, and each costs the processor calls in our name. What is refused is answered 503, and a processor
 * tells it again, for 26 hours at Mollie (docs.mollie.com/reference/webhooks).
 */
export type HintLimit = {
  /** False past the limits. Costs no database work. */
  take(endpointId: number): boolean;
  /** Counts what waits of the endpoints that hints came to; `start` does so every two seconds. */
  look(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
};

const PER_SECOND = 50;
const BURST = 500;
/** Hints wait for seconds, those about nothing for a quarter of an hour: it is they, or an outage, who come to be as many. */
const WAITING_MAX = 2_000;
const LOOK_EVERY_MS = 2_000;

export function createHintLimit({
  sql,
  clock,
  log,
  waitingMax = WAITING_MAX,
  shared = null,
}: {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
  readonly waitingMax?: number;
  /** Other instances take hints to the same endpoints. */
  readonly shared?: Pick<SharedUses, 'add' | 'onOthers'> | null;
}): HintLimit {
  /** One for each endpoint that hints came to: endpoints are ours, so there are not many. */
  const buckets = new Map<number, { tokens: number; at: number }>();
  let full: ReadonlySet<number> = new Set();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  function refilled(endpointId: number): { tokens: number; at: number } {
    const now = clock.now();
    const bucket = buckets.get(endpointId) ?? { tokens: BURST, at: now };
    // A clock that was set back must not take tokens away.
    bucket.tokens = Math.min(BURST, bucket.tokens + (Math.max(0, now - bucket.at) / 1_000) * PER_SECOND);
    bucket.at = now;
    buckets.set(endpointId, bucket);
    return bucket;
  }

  shared?.onOthers((key, uses) => {
    const bucket = refilled(Number(key));
    // Below nothing: what others used up before we heard of it is owed, or each of two would take the whole limit.
    bucket.tokens = Math.max(-BURST, bucket.tokens - uses);
  });

  function take(endpointId: number): boolean {
    const bucket = refilled(endpointId);
    if (full.has(endpointId) || bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    shared?.add(String(endpointId));
    return true;
  }

  async function look(): Promise<void> {
    if (buckets.size === 0) return;
    try {
      const waiting = await selectWaiting(sql, [...buckets.keys()], waitingMax);
      const before = full;
      full = new Set([...waiting].filter(([, count]) => count >= waitingMax).map(([id]) => id));
      for (const endpointId of full)
        if (!before.has(endpointId))
          log.error({ endpointId, waitingMax }, 'too many unproved calls wait for their objects: more are refused');
    } catch (error) {
      // What was found last stands; without a database nothing is taken anyway.
      log.warn({ error: messageOf(error) }, 'what waits for objects could not be counted');
    }
  }

  return {
    take,
    look,
    start() {
      timer ??= setInterval(() => {
        looking ??= look().finally(() => {
          looking = undefined;
        });
      }, LOOK_EVERY_MS);
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      await looking;
    },
  };
}
