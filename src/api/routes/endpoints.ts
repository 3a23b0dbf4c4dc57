import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { ShownEndpoint } from '../../endpoints/service.ts';
import { PosternError } from '../../errors.ts';
import type { EndpointSettings } from '../../providers/provider.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { EndpointShape, Id, numericId, problems, SecretShape } from '../shapes.ts';
import { endpointView, secretView } from '../views.ts';

const Time = Type.String({ format: 'date-time' });
const Settings = Type.Record(Type.String({ maxLength: 100 }), Type.Unknown(), {
  description:
    "the provider's own (docs/providers.md), and by which its account is reconciled: windows, bank, fee contract (docs/settlements.md); credentials are encrypted and never shown",
});
const Secret = Type.String({ maxLength: 10_000 });
/** A year: longer than any processor tries to deliver. */
const OVERLAP_S_MAX = 31_622_400;

export const endpointRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (
  app,
  { endpointService: endpoints, publicUrl },
) => {
  const config = { access: [] } as const;
  const tags = ['endpoints'];
  const viewOf = (request: FastifyRequest, endpoint: ShownEndpoint) =>
    endpointView(endpoint, publicUrl ?? `${request.protocol}://${request.host}`);
  const idOf = (params: { id: string }): number => {
    const id = numericId(params.id);
    if (id === null) throw new PosternError('not_found', `there is no endpoint ${params.id}`);
    return id;
  };

  app.post(
    '/endpoints',
    {
      config,
      schema: {
        tags,
        summary: 'Make a webhook address',
        body: Type.Object(
          {
            provider: Type.String({ maxLength: 100 }),
            name: Type.String({ maxLength: 100 }),
            secrets: Type.Optional(Type.Array(Secret, { maxItems: 20 })),
            settings: Type.Optional(Settings),
          },
          { additionalProperties: false },
        ),
        response: { 201: EndpointShape, ...problems },
      },
    },
    async (request, reply) => {
      const { provider, name, secrets = [], settings = {} } = request.body;
      const made = await endpoints.create(
        { provider, name, secrets: secrets.map((secret) => ({ secret })), settings: settings as EndpointSettings },
        actorOf(request),
      );
      return reply.code(201).header('location', `/api/v1/endpoints/${made.id}`).send(viewOf(request, made));
    },
  );

  app.get(
    '/endpoints',
    {
      config,
      schema: {
        tags,
        summary: 'List webhook addresses',
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: ListOf(EndpointShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT } = request.query;
      const after = Number(unpackCursor(cursor, [/^\d{1,9}$/])?.[0] ?? 0);
      const views = await endpoints.list({ after, limit: limit + 1 });
      return pageOf(
        views,
        limit,
        (view) => [String(view.id)],
        (view) => viewOf(request, view),
      );
    },
  );

  app.get(
    '/endpoints/:id',
    {
      config,
      schema: { tags, summary: 'One webhook address', params: Id, response: { 200: EndpointShape, ...problems } },
    },
    async (request) => viewOf(request, await endpoints.get(idOf(request.params))),
  );

  app.patch(
    '/endpoints/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Change settings (null removes one) or disable',
        params: Id,
        body: Type.Object(
          { settings: Type.Optional(Settings), disabled: Type.Optional(Type.Boolean()) },
          { additionalProperties: false },
        ),
        response: { 200: EndpointShape, ...problems },
      },
    },
    async (request) => viewOf(request, await endpoints.patch(idOf(request.params), request.body, actorOf(request))),
  );

  app.delete(
    '/endpoints/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Remove an endpoint that has no events',
        params: Id,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await endpoints.remove(idOf(request.params), actorOf(request));
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/endpoints/:id/secrets',
    {
      config,
      schema: {
        tags,
        summary: 'Add a secret, valid beside the others; with overlap_s those end so long after it begins',
        params: Id,
        body: Type.Object(
          {
            secret: Secret,
            not_before: Type.Optional(Time),
            not_after: Type.Optional(Time),
            overlap_s: Type.Optional(
              Type.Integer({
                minimum: 0,
                maximum: OVERLAP_S_MAX,
                description: 'rotates: the other secrets end then; absent, they stay as they are',
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 201: SecretShape, ...problems },
      },
    },
    async (request, reply) => {
      const { secret, not_before: from, not_after: to, overlap_s: overlap } = request.body;
      const id = idOf(request.params);
      const wish = {
        secret,
        notBefore: from === undefined ? null : Date.parse(from),
        notAfter: to === undefined ? null : Date.parse(to),
      };
      const overlapMs = overlap === undefined ? null : overlap * 1000;
      return reply.code(201).send(secretView(await endpoints.addSecret(id, wish, actorOf(request), overlapMs)));
    },
  );

  app.delete(
    '/endpoints/:id/secrets/:secret_id',
    {
      config,
      schema: {
        tags,
        summary: 'Remove a secret at once',
        params: Type.Object({ id: Type.String(), secret_id: Type.String({ format: 'uuid' }) }),
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await endpoints.removeSecret(idOf(request.params), request.params.secret_id, actorOf(request));
      return reply.code(204).send(null);
    },
  );
};
