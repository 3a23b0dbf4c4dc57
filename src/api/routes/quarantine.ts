import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { findEndpointIds } from '../../endpoints/endpoint-store.ts';
import { PosternError } from '../../errors.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { isUuid, UUID } from '../../uuid.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { selectQuarantineGroups, selectQuarantineItems, selectQuarantineRequest } from '../quarantine-store.ts';
import {
  QuarantineGroupShape,
  QuarantineItemShape,
  QuarantineRequestShape,
  quarantineGroupView,
  quarantineItemView,
  quarantineRequestView,
  RecheckShape,
  recheckView,
} from '../quarantine-view.ts';
import { Id, numericId, problems } from '../shapes.ts';

const Time = Type.String({ format: 'date-time' });
const Name = Type.Optional(Type.String({ minLength: 1, maxLength: 100 }));
const GROUPS_MAX = 500;
const SECRETS_MAX = 20;
/** A full quarantine takes some seconds; past this the caller is told where to go on. */
const RECHECK_MS = 20_000;

export const quarantineRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { draining, pool, recheck }) => {
  const sql = sqlOf(pool);
  const config = { access: ['ops'] } as const;
  const tags = ['quarantine'];

  app.get(
    '/quarantine',
    {
      config,
      schema: {
        tags,
        summary: 'Refused requests that look like the processor’s, newest first',
        querystring: Type.Object(
          {
            provider: Name,
            endpoint: Name,
            reason: Name,
            from: Type.Optional(Time),
            to: Type.Optional(Time),
            ...PageQuery,
          },
          { additionalProperties: false },
        ),
        response: { 200: ListOf(QuarantineItemShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT, ...filter } = request.query;
      const before = unpackCursor(cursor, [UUID])?.[0] ?? null;
      const rows = await selectQuarantineItems(sql, filter, { before, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [row.id], quarantineItemView);
    },
  );

  app.get(
    '/quarantine/groups',
    {
      config,
      schema: {
        tags,
        summary: 'Refused requests by endpoint and reason: of the last 24 hours, and those held',
        querystring: Type.Object({ provider: Name, endpoint: Name }, { additionalProperties: false }),
        response: { 200: ListOf(QuarantineGroupShape), ...problems },
      },
    },
    async (request) => ({
      items: (await selectQuarantineGroups(sql, request.query, GROUPS_MAX)).map(quarantineGroupView),
      next_cursor: null,
    }),
  );

  app.get(
    '/quarantine/:id',
    {
      config,
      schema: {
        tags,
        summary: 'One refused request: headers, body and what it lacks',
        params: Id,
        response: { 200: QuarantineRequestShape, ...problems },
      },
    },
    async (request) => {
      const { id } = request.params;
      const row = isUuid(id) ? await selectQuarantineRequest(sql, id) : undefined;
      if (row === undefined) throw new PosternError('not_found', `there is no ${id} in quarantine`);
      return quarantineRequestView(row);
    },
  );

  app.post(
    '/quarantine/recheck',
    {
      config,
      schema: {
        tags,
        summary: 'Verify an endpoint’s quarantined requests again, as of when they came, and take in what is authentic',
        body: Type.Object(
          {
            endpoint: Type.String({
              minLength: 1,
              maxLength: 201,
              description: 'its id, provider/name, or its name where no other provider has one of that name',
            }),
            dry_run: Type.Optional(Type.Boolean({ description: 'only tell what would be taken in' })),
            secrets: Type.Optional(
              Type.Array(Type.String({ maxLength: 100 }), {
                minItems: 1,
                maxItems: SECRETS_MAX,
                description: 'ids of secrets of the endpoint, valid then or not; absent: those that were valid then',
              }),
            ),
            reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: 'for the audit log' })),
            cursor: PageQuery.cursor,
          },
          { additionalProperties: false },
        ),
        response: { 200: RecheckShape, ...problems },
      },
    },
    async (request) => {
      const { endpoint, dry_run: dryRun = false, secrets = null, reason = null, cursor } = request.body;
      const after = unpackCursor(cursor, [UUID])?.[0] ?? null;
      const wish = { endpointId: await endpointIdOf(endpoint), secrets, dryRun, reason, after };
      // Whoever asked has left, or this process is to end: what is taken in stands, the rest waits for the next call.
      const stopped = (): boolean => request.raw.socket.destroyed || draining();
      return recheckView(await recheck(wish, actorOf(request), { budgetMs: RECHECK_MS, stopped }), { dryRun, secrets });
    },
  );

  /** @throws PosternError `not_found`; `invalid_request` where several have the name. */
  async function endpointIdOf(named: string): Promise<number> {
    const found = await findEndpointIds(sql, named, numericId(named));
    const [id, another] = found;
    if (id === undefined) throw new PosternError('not_found', `there is no endpoint ${named}`);
    if (another === undefined) return id;
    const message = `${named} is the name of several endpoints: name one by its id, or as provider/name`;
    throw new PosternError('invalid_request', message, { faults: [{ path: '/endpoint', message }] });
  }
};
