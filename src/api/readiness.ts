import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { CacheStats } from '../ingest/duplicate-cache.ts';
import type { Log } from '../log.ts';
import { readMigrations } from '../postgres/migration-files.ts';
import type { Sql } from '../postgres/sql.ts';
import { selectReadiness } from './readiness-store.ts';

type PartStatus = 'ok' | 'degraded' | 'failed';
/** How a part is, and since when; `detail` says what to do about it. */
export type PartState = { readonly status: PartStatus; readonly since: string; readonly detail?: string };
export type Readiness = {
  readonly status: 'ok' | 'degraded' | 'failed' | 'draining';
  readonly checks: Readonly<Record<string, PartState>>;
};

export type ReadinessParts = {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
  readonly cacheStats: () => Pick<CacheStats, 'connected'>;
  /** Ms since endpoints and secrets were last read. */
  readonly endpointsAge: () => number;
  /** Unix ms of the last group of deliveries that did not become durable; null once one did again. */
  readonly lastIntakeFailure: () => number | null;
  readonly draining: () => boolean;
};

export type ReadinessWatch = {
  /** Looks now; those who ask meanwhile get the same answer. */
  look(): Promise<Readiness>;
  /** Looks every few seconds as well, so that "since" is true also where nobody asks. */
  start(): void;
  stop(): Promise<void>;
};

type Found = { readonly status: PartStatus; readonly detail?: string };

const LOOK_EVERY_MS = 5_000;
const ANSWER_WITHIN_MS = 2_000;
const PARTITION_DAYS_MIN = 7;
const DUE_S_MAX = 60;
/** As long as webhooks are answered by what was read last (ingest/route.ts). */
const ENDPOINTS_STAND_MS = 60_000;
const ENDPOINTS_LATE_MS = 20_000;
const INTAKE_TOLD_MS = 60_000;

const OK: Found = { status: 'ok' };
const failed = (detail: string): Found => ({ status: 'failed', detail });
const degraded = (detail: string): Found => ({ status: 'degraded', detail });

/** Whether this instance can take webhooks, part by part. `failed` is what a balancer must heed; `degraded` is for a person. */
export function createReadiness(parts: ReadinessParts): ReadinessWatch {
  const { clock, log } = parts;
  const needed = readMigrations().map(({ name }) => name);
  const states = new Map<string, PartState>();
  let looking: Promise<Readiness> | null = null;
  let timer: NodeJS.Timeout | undefined;

  async function ofDatabase(): Promise<Record<string, Found>> {
    try {
      const facts = await within(selectReadiness(parts.sql), ANSWER_WITHIN_MS);
      const missing = needed.filter((name) => !facts.migrations.includes(name));
      return {
        database: !facts.writable
          ? failed('it takes no writes: it is a standby, or was set read-only')
          : facts.durable
            ? OK
            : degraded('fsync or full_page_writes is off: a crash loses acknowledged events'),
        migrations: missing.length === 0 ? OK : failed(`${missing.join(', ')} not applied: run npx postern migrate`),
        queue: facts.queue ? OK : failed('the queue "events" is missing: run npx postern migrate'),
        partitions:
          facts.daysAhead >= PARTITION_DAYS_MIN
            ? OK
            : degraded(`partitions for deliveries reach ${facts.daysAhead} days ahead: is a worker running?`),
        work:
          facts.oldestDueS <= DUE_S_MAX
            ? OK
            : degraded(`the oldest event is due for ${Math.round(facts.oldestDueS)} s: is a worker running?`),
      };
    } catch (error) {
      return { database: failed(`it does not answer: ${messageOf(error)}`) };
    }
  }

  function ofProcess(): Record<string, Found> {
    const age = parts.endpointsAge();
    const lastFailure = parts.lastIntakeFailure();
    const now = clock.now();
    return {
      endpoints:
        age > ENDPOINTS_STAND_MS
          ? failed(`last read ${Math.round(age / 1000)} s ago: webhooks are answered 503`)
          : age > ENDPOINTS_LATE_MS
            ? degraded(`last read ${Math.round(age / 1000)} s ago; they stand for ${ENDPOINTS_STAND_MS / 1000} s`)
            : OK,
      // Never failed: without requests nobody would find out that it works again.
      intake:
        lastFailure === null || now - lastFailure > INTAKE_TOLD_MS
          ? OK
          : degraded('the last deliveries could not be made durable, and were answered 503'),
      cache: parts.cacheStats().connected ? OK : degraded('Redis is away; this process remembers by itself'),
      process: parts.draining() ? failed('draining') : OK,
    };
  }

  function noted(name: string, found: Found): PartState {
    const before = states.get(name);
    const changed = before?.status !== found.status;
    const since = before === undefined || changed ? new Date(clock.now()).toISOString() : before.since;
    const state = { ...found, since };
    states.set(name, state);
    if (changed && (before !== undefined || found.status !== 'ok')) {
      const about = { part: name, status: found.status, detail: found.detail };
      if (found.status === 'ok') log.info(about, 'a part is right again');
      else log.warn(about, 'a part is not right');
    }
    return state;
  }

  async function lookNow(): Promise<Readiness> {
    const found = { ...(await ofDatabase()), ...ofProcess() };
    const checks = Object.fromEntries(Object.entries(found).map(([name, one]) => [name, noted(name, one)]));
    const statuses = Object.values(checks).map(({ status }) => status);
    const worst = (['failed', 'degraded'] as const).find((status) => statuses.includes(status)) ?? 'ok';
    return { status: parts.draining() ? 'draining' : worst, checks };
  }

  function look(): Promise<Readiness> {
    looking ??= lookNow().finally(() => {
      looking = null;
    });
    return looking;
  }

  return {
    look,
    start() {
      timer = setInterval(() => void look(), LOOK_EVERY_MS);
    },
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
