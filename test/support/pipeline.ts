import { createHash } from 'node:crypto';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { PosternError } from '../../src/errors.ts';
import type { Accepted } from '../../src/ingest/delivery.ts';
import { createMemoryCache } from '../../src/ingest/duplicate-cache.ts';
import { createFetcher, type Fetcher } from '../../src/ingest/fetcher.ts';
import { createHousekeeping, type Housekeeping } from '../../src/ingest/housekeeping.ts';
import { createIntake, type Intake } from '../../src/ingest/intake.ts';
import { createJobQueue, type JobQueue } from '../../src/ingest/job-queue.ts';
import { readEvents } from '../../src/ingest/read-events.ts';
import { createWorker, type Worker } from '../../src/ingest/worker.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createBoss } from '../../src/postgres/boss.ts';
import type { Pools } from '../../src/postgres/pools.ts';
import { providers } from '../../src/providers/index.ts';
import type { ApiAnswer, ApiCall, AuthenticityLevel } from '../../src/providers/provider.ts';
import { uuidv7, uuidv7Bytes } from '../../src/uuid.ts';
import type { TestDatabase } from './database.ts';
import { stubProvider } from './stub-endpoint.ts';

/** Intake, queue, worker and ledger as the gateway puts them together, without HTTP and signatures. */
export type Pipeline = {
  readonly intake: Intake;
  readonly queue: JobQueue;
  readonly worker: Worker;
  /** Not started: only tests that fetch want it. */
  readonly fetcher: Fetcher;
  readonly housekeeping: Housekeeping;
  deliver(endpoint: Endpoint, body: string, level?: AuthenticityLevel): Promise<Accepted>;
  stop(): Promise<void>;
};

/** `clock` in the past makes deliveries of that day; `retentionDays` null removes nothing; `api` answers what adapters ask. */
export async function createPipeline(
  database: TestDatabase,
  endpoints: () => readonly Endpoint[],
  options: {
    readonly clock?: Clock;
    readonly retentionDays?: number | null;
    readonly api?: (call: ApiCall) => Promise<ApiAnswer>;
  } = {},
): Promise<Pipeline> {
  const { clock = systemClock, retentionDays = null, api = nobodyAnswers } = options;
  const pools: Pools = database.pools();
  const metrics = createMetrics({ process: false });
  const boss = createBoss(pools.boss, database.log);
  await boss.start();
  const queue = createJobQueue(boss);
  const { log } = database;
  const intake = createIntake({
    pool: pools.intake,
    cache: createMemoryCache(clock),
    clock,
    log,
    metrics,
    ackDeadlineMs: 3_000,
    onStored: () => worker.wake(),
  });
  const worker = createWorker({
    pool: pools.worker,
    queue,
    ledger: createLedger({ clock }),
    endpoints: { byId: (id) => endpoints().find((e) => e.id === id) },
    clock,
    random: Math.random,
    log,
    metrics,
    writer: uuidv7(clock.now()),
    batchEventsMax: 200,
  });
  const fetcher = createFetcher({
    pool: pools.worker,
    queue,
    endpoints: { byId: (id) => endpoints().find((e) => e.id === id), all: endpoints },
    call: (_provider, call) => api(call),
    clock,
    random: Math.random,
    log,
    metrics,
  });
  const housekeeping = createHousekeeping({
    pool: pools.worker,
    owner: pools.owner,
    queue,
    providers: new Map([...providers, [stubProvider.name, stubProvider]]),
    endpoints: { all: endpoints },
    retentionDays,
    clearImports: async () => undefined,
    forgetFetches: async () => undefined,
    clock,
    log,
    metrics,
  });
  return {
    intake,
    queue,
    worker,
    fetcher,
    housekeeping,
    deliver(endpoint, text, level = 'body') {
      const now = clock.now();
      const body = Buffer.from(text);
      const request = { method: 'POST', url: 'http://localhost/', headers: [], body } as const;
      const identified = endpoint.provider.identify(request, endpoint.settings);
      if (identified.kind === 'control') throw new Error('a control request is no event');
      return intake.accept({
        id: uuidv7Bytes(now),
        receivedAt: now,
        endpoint,
        method: 'POST',
        path: `/webhooks/${endpoint.provider.name}/${endpoint.name}`,
        sourceIp: '127.0.0.1',
        headers: [],
        body,
        sha256: createHash('sha256').update(body).digest(),
        level,
        secretId: null,
        events: readEvents(identified, request, endpoint, now),
      });
    },
    async stop() {
      await intake.close();
      await fetcher.stop();
      await worker.stop();
      await housekeeping.stop();
      await boss.stop({ graceful: false, close: false });
      await pools.end();
    },
  };
}

async function nobodyAnswers({ host }: ApiCall): Promise<never> {
  throw new PosternError('egress_failed', `${host} is not there`);
}
