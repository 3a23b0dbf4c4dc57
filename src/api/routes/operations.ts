import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { ApiDeps } from '../deps.ts';
import { queueStats } from '../queue-stats.ts';
import { problems } from '../shapes.ts';
import { QueueStatsShape } from '../stats/shapes.ts';

const PartShape = Type.Object({
  status: Type.String({ enum: ['ok', 'degraded', 'failed'] }),
  since: Type.String({ format: 'date-time', description: 'as this instance saw it' }),
  detail: Type.Optional(Type.String()),
});
const ReadyShape = Type.Object({
  status: Type.String({ enum: ['ok', 'degraded', 'failed', 'draining'] }),
  checks: Type.Record(Type.String(), PartShape),
});

export const operationRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, deps) => {
  const { cacheStats, readiness } = deps;
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
        summary: 'Whether it can take webhooks, part by part and since when; 503 when not',
        response: { 200: ReadyShape, 503: ReadyShape, ...problems },
      },
    },
    async (_request, reply) => {
      const ready = await readiness.look();
      const failed = Object.values(ready.checks).some(({ status }) => status === 'failed');
      return reply.code(failed ? 503 : 200).send(ready);
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
            entries: Type.Integer({ description: 'in the memory of this process' }),
            trouble: Type.Union([Type.String(), Type.Null()], {
              description: 'gone, slow, full or refused: what is wrong with Redis, or was within the last seconds',
            }),
          }),
          ...problems,
        },
      },
    },
    async () => {
      const { hits, misses, trouble = null, ...rest } = cacheStats();
      return { ...rest, trouble, hits, misses, ratio: hits + misses === 0 ? 0 : hits / (hits + misses) };
    },
  );
};
