import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { ROLES } from '../../access/roles.ts';
import { createTokenService } from '../../access/token-service.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { Id, problems, TokenShape } from '../shapes.ts';
import { tokenView } from '../views.ts';

export const tokenRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool, tokens }) => {
  const service = createTokenService({ pool, onChange: () => tokens.load() });
  const config = { access: [] } as const;
  const tags = ['tokens'];

  app.post(
    '/tokens',
    {
      config,
      schema: {
        tags,
        summary: 'Make a token; it is shown once',
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 100 }),
            roles: Type.Array(Type.Enum([...ROLES]), {
              minItems: 1,
              maxItems: ROLES.length,
            }),
            expires_at: Type.Optional(Type.String({ format: 'date-time' })),
          },
          { additionalProperties: false },
        ),
        response: { 201: TokenShape, ...problems },
      },
    },
    async (request, reply) => {
      const { name, roles, expires_at: expires } = request.body;
      const made = await service.create(
        { name, roles, expiresAt: expires === undefined ? null : new Date(expires) },
        actorOf(request),
      );
      return reply
        .code(201)
        .header('location', `/api/v1/tokens/${made.id}`)
        .send({ ...made, name, roles: [...roles], expires_at: expires ?? null, last_used_at: null });
    },
  );

  app.get(
    '/tokens',
    {
      config,
      schema: {
        tags,
        summary: 'List tokens',
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: ListOf(TokenShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT } = request.query;
      const after = unpackCursor(cursor, [/^[\w-]{1,20}$/])?.[0] ?? '';
      return pageOf(await service.list({ after, limit: limit + 1 }), limit, (t) => [t.id], tokenView);
    },
  );

  app.delete(
    '/tokens/:id',
    { config, schema: { tags, summary: 'Revoke a token', params: Id, response: { 204: Type.Null(), ...problems } } },
    async (request, reply) => {
      await service.revoke(request.params.id, actorOf(request));
      return reply.code(204).send(null);
    },
  );
};
