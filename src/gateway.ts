import type { FastifyInstance } from 'fastify';
import { createTokens } from './access/tokens.ts';
import { createReadiness } from './api/readiness.ts';
import { UPLOAD_IDLE_MS } from './api/upload-idleness.ts';
import { type ApiCalls, createApiEgress } from './api-calls.ts';
import { buildApp } from './app.ts';
import { type BackgroundWork, createBackgroundWork } from './background-work.ts';
import { createCertificateStore } from './certificate-store.ts';
import { createCertificates } from './certificates.ts';
import { createChangeListener } from './change-listener.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { createEgress } from './egress.ts';
import type { Keyring } from './encryption.ts';
import { addSecretUses } from './endpoints/endpoint-store.ts';
import { createEndpointRegistry } from './endpoints/registry.ts';
import { createEndpointService } from './endpoints/service.ts';
import { messageOf } from './errors.ts';
import { ADMISSION_LIMITS, createAdmission } from './ingest/admission.ts';
import { createMemoryCache } from './ingest/duplicate-cache.ts';
import { createFailedVerifications } from './ingest/failed-verifications.ts';
import { createHintLimit } from './ingest/hint-limit.ts';
import { createIntake, type Intake } from './ingest/intake.ts';
import { createJobQueue } from './ingest/job-queue.ts';
import { createQuarantine } from './ingest/quarantine/quarantine.ts';
import { createRecheck } from './ingest/quarantine/recheck.ts';
import { createQueueControls } from './ingest/queue-controls.ts';
import { createRedisCache } from './ingest/redis-cache.ts';
import { createRejections } from './ingest/rejections.ts';
import { createSharedUses } from './ingest/shared-uses.ts';
import { createVisits } from './ingest/visits.ts';
import { createLedger } from './ledger/post.ts';
import { createAccountReconciler } from './ledger/reconcile-account.ts';
import type { Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import { createBoss } from './postgres/boss.ts';
import { databaseIdentity } from './postgres/database-identity.ts';
import { createPools, type Pools } from './postgres/pools.ts';
import { sqlOf } from './postgres/sql.ts';
import { providers } from './providers/index.ts';
import { bankFormats } from './reconcile/bank/formats.ts';
import { createDiscrepancies } from './reconcile/discrepancies/discrepancies.ts';
import { createRulesOf } from './reconcile/engine/account-rules.ts';
import { createBankImporter } from './reconcile/import/bank-importer.ts';
import { createImporter } from './reconcile/import/importer.ts';
import { createTransfers } from './transfers/transfers.ts';

export type GatewayOptions = {
  readonly config: Config;
  readonly database: { readonly url: string; readonly role: 'postern_app' | null };
  readonly keyring: Keyring;
  readonly log: Log;
  readonly clock: Clock;
  /** Answer HTTP. */
  readonly serve: boolean;
  /** Turn events into postings, and keep house. */
  readonly work: boolean;
  /** Takes the place of the intake: measurements only. */
  readonly intake?: Pick<Intake, 'accept'>;
  /** Roots that replace the providers' pinned ones: tests only. */
  readonly trustRoots?: readonly string[];
  /** Stands in for the processors' APIs: tests only. */
  readonly apiCalls?: ApiCalls;
  /** Another limit than the house's: tests only. */
  readonly uploadIdleMs?: number;
};

export type Gateway = {
  /** Resolves when webhooks are taken; the address is null where it only works. */
  start(): Promise<{ url: string | null }>;
  /** Endpoints made in this process are served at once, without waiting for their announcement. */
  reloadEndpoints(): Promise<void>;
  reloadTokens(): Promise<void>;
  /** Finishes what is in hand. */
  stop(): Promise<void>;
  readonly app: FastifyInstance | null;
  readonly pools: Pools;
};

const SECRET_USES_MS = 1_000;
const API_CALLS_END_MS = 3_000;

/** Only where it is used: the client takes 8 MB. */
const loadRedis = () => import('./ingest/redis-store.ts');
const loadOpenTelemetry = () => import('./open-telemetry.ts');

/** Puts the house together: one process that serves, works, or both. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { clock, config, database, keyring, log } = options;
  const pools = createPools(database.url, { log, role: database.role, workers: config.workerConcurrency });
  const metrics = createMetrics();
  const api = sqlOf(pools.api);
  const tracing = config.traces === null ? null : (await loadOpenTelemetry()).createTracing(config.traces, log);
  const endpoints = createEndpointRegistry({ sql: api, providers, keyring, clock, log });
  const tokens = createTokens({ sql: api, clock, log, adminToken: config.adminToken });
  const changes = createChangeListener({ connect: pools.listener, log });
  const allowHosts = [...providers.values()].flatMap((p) => p.facts.certificateHosts ?? []);
  const egress = createEgress({ allowHosts, proxy: config.httpsProxy });
  const visits = createVisits({ egress, clock, log });
  const apiEgress = createApiEgress(providers.values(), config.httpsProxy);
  const apiCalls = options.apiCalls ?? apiEgress.call;
  const certificates = createCertificates({
    egress,
    store: createCertificateStore(api),
    clock,
    log,
    fetchKey(endpointId, url) {
      const endpoint = endpoints.byId(endpointId);
      const { api: calls } = endpoint?.provider ?? {};
      if (endpoint === undefined || calls?.fetchKey === undefined) return null;
      const { provider, settings } = endpoint;
      return calls.fetchKey(url, { settings, now: clock.now(), call: (call) => apiCalls(provider, call) });
    },
    onFetch: (result) => metrics.certificateFetches.inc({ result }),
    ...(options.trustRoots === undefined ? {} : { trustRoots: options.trustRoots }),
  });
  const boss = createBoss(pools.boss, log, { supervise: options.work });
  const redis =
    config.redisUrl === null
      ? null
      : (await loadRedis()).createRedisStore(config.redisUrl, {
          databaseIdentity: () => databaseIdentity(api),
          log,
          metrics,
        });
  const cache = redis === null ? createMemoryCache(clock) : createRedisCache(redis, clock);
  const sharedFailures = redis === null ? null : createSharedUses('failures', redis);
  const sharedHints = redis === null ? null : createSharedUses('hints', redis);
  pools.intake.on('error', () => cache.clear());

  let background: BackgroundWork | null = null;
  const intake = createIntake({
    pool: pools.intake,
    cache,
    clock,
    log,
    metrics,
    ackDeadlineMs: config.ackDeadlineMs,
    groupEventsMax: config.intakeBatchMax,
    gatherMsMax: config.intakeWaitMsMax,
    onStored: () => background?.wake(),
  });
  const admission = createAdmission(
    { ...ADMISSION_LIMITS, requestsMax: config.inFlightMax },
    { since: () => intake.waitingSince(), now: () => clock.now() },
    metrics,
  );
  const transfers = createTransfers({
    pool: pools.requests,
    clock,
    log,
    metrics,
    deadlineMs: config.ackDeadlineMs,
    inFlightMax: config.inFlightMax,
  });
  const accountReconciler = createAccountReconciler({ pool: pools.api, clock, log, metrics });
  const importer = createImporter({ pool: pools.api, clock, log });
  // Not on intake's connections: a flood of forgeries must not take one from the acknowledgements.
  const rejections = createRejections({ sql: api, clock, log });
  const hashCredential = (value: string): string => keyring.hashCredential(value);
  const quarantine = createQuarantine({ pool: pools.api, hashCredential, clock, log, metrics });
  const recheck = createRecheck({
    pool: pools.api,
    endpoints,
    certificates,
    intake,
    keyring,
    clock,
    publicUrl: config.publicUrl,
  });
  const hints = createHintLimit({ sql: api, clock, log, shared: sharedHints });
  const controls = createQueueControls({ sql: api, log });
  const endpointService = createEndpointService({ pool: pools.api, providers, keyring, clock });
  if (options.work)
    background = createBackgroundWork({
      config,
      pools,
      queue: createJobQueue(boss),
      controls,
      intake,
      importer,
      endpoints,
      endpointService,
      keyring,
      apiCalls,
      download: apiEgress.download,
      clock,
      log,
      metrics,
      tracing,
    });

  let draining = false;
  const readiness = createReadiness({
    sql: api,
    clock,
    log,
    cacheStats: () => cache.stats(),
    endpointsAge: () => endpoints.age(),
    lastIntakeFailure: () => intake.lastFailure(),
    draining: () => draining,
  });
  let usesTimer: NodeJS.Timeout | undefined;
  async function writeSecretUses(): Promise<void> {
    await addSecretUses(api, endpoints.takeUses()).catch((error: unknown) =>
      log.warn({ error: messageOf(error) }, 'the uses of secrets could not be counted'),
    );
  }

  const app = options.serve
    ? await buildApp({
        log,
        tracing,
        trustProxy: config.trustProxy,
        webhooks: {
          parts: {
            endpoints,
            certificates,
            visits,
            hints,
            intake: options.intake ?? intake,
            hashCredential,
            clock,
            phases: metrics.ackPhase,
            tracing,
          },
          endpoints,
          admission,
          failures: createFailedVerifications(clock, sharedFailures),
          rejections,
          quarantine,
          metrics,
          bodyBytesMax: config.bodyLimitBytes,
          publicUrl: config.publicUrl,
        },
        api: {
          pool: pools.api,
          connectReader: pools.reader,
          endpointService,
          keyring,
          publicUrl: config.publicUrl,
          dataDir: config.dataDir,
          tokens,
          providers,
          metrics,
          clock,
          log,
          transfers,
          reconciler: accountReconciler,
          discrepancies: createDiscrepancies({
            pool: pools.api,
            ledger: createLedger({ clock }),
            clock,
            rulesOf: createRulesOf(endpoints),
          }),
          recheck,
          importer,
          bankImporter: createBankImporter({ pool: pools.api, formats: bankFormats, clock }),
          uploadIdleMs: options.uploadIdleMs ?? UPLOAD_IDLE_MS,
          cacheStats: () => cache.stats(),
          readiness,
          draining: () => draining,
        },
      })
    : null;

  return {
    app,
    pools,
    reloadEndpoints: () => endpoints.load(),
    reloadTokens: () => tokens.load(),
    async start() {
      await endpoints.load();
      await tokens.load();
      await certificates.load();
      // Before anybody works: a queue that was paused stays so over a restart.
      await controls.load();
      await boss.start();
      endpoints.start(changes.on);
      if (options.work) controls.start(changes.on);
      tokens.start(changes.on);
      // After all have said what they listen for: it connects once.
      changes.start();
      certificates.start();
      usesTimer = setInterval(() => void writeSecretUses(), SECRET_USES_MS);
      if (options.serve) {
        hints.start();
        quarantine.start();
        readiness.start();
      }
      sharedFailures?.start();
      sharedHints?.start();
      background?.start();
      if (app === null) return { url: null };
      return { url: await app.listen({ host: config.host, port: config.port }) };
    },
    async stop() {
      draining = true;
      if (app !== null && config.drainDelayMs > 0)
        await new Promise((resolve) => setTimeout(resolve, config.drainDelayMs));
      await app?.close();
      // What a processor is asked for is asked again later; it must not hold up the end.
      const cut = setTimeout(() => apiEgress.close(), API_CALLS_END_MS);
      await background?.stopAsking();
      await Promise.all([intake.close(), transfers.close(), accountReconciler.close(), importer.close()]);
      await Promise.all([rejections.close(), quarantine.stop()]);
      clearTimeout(cut);
      await background?.stop();
      clearInterval(usesTimer);
      await readiness.stop();
      await hints.stop();
      await writeSecretUses();
      await changes.stop();
      await controls.stop();
      await tokens.stop();
      await endpoints.stop();
      certificates.stop();
      await Promise.all([certificates.idle(), visits.idle()]);
      egress.close();
      apiEgress.close();
      await boss
        .stop({ graceful: false, close: false })
        .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'pg-boss did not stop cleanly'));
      sharedFailures?.stop();
      sharedHints?.stop();
      await redis?.close();
      await pools.end();
      await tracing?.stop();
    },
  };
}
