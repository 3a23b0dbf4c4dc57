import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { messageOf } from '../../errors.ts';
import type { ApiDeps } from '../deps.ts';
import { queueStats } from '../queue-stats.ts';
import { problems } from '../shapes.ts';

/** `GET /metrics`, where Prometheus looks by convention. */
export const metricsRoute: FastifyPluginAsyncTypebox<ApiDeps> = async (app, deps) => {
  const { cacheStats, log, metrics } = deps;
  const stats = queueStats(deps);

  app.get(
    '/metrics',
    {
      config: { access: ['monitor', 'ops'] },
      schema: { tags: ['operations'], summary: 'For Prometheus', response: { 200: Type.String(), ...problems } },
    },
    async (_request, reply) => {
      // A database that is away must not take the metrics away that say so.
      const queue = await stats().then(
        (read) => read.queues[0],
        (error: unknown) => {
          log.warn({ error: messageOf(error) }, 'queue figures could not be read for the metrics');
          return undefined;
        },
      );
      metrics.databaseUp.set(queue === undefined ? 0 : 1);
      if (queue !== undefined) {
        metrics.queue.set({ status: 'queued' }, queue.depth);
        metrics.queue.set({ status: 'active' }, queue.active);
        metrics.queue.set({ status: 'deferred' }, queue.deferred);
        metrics.queue.set({ status: 'dead' }, queue.dead);
        metrics.queueOldestSeconds.set(queue.oldest_age_seconds);
      }
      metrics.cacheEntries.set(cacheStats().entries);
      return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
    },
  );
};
