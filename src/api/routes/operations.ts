import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { messageOf } from '../../errors.ts';
import { sqlOf } from '../../postgres/sql.ts';
import type { ApiDeps } from '../deps.ts';
import { queueStats } from '../queue-stats.ts';
import { problems, QueueStatsShape } from '../shapes.ts';
import { selectReadiness } from '../stats-store.ts';

const READY_WITHIN_MS = 2_000;
const PARTITION_DAYS_MIN = 7;

const CheckShape = Type.Object({ status: Type.String(), detail: Type.Optional(Type.String()) });
const ReadyShape = Type.Object({ status: Type.String(), checks: Type.Record(Type.String(), CheckShape) });

export const operationRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, deps) => {
  const { cacheStats, pool, state } = deps;
  const sql = sqlOf(pool);
  const monitor = { access: ['monitor', 'ops', 'finance'] } as const;
  const tags = ['operations'];

  const stats = queueStats(deps);

  app.get(
    '/health',
    {
      config: { access: 'public' },
      schema: {
        tags,
        summary: 'The process is alive',
        response: { 200: Type.Object({ status: Type.String() }), ...problems },
      },
    },
    async () => ({ status: 'ok' }),
  );

  app.get(
    '/ready',
    {
      config: { access: 'public' },
      schema: {
        tags,
        summary: 'It can take webhooks; 503 and what is wrong when not',
        response: { 200: ReadyShape, 503: ReadyShape, ...problems },
      },
    },
    async (_request, reply) => {
      const checks: Record<string, { status: 'ok' | 'degraded' | 'failed'; detail?: string }> = {};
      try {
        const found = await within(selectReadiness(sql), READY_WITHIN_MS);
        checks.database = found.durable
          ? { status: 'ok' }
          : { status: 'degraded', detail: 'fsync or full_page_writes is off: a crash loses acknowledged events' };
        checks.migrations =
          found.migrations > 0 ? { status: 'ok' } : { status: 'failed', detail: 'run: npx postern migrate' };
        checks.queue = found.queue
          ? { status: 'ok' }
          : { status: 'failed', detail: 'the queue "events" is missing: run npx postern migrate' };
        checks.partitions =
          found.daysAhead >= PARTITION_DAYS_MIN
            ? { status: 'ok' }
            : {
                status: 'degraded',
                detail: `partitions for deliveries reach ${found.daysAhead} days ahead: is a worker running?`,
              };
      } catch (error) {
        deps.log.warn({ error: messageOf(error) }, 'not ready: the database does not answer');
        checks.database = { status: 'failed', detail: 'the database does not answer' };
      }
      checks.cache = cacheStats().connected
        ? { status: 'ok' }
        : { status: 'degraded', detail: 'Redis is away; this process remembers by itself' };
      if (state().draining) checks.process = { status: 'failed', detail: 'draining' };
      const all = Object.values(checks);
      const failed = all.some((check) => check.status === 'failed');
      const status = state().draining
        ? 'draining'
        : failed
          ? 'failed'
          : all.some((check) => check.status === 'degraded')
            ? 'degraded'
            : 'ok';
      return reply.code(failed ? 503 : 200).send({ status, checks });
    },
  );

  app.get(
    '/queue/stats',
    {
      config: monitor,
      schema: { tags, summary: 'Depth, age, rates and money at risk', response: { 200: QueueStatsShape, ...problems } },
    },
    () => stats(),
  );

  app.get(
    '/cache/stats',
    {
      config: monitor,
      schema: {
        tags,
        summary: 'The cache that answers retries',
        response: {
          200: Type.Object({
            engine: Type.String(),
            connected: Type.Boolean(),
            hits: Type.Integer(),
            misses: Type.Integer(),
            ratio: Type.Number(),
            entries: Type.Integer(),
          }),
          ...problems,
        },
      },
    },
    async () => {
      const { hits, misses, ...rest } = cacheStats();
      return { ...rest, hits, misses, ratio: hits + misses === 0 ? 0 : hits / (hits + misses) };
    },
  );
};

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
