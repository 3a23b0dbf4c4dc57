import { createHash } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { PosternError } from '../../errors.ts';
import { type Sql, sqlOf } from '../../postgres/sql.ts';
import { isUuid, UUID } from '../../uuid.ts';
import type { ApiDeps } from '../deps.ts';
import { EventDetailShape, eventDetail } from '../event-detail.ts';
import { EventFilterShape } from '../event-filter-shape.ts';
import { selectDelivery, selectEvent, selectEvents, selectRemovedDelivery } from '../event-store.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { DeliveryShape, EventShape, Id, problems } from '../shapes.ts';
import { eventView } from '../views.ts';

export const eventRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool }) => {
  const sql = sqlOf(pool);
  const config = { access: ['ops', 'finance'] } as const;
  const tags = ['events'];

  app.get(
    '/events',
    {
      config,
      schema: {
        tags,
        summary: 'Find events, newest first',
        querystring: Type.Object({ ...EventFilterShape, ...PageQuery }, { additionalProperties: false }),
        response: { 200: ListOf(EventShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT, ...filter } = request.query;
      const beyond = unpackCursor(cursor, [UUID])?.[0] ?? null;
      const rows = await selectEvents(sql, filter, { order: 'newest', beyond, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [row.id], eventView);
    },
  );

  app.get(
    '/events/:id',
    {
      config,
      schema: {
        tags,
        summary: 'One event, with what it posted and who brought it',
        params: Id,
        response: { 200: EventDetailShape, ...problems },
      },
    },
    async (request) => {
      const { id } = request.params;
      const row = isUuid(id) ? await selectEvent(sql, id) : undefined;
      if (row === undefined) throw new PosternError('not_found', `there is no event ${id}`);
      return eventDetail(sql, row);
    },
  );

  app.get(
    '/deliveries/:id',
    {
      config: { access: ['ops'] },
      schema: {
        tags,
        summary: 'One request as it came; 410 where retention removed its bytes',
        params: Id,
        response: { 200: DeliveryShape, ...problems },
      },
    },
    async (request) => {
      const { id } = request.params;
      const row = isUuid(id) ? await selectDelivery(sql, id) : undefined;
      if (row === undefined) throw await noDelivery(sql, id);
      return {
        id: row.id,
        provider: row.provider,
        endpoint: row.endpoint,
        received_at: row.received_at.toISOString(),
        source_ip: row.source_ip,
        method: row.method,
        path: row.path,
        headers: JSON.parse(row.headers) as string[][],
        body_base64: row.body.toString('base64'),
        body_sha256: createHash('sha256').update(row.body).digest('hex'),
        verified: { level: row.level, secret_id: row.secret_id },
        events: [...row.events],
      };
    },
  );
};

/** The hash stands on the event's row, so that an archived copy of the body can still be proved. */
async function noDelivery(sql: Sql, id: string): Promise<PosternError> {
  const removed = isUuid(id) ? await selectRemovedDelivery(sql, id) : undefined;
  if (removed === undefined) return new PosternError('not_found', `there is no delivery ${id}`);
  const { sha256, events } = removed;
  const hash = sha256 === null ? '' : `; the SHA-256 of its body was ${sha256}`;
  return new PosternError(
    'removed',
    `the bytes of delivery ${id} were removed with their day (RETENTION_DAYS)${hash}; it brought ${events.join(', ')}`,
  );
}
