import { join } from 'node:path';
import type { ApiCalls, ApiDownloads } from './api-calls.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { Keyring } from './encryption.ts';
import type { EndpointRegistry } from './endpoints/registry.ts';
import type { EndpointService } from './endpoints/service.ts';
import { createBackfillRequests } from './ingest/backfill-requests.ts';
import { createBackfiller } from './ingest/backfiller.ts';
import { createDismissals } from './ingest/dismissals.ts';
import { createDismisser } from './ingest/dismisser.ts';
import { createFetcher } from './ingest/fetcher.ts';
import { createHousekeeping } from './ingest/housekeeping.ts';
import type { Intake } from './ingest/intake.ts';
import type { JobQueue } from './ingest/job-queue.ts';
import type { QueueControls } from './ingest/queue-controls.ts';
import { createReplayer } from './ingest/replay/replayer.ts';
import { createWorker } from './ingest/worker.ts';
import { createLedger } from './ledger/post.ts';
import { createSealer } from './ledger/sealer.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Pools } from './postgres/pools.ts';
import { providers } from './providers/index.ts';
import { compareItems } from './reconcile/engine/compare.ts';
import { createReconciler, turnParts } from './reconcile/engine/reconciler.ts';
import { forgetFetches } from './reconcile/fetch/report-fetch-store.ts';
import { createReportFetcher, orderAnnounced } from './reconcile/fetch/report-fetcher.ts';
import { clearAbandoned } from './reconcile/import/clear-abandoned.ts';
import type { Importer } from './reconcile/import/importer.ts';
import type { Tracing } from './tracing.ts';
import { uuidv7 } from './uuid.ts';

export type BackgroundParts = {
  readonly config: Config;
  readonly pools: Pools;
  readonly queue: JobQueue;
  readonly controls: QueueControls;
  readonly intake: Intake;
  readonly importer: Importer;
  readonly endpoints: EndpointRegistry;
  readonly endpointService: EndpointService;
  readonly keyring: Keyring;
  readonly apiCalls: ApiCalls;
  readonly download: ApiDownloads;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing | null;
};

export type BackgroundWork = {
  /** Something was stored: it is posted at once. */
  wake(): void;
  start(): void;
  /** Asks processors for nothing more: what it brings needs the intake, so this ends before that. */
  stopAsking(): Promise<void>;
  /** Finishes what is in hand. */
  stop(): Promise<void>;
};

/** What a process does beside answering: turns events into postings, asks processors, reconciles, seals, and keeps house. */
export function createBackgroundWork(parts: BackgroundParts): BackgroundWork {
  const { config, pools, queue, controls, intake, endpoints, keyring, clock, log, metrics } = parts;
  const shared = { pool: pools.worker, endpoints, clock, log, metrics };
  const random = Math.random;
  const ledger = createLedger({ clock });

  const workers = Array.from({ length: config.workerConcurrency }, () =>
    createWorker({
      ...shared,
      queue,
      ledger,
      random,
      writer: uuidv7(clock.now()),
      batchEventsMax: config.workerBatch,
      isPaused: () => controls.isPaused('events'),
      announce: (tx, announced) => orderAnnounced(tx, announced, clock.now()),
      tracing: parts.tracing,
    }),
  );
  const replayer = createReplayer({
    ...shared,
    connect: pools.reader,
    ledger: createLedger({ clock }),
    queue,
    random,
    writer: uuidv7(clock.now()),
    isPaused: () => controls.isPaused('replay'),
  });

  const call = parts.apiCalls;
  const fetcher = createFetcher({ ...shared, queue, call, random, isPaused: () => controls.isPaused('fetch') });
  const backfiller = createBackfiller({ ...shared, intake, call, random });
  const { importer, download } = parts;
  const reportFetcher = createReportFetcher({
    ...shared,
    importer,
    call,
    download,
    isPaused: () => controls.isPaused('settlements'),
  });
  const dismisser = createDismisser({ dismissals: createDismissals({ pool: pools.worker, clock, metrics }), log });

  const reconciling = { ledger: createLedger({ clock }), clock, endpoints };
  const backfills = createBackfillRequests({ ...shared, endpoints: parts.endpointService, providers });
  const reconciler = createReconciler({
    ...reconciling,
    pool: pools.worker,
    log,
    metrics,
    ask: async (wish) => void (await backfills.ask({ ...wish, dryRun: false }, 'system')),
  });
  const sealer = createSealer({ ...shared, keyring, folder: join(config.dataDir, 'tree-heads') });
  const housekeeping = createHousekeeping({
    ...shared,
    owner: pools.owner,
    queue,
    providers,
    retentionDays: config.retentionDays,
    compareItems: () => compareItems(pools.worker, turnParts(reconciling)),
    clearImports: clearAbandoned,
    forgetFetches,
  });

  return {
    wake() {
      for (const worker of workers) worker.wake();
    },
    start() {
      for (const part of [...workers, fetcher, backfiller, reportFetcher, dismisser, replayer]) part.start();
      for (const part of [housekeeping, reconciler, sealer]) part.start();
    },
    async stopAsking() {
      // Together: each may have calls of seconds in hand.
      await Promise.all([backfiller, reportFetcher, fetcher, dismisser].map((part) => part.stop()));
    },
    async stop() {
      await Promise.all([replayer, ...workers].map((part) => part.stop()));
      await reconciler.stop();
      await housekeeping.stop();
      // After the postings, so that its last signed head is over them.
      await sealer.stop();
    },
  };
}
