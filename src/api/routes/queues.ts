import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { PosternError } from '../../errors.ts';
import { createQueueOrders, type QueueOrder } from '../../ingest/queue-orders.ts';
import { isQueueName, QUEUES, type QueueName } from '../../ingest/queues.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { ListOf } from '../paging.ts';
import { problems } from '../shapes.ts';
import { readQueue, readQueues } from '../stats/queue-view.ts';
import { QueueShape } from '../stats/shapes.ts';

const Name = Type.Object({ name: Type.String({ minLength: 1, maxLength: 50 }) });
/** In an emergency a bare POST is enough; who did it is known all the same. */
const Order = Type.Optional(
  Type.Union([
    Type.Object(
      { reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500, pattern: '\\S' })) },
      { additionalProperties: false },
    ),
    Type.Null(),
  ]),
);

export const queueRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, deps) => {
  const sql = sqlOf(deps.pool);
  const orders = createQueueOrders({ pool: deps.pool });
  const change = { access: ['ops'] } as const;
  const look = { access: ['monitor', 'ops', 'finance'] } as const;
  const tags = ['operations'];

  app.get(
    '/queue',
    {
      config: look,
      schema: {
        tags,
        summary: 'The queues: paused or not, settings, workers',
        response: { 200: ListOf(QueueShape), ...problems },
      },
    },
    async () => ({ items: await readQueues(sql), next_cursor: null }),
  );

  app.get(
    '/queue/:name',
    {
      config: look,
      schema: { tags, summary: 'One queue', params: Name, response: { 200: QueueShape, ...problems } },
    },
    (request) => readQueue(sql, named(request.params.name)),
  );

  app.post(
    '/queue/:name/pause',
    {
      config: change,
      schema: {
        tags,
        summary: 'Take nothing new from a queue; what comes is stored and acknowledged as before',
        params: Name,
        body: Order,
        response: { 200: QueueShape, ...problems },
      },
    },
    async (request) => {
      const order = orderOf(request.params.name, request.body, actorOf(request));
      await orders.pause(order);
      return readQueue(sql, order.queue);
    },
  );

  app.post(
    '/queue/:name/resume',
    {
      config: change,
      schema: { tags, summary: 'Go on', params: Name, body: Order, response: { 200: QueueShape, ...problems } },
    },
    async (request) => {
      const order = orderOf(request.params.name, request.body, actorOf(request));
      await orders.resume(order);
      return readQueue(sql, order.queue);
    },
  );

  app.post(
    '/queue/:name/drain',
    {
      config: change,
      schema: {
        tags,
        summary: 'Go on, and try now what waits for its next attempt; queue/stats tells how far it is',
        params: Name,
        body: Order,
        response: {
          202: Type.Intersect([
            QueueShape,
            Type.Object({ hurried: Type.Integer({ description: 'what is due earlier' }) }),
          ]),
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const order = orderOf(request.params.name, request.body, actorOf(request));
      const hurried = await orders.drain(order);
      return reply.code(202).send({ ...(await readQueue(sql, order.queue)), hurried });
    },
  );
};

function orderOf(name: string, body: { reason?: string } | null | undefined, actor: string): QueueOrder {
  return { queue: named(name), reason: body?.reason ?? null, actor };
}

function named(name: string): QueueName {
  if (!isQueueName(name))
    throw new PosternError('not_found', `there is no queue ${name}; there are ${QUEUES.join(', ')}`);
  return name;
}
