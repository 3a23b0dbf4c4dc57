import { statfs } from 'node:fs/promises';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { messageOf } from '../../errors.ts';
import { selectSchedules } from '../../ingest/backfill-schedule.ts';
import { HOUSEKEEPING } from '../../ingest/housekeeping.ts';
import { BOOKS_WRONG, VERIFY_BOOKS } from '../../ingest/verify-books.ts';
import { type Sql, sqlOf } from '../../postgres/sql.ts';
import type { ApiDeps } from '../deps.ts';
import { queueStats } from '../queue-stats.ts';
import { problems } from '../shapes.ts';
import { tellMetrics } from '../stats/tell-metrics.ts';
import { selectHousekeeping } from '../stats-store.ts';

/** `GET /metrics`, where Prometheus looks by convention. */
export const metricsRoute: FastifyPluginAsyncTypebox<ApiDeps> = async (app, deps) => {
  const { cacheStats, clock, log, metrics } = deps;
  const stats = queueStats(deps);
  const sql = sqlOf(deps.pool);
  const since = clock.now();

  /** A task that never ran is late since this process began: where nobody works, the alarm is to say so. */
  async function tellLateness(): Promise<void> {
    const runs = await selectHousekeeping(sql);
    for (const { name, intervalS } of HOUSEKEEPING) {
      const last = runs.get(name)?.lastSuccessAt?.getTime() ?? since;
      metrics.housekeepingLateness.set({ task: name }, Math.max(0, clock.now() - last) / (intervalS * 1000));
    }
    const books = runs.get(VERIFY_BOOKS);
    metrics.booksWrong.set(books?.lastError?.startsWith(BOOKS_WRONG) === true ? 1 : 0);
    if (books?.lastSuccessAt) metrics.booksVerifiedAt.set(books.lastSuccessAt.getTime() / 1000);
  }

  let counted = { hits: 0, misses: 0 };
  function tellCache(): void {
    const { connected, entries, hits, misses } = cacheStats();
    metrics.cacheConnected.set(connected ? 1 : 0);
    metrics.cacheEntries.set(entries);
    metrics.cacheHits.inc(hits - counted.hits);
    metrics.cacheMisses.inc(misses - counted.misses);
    counted = { hits, misses };
  }

  app.get(
    '/metrics',
    {
      config: { access: ['monitor', 'ops'] },
      schema: { tags: ['operations'], summary: 'For Prometheus', response: { 200: Type.String(), ...problems } },
    },
    async (_request, reply) => {
      // A database that is away must not take the metrics away that say so.
      const told = await stats().then(
        (read) => {
          tellMetrics(metrics, read, clock.now());
          return true;
        },
        (error: unknown) => {
          log.warn({ error: messageOf(error) }, 'queue figures could not be read for the metrics');
          return false;
        },
      );
      await tellLateness().catch((error: unknown) =>
        log.warn({ error: messageOf(error) }, 'the runs of housekeeping could not be read for the metrics'),
      );
      await setBackfills(deps).catch((error: unknown) =>
        log.warn({ error: messageOf(error) }, 'the state of backfills could not be read for the metrics'),
      );
      metrics.databaseUp.set(told && (await answers(sql)) ? 1 : 0);
      await tellDisk(deps);
      tellCache();
      return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
    },
  );
};

/** With the embedded database this is the disk that everything is on; a database elsewhere has its own monitoring. */
async function tellDisk({ dataDir, log, metrics }: ApiDeps): Promise<void> {
  try {
    const { bavail, blocks } = await statfs(dataDir);
    if (blocks > 0) metrics.diskFreeRatio.set(bavail / blocks);
  } catch (error) {
    log.debug({ error: messageOf(error) }, 'the disk of the data folder could not be looked at');
  }
}

const ANSWERS_WITHIN_MS = 1_000;

/** Asked anew each time: figures may stand for a while after the database is gone. */
async function answers(sql: Sql): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ANSWERS_WITHIN_MS);
  });
  const asked = sql.query('select 1').then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** From the database, so that every instance tells the same, whichever of them did the work. */
async function setBackfills({ metrics, pool }: ApiDeps): Promise<void> {
  for (const { provider, endpoint, comparedTo, lastGaps } of await selectSchedules(sqlOf(pool))) {
    metrics.backfillComparedTo.set({ provider, endpoint }, comparedTo.getTime() / 1000);
    if (lastGaps !== null) metrics.backfillLastGaps.set({ provider, endpoint }, lastGaps);
  }
}
