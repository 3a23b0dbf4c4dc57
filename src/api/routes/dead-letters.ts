import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { PosternError } from '../../errors.ts';
import { selectDismissal, selectDismissals } from '../../ingest/dismissal-store.ts';
import { createDismissals, deadOf } from '../../ingest/dismissals.ts';
import { readEventFilter } from '../../ingest/event-filter.ts';
import { selectEventGroups } from '../../ingest/event-groups-store.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { isUuid, UUID } from '../../uuid.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { DismissalShape, dismissalView } from '../dismissal-view.ts';
import { EventDetailShape, eventDetail } from '../event-detail.ts';
import { EventFilterShape } from '../event-filter-shape.ts';
import { EventGroupShape, eventGroupView } from '../event-group-view.ts';
import { selectEvent } from '../event-store.ts';
import { LIMIT_DEFAULT, LIMIT_MAX, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { Id, problems } from '../shapes.ts';

const Reason = Type.String({ minLength: 1, maxLength: 1_000 });
const { status: _any, ...FilterWithoutStatus } = EventFilterShape;
const Groups = Type.Object({ items: Type.Array(EventGroupShape) });

/** What is stuck, by cause, and how a person puts it away. */
export const deadLetterRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool, clock, metrics }) => {
  const sql = sqlOf(pool);
  const dismissals = createDismissals({ pool, clock, metrics });
  const look = { access: ['ops', 'finance'] } as const;
  const change = { access: ['ops'] } as const;
  const tags = ['events'];

  async function find(id: string) {
    const row = isUuid(id) ? await selectDismissal(sql, id) : undefined;
    if (row === undefined) throw new PosternError('not_found', `there is no dismissal ${id}`);
    return dismissalView(row);
  }

  app.get(
    '/events/groups',
    {
      config: look,
      schema: {
        tags,
        summary: 'Unfinished events by provider, type and cause, the most first',
        querystring: Type.Object(
          {
            status: Type.Optional(Type.Enum(['dead', 'deferred', 'queued'], { default: 'dead' })),
            ...FilterWithoutStatus,
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_MAX })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Groups, ...problems },
      },
    },
    async (request) => {
      const { status = 'dead', limit = LIMIT_MAX, ...rest } = request.query;
      const filter = { ...rest, status };
      const groups = await selectEventGroups(sql, filter, limit);
      return { items: groups.map((group) => eventGroupView(group, filter)) };
    },
  );

  app.post(
    '/events/:id/dismiss',
    {
      config: change,
      schema: {
        tags,
        summary: 'Put a dead letter away: it ends without effect; 409 where it is not dead',
        params: Id,
        body: Type.Object({ reason: Reason }, { additionalProperties: false }),
        response: { 200: EventDetailShape, ...problems },
      },
    },
    async (request) => {
      const { id } = request.params;
      await dismissals.dismissOne(id, request.body.reason, actorOf(request));
      const row = await selectEvent(sql, id);
      if (row === undefined) throw new PosternError('not_found', `there is no event ${id}`);
      return eventDetail(sql, row);
    },
  );

  app.post(
    '/dismissals',
    {
      config: change,
      schema: {
        tags,
        summary: 'Put away all dead letters that a filter means, or only tell which (200)',
        body: Type.Object(
          {
            filter: Type.Object(EventFilterShape, { additionalProperties: false }),
            reason: Reason,
            dry_run: Type.Optional(Type.Boolean({ description: 'only tell how many, by cause' })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({ dry_run: Type.Literal(true), total: Type.Integer(), groups: Type.Array(EventGroupShape) }),
          202: DismissalShape,
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const { filter: given, reason, dry_run: dryRun = false } = request.body;
      const filter = readEventFilter(given);
      if (dryRun) {
        const dead = deadOf(filter);
        const groups = await selectEventGroups(sql, dead, LIMIT_MAX);
        const total = await dismissals.count(filter);
        return reply
          .code(200)
          .send({ dry_run: true, total, groups: groups.map((group) => eventGroupView(group, dead)) });
      }
      const id = await dismissals.ask(filter, reason, actorOf(request));
      return reply
        .code(202)
        .header('location', `/api/v1/dismissals/${id}`)
        .send(await find(id));
    },
  );

  app.get(
    '/dismissals',
    {
      config: look,
      schema: {
        tags,
        summary: 'Dismissals of many, newest first',
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: ListOf(DismissalShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT } = request.query;
      const before = unpackCursor(cursor, [UUID])?.[0] ?? null;
      const rows = await selectDismissals(sql, { before, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [row.id], dismissalView);
    },
  );

  app.get(
    '/dismissals/:id',
    {
      config: look,
      schema: { tags, summary: 'How far a dismissal is', params: Id, response: { 200: DismissalShape, ...problems } },
    },
    (request) => find(request.params.id),
  );

  app.delete(
    '/dismissals/:id',
    {
      config: change,
      schema: {
        tags,
        summary: 'Cancel a dismissal: what it put away stays so',
        params: Id,
        response: { 200: DismissalShape, ...problems },
      },
    },
    async (request) => {
      const { id } = request.params;
      await dismissals.cancel(id, actorOf(request));
      return find(id);
    },
  );
};
