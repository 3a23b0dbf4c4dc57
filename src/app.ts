import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { type ApiDeps, apiPlugin } from './api/plugin.ts';
import { PosternError } from './errors.ts';
import { type WebhookRouteOptions, webhookRoutes } from './ingest/route.ts';
import type { Log } from './log.ts';
import { isDatabaseError } from './postgres/sql.ts';
import { problemOf } from './problem.ts';
import { limitRequestTime } from './request-deadline.ts';
import { notedForLog, tellRequest } from './request-log.ts';
import { traceRequests } from './request-tracing.ts';
import type { Tracing } from './tracing.ts';

export type AppParts = {
  readonly log: Log;
  /** Addresses of proxies whose X-Forwarded-For is believed, or how many hops; false: none. */
  readonly trustProxy: false | string[] | number;
  readonly webhooks: WebhookRouteOptions | null;
  readonly api: ApiDeps | null;
  readonly tracing?: Tracing | null;
};

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** Node's own is 30 s, which would make 40 of the ten above. */
const LOOK_MS = 2_000;
/** A report of gigabytes over a slow line. */
const UPLOAD_TIMEOUT_MS = 3_600_000;
const KEEP_ALIVE_MS = 72_000;
const RETRY_AFTER_S = 5;
const PARAM_CHARS_MAX = 600;

/** The HTTP application from its parts: sibling plugins, each with its own parsers, authentication and limits. */
export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const hops = parts.trustProxy;
  const app = Fastify({
    loggerInstance: parts.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // Fastify would leave out a field it does not know: a misspelt "settings" would make an endpoint without any.
    ajv: { customOptions: { removeAdditional: false, discriminator: true } },
    trustProxy: typeof hops === 'number' ? (_address: string, hop: number) => hop < hops : hops,
    // Ids and keys stand in paths: an account's path, a caller's key.
    routerOptions: { maxParamLength: PARAM_CHARS_MAX },
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: LOOK_MS },
    requestTimeout: UPLOAD_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });

  // Before every other hook, so that whatever is told of a request has its trace.
  if (parts.tracing) traceRequests(app, parts.tracing);
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(isAway(error) ? awayFor(error) : error);
    if (problem.status >= 500 && problem.status !== 503)
      request.log.error(
        { err: error, method: request.method, route: request.routeOptions.url, ...notedForLog(request) },
        'a request failed',
      );
    if (problem.status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', String(RETRY_AFTER_S));
    // The rest of it may come yet, and must not be read as another request.
    if (problem.status === 408) reply.header('connection', 'close');
    return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  });
  app.setNotFoundHandler((request) => {
    throw new PosternError('not_found', `there is no ${request.method} ${request.url.split('?')[0]}`);
  });
  limitRequestTime(app, REQUEST_TIMEOUT_MS);
  app.addHook('onResponse', async (request, reply) => tellRequest(request, reply));
  app.addHook('onRequestAbort', async (request) => tellRequest(request, null));

  if (parts.webhooks !== null) await app.register(webhookRoutes, parts.webhooks);
  if (parts.api !== null) await app.register(apiPlugin, parts.api);
  return app;
}

/** The database's failures are no fault of the request, and trying again helps. */
function isAway(error: unknown): boolean {
  return !(error instanceof PosternError) && isDatabaseError(error);
}

function awayFor(cause: unknown): PosternError {
  return new PosternError('overloaded', 'the database is away or did not answer in time; try again', { cause });
}
