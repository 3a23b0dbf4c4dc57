import { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CacheTrouble, Metrics } from '../metrics.ts';

/**
 * What instances share in Redis, which is never the record of anything: each method answers null, at once, where there is
 * nobody to ask, and resolves with null where no answer came in time.
 */
export type RedisStore = {
  get(key: string): Promise<string | null> | null;
  set(key: string, value: string, keptS: number): void;
  /** Adds to counters, and tells what they come to. */
  add(counts: ReadonlyArray<readonly [key: string, more: number]>, keptS: number): Promise<number[] | null> | null;
  /** The database may be another one by now: nobody is asked until its identity was read again. */
  forgetIdentity(): void;
  connected(): boolean;
  /** What was wrong within the last seconds. */
  trouble(): CacheTrouble | null;
  close(): Promise<void>;
};

export type RedisStoreParts = {
  /** Server and history of the database: keys begin with it, so that a fail-over or a restore starts empty. */
  readonly databaseIdentity: () => Promise<string>;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** Longer than this a request does not wait for it. */
const ANSWER_MS = 50;
/** For what no request waits for. */
const LOST_AFTER_MS = 1_000;
/** So many answers in a row that did not come in time, and for a while nobody waits for another. */
const SLOW_MAX = 3;
const REST_MS = 1_000;
const WELL_AFTER_MS = 5_000;

export function createRedisStore(url: string, { databaseIdentity, log, metrics }: RedisStoreParts): RedisStore {
  const redis = new Redis(url, {
    // Nothing waits for a Redis that is away: a command without a connection fails at once.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: LOST_AFTER_MS,
    // A connection that swallows what is sent (a firewall that forgot it) is no connection: make another.
    socketTimeout: LOST_AFTER_MS,
    retryStrategy: (tries) => Math.min(tries * 100, 2_000),
  });
  /** What was said in the log and not taken back: one line when it begins, one when it ends. */
  let told: CacheTrouble | null = null;
  let troubleAt = 0;
  let identity: string | null = null;
  let reading: Promise<void> | null = null;
  let slowInARow = 0;
  let restUntil = 0;
  let probing = false;
  redis.on('error', (error) => tell('gone', messageOf(error)));

  function tell(trouble: CacheTrouble, error: string): void {
    if (told === null) log.warn({ trouble, error }, 'Redis does not serve; this process remembers by itself');
    told = trouble;
    troubleAt = performance.now();
  }

  /** A full one still answers what it is asked: only when nothing failed for a while it is well. */
  function tellWell(): void {
    if (told === null || performance.now() - troubleAt < WELL_AFTER_MS) return;
    log.info({ trouble: told }, 'Redis serves again');
    told = null;
  }

  /** True where a command may be sent. One at a time is, to see whether it still is slow. */
  function isUsable(): boolean {
    if (redis.status !== 'ready') {
      metrics.cacheTroubles.inc({ why: 'gone' });
      return false;
    }
    if (identity === null) {
      readIdentity();
      return false;
    }
    if (slowInARow < SLOW_MAX) return true;
    if (probing || performance.now() < restUntil) {
      metrics.cacheTroubles.inc({ why: 'slow' });
      return false;
    }
    probing = true;
    return true;
  }

  function readIdentity(): void {
    if (reading !== null) return;
    const mine: Promise<void> = databaseIdentity()
      .then((read) => {
        // Of a reading that was given up meanwhile nobody knows which database answered.
        if (reading === mine) identity = read;
      })
      .catch((error: unknown) =>
        log.debug({ error: messageOf(error) }, 'the identity of the database is not known yet'),
      )
      .finally(() => {
        if (reading === mine) reading = null;
      });
    reading = mine;
  }

  /** Null where it failed: why is counted. */
  async function asked<T>(answer: Promise<T>, withinMs = ANSWER_MS): Promise<T | null> {
    const stop = metrics.cacheSeconds.startTimer();
    try {
      const found = await inTime(answer, withinMs);
      slowInARow = 0;
      tellWell();
      return found;
    } catch (error) {
      failed(error);
      return null;
    } finally {
      stop();
      probing = false;
    }
  }

  function failed(error: unknown): void {
    const why = troubleOf(error);
    metrics.cacheTroubles.inc({ why });
    tell(why, messageOf(error));
    const isAnswer = why === 'full' || why === 'refused';
    slowInARow = isAnswer ? 0 : slowInARow + 1;
    restUntil = performance.now() + REST_MS;
  }

  // Where nobody asks, nobody would find out that it answers again.
  const probe = setInterval(() => {
    if (slowInARow < SLOW_MAX || probing || redis.status !== 'ready' || performance.now() < restUntil) return;
    probing = true;
    void asked(redis.ping());
  }, REST_MS).unref();

  const name = (key: string): string => `postern:${identity}:${key}`;

  return {
    get(key) {
      if (!isUsable()) return null;
      const of = identity;
      // What another database knew, this one may not have.
      return asked(redis.get(name(key))).then((found) => (identity === of ? found : null));
    },
    set(key, value, keptS) {
      if (isUsable()) void asked(redis.set(name(key), value, 'EX', keptS));
    },
    add(counts, keptS) {
      if (!isUsable()) return null;
      const pipeline = redis.pipeline();
      for (const [key, more] of counts) pipeline.incrby(name(key), more).expire(name(key), keptS);
      const sums = pipeline.exec().then((replies) => sumsOf(replies ?? []));
      return asked(sums, LOST_AFTER_MS);
    },
    forgetIdentity() {
      identity = null;
      reading = null;
    },
    trouble: () => told,
    connected: () => redis.status === 'ready' && slowInARow < SLOW_MAX,
    async close() {
      clearInterval(probe);
      await redis.quit().catch(() => redis.disconnect());
    },
  };
}

class LateError extends Error {}

/**
 * What has arrived is read before the time is up: where this process was busy for as long, as in a flood, Redis was not slow.
 * @throws LateError, and what the answer throws
 */
async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let arrived: NodeJS.Immediate | undefined;
  const late = new Promise<never>((_, reject) => {
    // Sockets are read between timers and immediates.
    timer = setTimeout(() => {
      arrived = setImmediate(() => reject(new LateError(`no answer within ${ms} ms`)));
    }, ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    clearImmediate(arrived);
  }
}

/** Of pairs of INCRBY and EXPIRE the sums. @throws what any of them was answered with. */
function sumsOf(replies: ReadonlyArray<readonly [Error | null, unknown]>): number[] {
  const failure = replies.find(([error]) => error !== null)?.[0];
  if (failure) throw failure;
  return replies.filter((_, n) => n % 2 === 0).map(([, sum]) => Number(sum));
}

/** As Redis words it, which has no codes for these. */
function troubleOf(error: unknown): CacheTrouble {
  if (error instanceof LateError) return 'slow';
  if (messageOf(error).startsWith('OOM ')) return 'full';
  return error instanceof Error && error.name === 'ReplyError' ? 'refused' : 'gone';
}
