import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { findEndpointIds } from '../../endpoints/endpoint-store.ts';
import { PosternError } from '../../errors.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { selectFetch } from '../../reconcile/fetch/report-fetch-store.ts';
import { askForReports } from '../../reconcile/fetch/report-requests.ts';
import { isUuid } from '../../uuid.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { ReportFetchShape, reportFetchView } from '../report-fetch-view.ts';
import { Id, numericId, problems } from '../shapes.ts';

const Time = Type.String({ format: 'date-time' });

export const settlementFetchRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, deps) => {
  const { pool, providers, clock, endpointService } = deps;
  const sql = sqlOf(pool);
  const config = { access: ['finance'] } as const;
  const tags = ['settlements'];

  async function view(id: string): Promise<Static<typeof ReportFetchShape>> {
    const found = isUuid(id) ? reportFetchView(await selectFetch(sql, id)) : null;
    if (found === null) throw new PosternError('not_found', `there is no fetch ${id}`);
    return found;
  }

  app.post(
    '/settlements/fetch',
    {
      config,
      schema: {
        tags,
        summary: 'Fetch the settlement reports of a time from the processor’s API, and import them',
        body: Type.Object(
          {
            endpoint: Type.String({
              minLength: 1,
              maxLength: 201,
              description: 'its id, provider/name, or its name where no other provider has one of that name',
            }),
            from: Time,
            to: Time,
          },
          { additionalProperties: false },
        ),
        response: { 202: ReportFetchShape, ...problems },
      },
    },
    async (request, reply) => {
      const { endpoint: named, from, to } = request.body;
      const { id, name, settings, provider: providerName } = await endpointService.get(await idOf(named));
      const provider = providers.get(providerName);
      if (provider === undefined) throw new PosternError('not_found', `there is no provider ${providerName}`);
      const wish = { from: Date.parse(from), to: Date.parse(to) };
      const endpoint = { id, name, settings, provider };
      const fetch = await askForReports(endpoint, wish, { pool, clock, actor: actorOf(request) });
      return reply
        .code(202)
        .header('location', `/api/v1/settlements/fetches/${fetch}`)
        .send(await view(fetch));
    },
  );

  app.get(
    '/settlements/fetches/:id',
    {
      config,
      schema: {
        tags,
        summary: 'What became of reports that were fetched',
        params: Id,
        response: { 200: ReportFetchShape, ...problems },
      },
    },
    async (request) => await view(request.params.id),
  );

  /** @throws PosternError `not_found`; `invalid_request` where several have the name. */
  async function idOf(named: string): Promise<number> {
    const [id, another] = await findEndpointIds(sql, named, numericId(named));
    if (id === undefined) throw new PosternError('not_found', `there is no endpoint ${named}`);
    if (another === undefined) return id;
    const message = `${named} is the name of several endpoints: name one by its id, or as provider/name`;
    throw new PosternError('invalid_request', message, { faults: [{ path: '/endpoint', message }] });
  }
};
