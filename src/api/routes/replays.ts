import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { PosternError } from '../../errors.ts';
import { REPLAY_RATE_DEFAULT, REPLAY_RATE_MAX, REPLAY_STATUSES } from '../../ingest/replay/replay.ts';
import { createReplayRequests, type ReplayWish } from '../../ingest/replay/replay-requests.ts';
import { type ReplayRow, selectReplayChanges, selectReplays } from '../../ingest/replay/replay-store.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { isUuid } from '../../uuid.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { EventFilterShape } from '../event-filter-shape.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { REPLAY_OUTCOMES, ReplayChangeShape, ReplayShape, replayChangeView, replayView } from '../replay-view.ts';
import { Id, problems } from '../shapes.ts';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CHANGES_SHOWN_MAX = 100;
const Reason = Type.String({ minLength: 1, maxLength: 1_000, description: 'why; it is kept with who asked' });
const DryRun = Type.Optional(Type.Boolean({ description: 'only tell what would be posted' }));
const Rate = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: REPLAY_RATE_MAX,
    default: REPLAY_RATE_DEFAULT,
    description: 'events a second, at most: live events come first',
  }),
);

export const replayRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool, clock }) => {
  const sql = sqlOf(pool);
  const requests = createReplayRequests({ pool, clock });
  const change = { access: ['ops'] } as const;
  const look = { access: ['ops', 'finance'] } as const;
  const tags = ['replays'];

  async function find(id: string): Promise<ReplayRow> {
    const [row] = isUuid(id) ? await selectReplays(sql, { id }, { before: null, limit: 1 }) : [];
    if (row === undefined) throw new PosternError('not_found', `there is no replay ${id}`);
    return row;
  }

  async function show(id: string) {
    const row = await find(id);
    return replayView(row, await selectReplayChanges(sql, id, {}, { after: null, limit: CHANGES_SHOWN_MAX }));
  }

  async function ask(wish: ReplayWish, actor: string) {
    const id = await requests.ask(wish, actor);
    return { location: `/api/v1/replays/${id}`, view: await show(id) };
  }

  app.post(
    '/events/:id/replay',
    {
      config: change,
      schema: {
        tags,
        summary: 'Run one event again',
        params: Id,
        body: Type.Object({ reason: Reason, dry_run: DryRun }, { additionalProperties: false }),
        response: { 202: ReplayShape, ...problems },
      },
    },
    async (request, reply) => {
      const { reason, dry_run: dryRun = false } = request.body;
      const { location, view } = await ask({ target: { event: request.params.id }, reason, dryRun }, actorOf(request));
      return reply.code(202).header('location', location).send(view);
    },
  );

  app.post(
    '/replays',
    {
      config: change,
      schema: {
        tags,
        summary: 'Run the events of a filter again, in a lane of their own',
        body: Type.Object(
          {
            filter: Type.Object(EventFilterShape, { additionalProperties: false, minProperties: 1 }),
            reason: Reason,
            dry_run: DryRun,
            rate: Rate,
          },
          { additionalProperties: false },
        ),
        response: { 202: ReplayShape, ...problems },
      },
    },
    async (request, reply) => {
      const { filter, reason, dry_run: dryRun = false, rate } = request.body;
      const { location, view } = await ask({ target: { filter }, reason, dryRun, rate }, actorOf(request));
      return reply.code(202).header('location', location).send(view);
    },
  );

  app.get(
    '/replays',
    {
      config: look,
      schema: {
        tags,
        summary: 'Replays, newest first',
        querystring: Type.Object(
          { status: Type.Optional(Type.Enum([...REPLAY_STATUSES])), ...PageQuery },
          { additionalProperties: false },
        ),
        response: { 200: ListOf(ReplayShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT, ...filter } = request.query;
      const before = unpackCursor(cursor, [ID])?.[0] ?? null;
      const rows = await selectReplays(sql, filter, { before, limit: limit + 1 });
      return pageOf(
        rows,
        limit,
        (row) => [row.id],
        (row) => replayView(row, []),
      );
    },
  );

  app.get(
    '/replays/:id',
    {
      config: look,
      schema: { tags, summary: 'How far a replay is', params: Id, response: { 200: ReplayShape, ...problems } },
    },
    (request) => show(request.params.id),
  );

  app.get(
    '/replays/:id/changes',
    {
      config: look,
      schema: {
        tags,
        summary: 'What a replay changed, or would: each event before and after',
        params: Id,
        querystring: Type.Object(
          { outcome: Type.Optional(Type.Enum([...REPLAY_OUTCOMES])), ...PageQuery },
          { additionalProperties: false },
        ),
        response: { 200: ListOf(ReplayChangeShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT, ...filter } = request.query;
      const { id } = await find(request.params.id);
      const after = unpackCursor(cursor, [ID])?.[0] ?? null;
      const rows = await selectReplayChanges(sql, id, filter, { after, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [row.event_id], replayChangeView);
    },
  );

  app.delete(
    '/replays/:id',
    {
      config: change,
      schema: {
        tags,
        summary: 'Cancel a replay: what it posted stays',
        params: Id,
        response: { 200: ReplayShape, ...problems },
      },
    },
    async (request) => {
      const { id } = await find(request.params.id);
      await requests.cancel(id, actorOf(request));
      return show(id);
    },
  );
};
