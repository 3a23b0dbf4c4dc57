import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { PosternError } from '../../errors.ts';
import { createBackfillRequests } from '../../ingest/backfill-requests.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { isUuid, UUID } from '../../uuid.ts';
import { actorOf } from '../access.ts';
import { type BackfillRow, selectBackfillEvents, selectBackfills } from '../backfill-store.ts';
import { BackfillEventShape, BackfillShape, backfillEventView, backfillView } from '../backfill-view.ts';
import type { ApiDeps } from '../deps.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { Id, numericId, problems } from '../shapes.ts';

const Time = Type.String({ format: 'date-time' });
const Name = Type.Optional(Type.String({ minLength: 1, maxLength: 100 }));
/** Whatever an id of a processor's looks like, as far as we store it. */
const EVENT_ID = /^\P{Cc}{1,512}$/u;

export const backfillRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, deps) => {
  const { pool, providers, clock } = deps;
  const sql = sqlOf(pool);
  const requests = createBackfillRequests({ pool, providers, clock, endpoints: deps.endpointService });
  const change = { access: ['ops'] } as const;
  const look = { access: ['ops', 'finance'] } as const;
  const tags = ['backfills'];

  async function find(id: string): Promise<BackfillRow> {
    const [row] = isUuid(id) ? await selectBackfills(sql, { id }, { before: null, limit: 1 }) : [];
    if (row === undefined) throw new PosternError('not_found', `there is no backfill ${id}`);
    return row;
  }

  app.post(
    '/endpoints/:id/backfill',
    {
      config: change,
      schema: {
        tags,
        summary: 'Ask the processor what it sent, and take in what is missing',
        params: Id,
        body: Type.Object(
          {
            from: Time,
            to: Time,
            dry_run: Type.Optional(Type.Boolean({ description: 'only tell what is missing' })),
          },
          { additionalProperties: false },
        ),
        response: { 202: BackfillShape, ...problems },
      },
    },
    async (request, reply) => {
      const { from, to, dry_run: dryRun = false } = request.body;
      const endpointId = numericId(request.params.id);
      if (endpointId === null) throw new PosternError('not_found', `there is no endpoint ${request.params.id}`);
      const wish = { endpointId, from: Date.parse(from), to: Date.parse(to), dryRun };
      const id = await requests.ask(wish, actorOf(request));
      return reply
        .code(202)
        .header('location', `/api/v1/backfills/${id}`)
        .send(backfillView(await find(id)));
    },
  );

  app.get(
    '/backfills',
    {
      config: look,
      schema: {
        tags,
        summary: 'Backfills, newest first',
        querystring: Type.Object({ provider: Name, endpoint: Name, ...PageQuery }, { additionalProperties: false }),
        response: { 200: ListOf(BackfillShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT, ...filter } = request.query;
      const before = unpackCursor(cursor, [UUID])?.[0] ?? null;
      const rows = await selectBackfills(sql, filter, { before, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [row.id], backfillView);
    },
  );

  app.get(
    '/backfills/:id',
    {
      config: look,
      schema: { tags, summary: 'How far a backfill is', params: Id, response: { 200: BackfillShape, ...problems } },
    },
    async (request) => backfillView(await find(request.params.id)),
  );

  app.get(
    '/backfills/:id/events',
    {
      config: look,
      schema: {
        tags,
        summary: 'What a backfill found: missing, filled, contradicting and unfinished events',
        params: Id,
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: ListOf(BackfillEventShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT } = request.query;
      const { id } = await find(request.params.id);
      const after = unpackCursor(cursor, [EVENT_ID])?.[0] ?? null;
      const rows = await selectBackfillEvents(sql, id, { after, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [row.event_id], backfillEventView);
    },
  );

  app.delete(
    '/backfills/:id',
    {
      config: change,
      schema: {
        tags,
        summary: 'Cancel a backfill: what it took in stays',
        params: Id,
        response: { 200: BackfillShape, ...problems },
      },
    },
    async (request) => {
      const { id } = await find(request.params.id);
      await requests.cancel(id, actorOf(request));
      return backfillView(await find(id));
    },
  );
};
