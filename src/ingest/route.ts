import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { EndpointRegistry } from '../endpoints/registry.ts';
import { PosternError } from '../errors.ts';
import type { AckOutcome, Metrics, ShedLimit } from '../metrics.ts';
import type { Answer } from '../providers/provider.ts';
import { noteForLog, type RequestFacts } from '../request-log.ts';
import { spanOf } from '../request-tracing.ts';
import type { Admission } from './admission.ts';
import type { FailedVerifications } from './failed-verifications.ts';
import { UNKNOWN_ENDPOINT } from './minutes-store.ts';
import type { Quarantine } from './quarantine/quarantine.ts';
import type { RefusedRequest } from './quarantine/refused-request.ts';
import { type BodyRead, drain, readBody, unpackGzip } from './read-body.ts';
import type { Rejections } from './rejections.ts';
import { handleWebhook, type WebhookOutcome, type WebhookParts } from './webhook.ts';

export type WebhookRouteOptions = {
  readonly parts: WebhookParts;
  readonly endpoints: Pick<EndpointRegistry, 'find' | 'age'>;
  readonly admission: Admission;
  readonly failures: FailedVerifications;
  readonly rejections: Pick<Rejections, 'count'>;
  readonly quarantine: Pick<Quarantine, 'offer'>;
  readonly metrics: Metrics;
  readonly bodyBytesMax: number;
  /** What processors call, without a trailing slash; null: as the socket saw it. */
  readonly publicUrl: string | null;
};

/** What a request carries from one hook to the next. */
type Held = {
  endpoint: Endpoint;
  bytes: number;
  released: boolean;
  /** As `performance.now()` tells it. */
  startedAt: number;
  /** When it was known what to answer; 0: not yet. */
  decidedAt: number;
  refused: RefusedRequest | null;
};
type Asked = RefusedRequest['request'];

const held = new WeakMap<FastifyRequest, Held>();
const RETRY_OVERLOADED_S = 5;
const ENDPOINTS_STAND_MS = 60_000;
const RETRY_CERTIFICATE_S = 10;
/** A source that floods with forgeries gets requests above this refused unread. */
const FLOOD_READ_BYTES_MAX = 64 * 1024;

/**
 * `POST /webhooks/:provider/:endpoint`. In this order: is there such an endpoint (404), is there room (503), is it small
 * enough (413), is it signed (401). Only then is it read, and only after the commit is it acknowledged.
 */
export async function webhookRoutes(app: FastifyInstance, options: WebhookRouteOptions): Promise<void> {
  const { admission, endpoints, failures, metrics, rejections } = options;

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: NodeJS.ReadableStream) => {
    const state = held.get(request);
    if (state === undefined) return Buffer.alloc(0);
    const read = await readBody(payload as Parameters<typeof readBody>[0], {
      bytesMax: options.bodyBytesMax,
      counted: state.bytes,
      admission,
    });
    state.bytes = read.bytes;
    if (read.kind === 'too_large') rejections.count(state.endpoint.id, 'too_large');
    if (read.kind !== 'read') noteForLog(request, { outcome: 'rejected', reason: read.kind });
    return bodyOrThrow(read, options.bodyBytesMax);
  });

  app.addHook('onRequest', async (request, reply) => {
    const { provider, endpoint: name = 'default' } = request.params as { provider: string; endpoint?: string };
    const endpoint = endpoints.find(provider, name);
    if (endpoint === undefined || endpoint.disabled) {
      metrics.unknownEndpoint.inc();
      rejections.count(UNKNOWN_ENDPOINT, 'unknown_endpoint');
      noteForLog(request, { outcome: 'unknown_endpoint' });
      await drain(request.raw);
      throw new PosternError('not_found', `there is no endpoint ${provider}/${name}`);
    }
    noteForLog(request, { provider: endpoint.provider.name, endpoint: endpoint.name });
    const announced = Number(request.headers['content-length'] ?? 0);
    const bytes = Number.isSafeInteger(announced) && announced > 0 ? announced : 0;
    if (bytes > options.bodyBytesMax) {
      rejections.count(endpoint.id, 'too_large');
      noteForLog(request, { outcome: 'rejected', reason: 'too_large' });
      await drain(request.raw);
      reply.header('connection', 'close');
      throw new PosternError('too_large', `the body is over ${options.bodyBytesMax} bytes`);
    }
    if (bytes > FLOOD_READ_BYTES_MAX && failures.isFlooding(request.ip)) {
      rejections.count(endpoint.id, 'too_many_failures');
      return shed(request, reply, 'failed_verifications');
    }
    // The last state of endpoints and secrets stands for a minute while the database is away, and no longer.
    if (endpoints.age() > ENDPOINTS_STAND_MS) return shed(request, reply, 'database');
    const over = admission.enter(bytes);
    if (over !== null) return shed(request, reply, over);
    held.set(request, { endpoint, bytes, released: false, startedAt: performance.now(), decidedAt: 0, refused: null });
    // The body is bytes to us, whatever its type says: a nonsense type must not answer 415 before the signature is seen.
    request.headers['content-type'] = 'application/octet-stream';
    return undefined;
  });

  const release = (request: FastifyRequest): void => {
    const state = held.get(request);
    if (state === undefined || state.released) return;
    state.released = true;
    admission.leave(state.bytes);
    const now = performance.now();
    metrics.ackSeconds.observe((now - state.startedAt) / 1000);
    if (state.decidedAt > 0) metrics.ackPhase.answer(now - state.decidedAt);
    // Answered first: what keeping it costs is nothing the sender waits for.
    if (state.refused !== null) options.quarantine.offer(state.refused);
  };
  app.addHook('onResponse', async (request) => release(request));
  app.addHook('onRequestAbort', async (request) => release(request));

  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const state = held.get(request);
    if (state === undefined) throw new PosternError('internal', 'a webhook request passed no admission');
    const body = await signedBytes(request, options.bodyBytesMax);
    if (body === null) {
      rejections.count(state.endpoint.id, 'too_large');
      noteForLog(request, { outcome: 'rejected', reason: 'too_large' });
      throw new PosternError('too_large', `the body is no gzip or unpacks to over ${options.bodyBytesMax} bytes`);
    }
    metrics.ackPhase.read(performance.now() - state.startedAt);
    const asked = webhookRequest(request, body, options);
    noteForLog(request, { bytes: body.length });
    const outcome = await acceptOrFail(request, asked, state.endpoint);
    state.decidedAt = performance.now();
    if (outcome.kind === 'rejected') {
      const { reason, detail } = outcome;
      state.refused = { endpoint: state.endpoint, request: asked, reason, detail };
    }
    return answer(request, reply, state.endpoint, outcome);
  };

  async function acceptOrFail(request: FastifyRequest, asked: Asked, endpoint: Endpoint): Promise<WebhookOutcome> {
    try {
      return await handleWebhook(endpoint, asked, options.parts, spanOf(request));
    } catch (error) {
      const outcome = error instanceof PosternError && error.http === 503 ? 'unavailable' : 'failed';
      count(endpoint, outcome);
      noteForLog(request, { outcome, reason: error instanceof PosternError ? error.code : 'internal' });
      throw error;
    }
  }

  /** Some processors try an address by a GET that only who holds its key can answer. */
  function challenge(request: FastifyRequest): Answer | null {
    const endpoint = held.get(request)?.endpoint;
    if (endpoint?.provider.challenge === undefined) return null;
    const secrets = options.parts.endpoints.activeSecrets(endpoint, options.parts.clock.now());
    const asked = webhookRequest(request, Buffer.alloc(0), options);
    const found = endpoint.provider.challenge(asked, { secrets, settings: endpoint.settings });
    if (found !== null) count(endpoint, 'control');
    return found;
  }

  function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    endpoint: Endpoint,
    outcome: WebhookOutcome,
  ): FastifyReply {
    noteForLog(request, { outcome: outcome.kind });
    switch (outcome.kind) {
      case 'accepted':
        noteForLog(request, factsOf(outcome));
        countAccepted(endpoint, outcome.accepted);
        return send(reply, outcome.answer);
      case 'control':
        count(endpoint, 'control');
        return send(reply, outcome.answer);
      case 'empty':
        count(endpoint, 'rejected');
        rejections.count(endpoint.id, 'empty_body');
        throw new PosternError('invalid_request', 'the body is empty: there is no event in it');
      case 'needs_certificate':
        count(endpoint, 'unavailable');
        reply.header('retry-after', String(RETRY_CERTIFICATE_S));
        throw new PosternError('overloaded', 'the signing certificate is being fetched; deliver again');
      case 'too_many_hints':
        count(endpoint, 'unavailable');
        return shedNow(reply, 'hints');
      case 'rejected': {
        count(endpoint, 'rejected');
        rejections.count(endpoint.id, outcome.reason);
        metrics.forEndpoint(endpoint.provider.name, endpoint.name).rejected(outcome.reason);
        noteForLog(request, { reason: outcome.reason });
        const isFlooding = failures.isFlooding(request.ip);
        failures.note(request.ip);
        if (isFlooding) return shedNow(reply, 'failed_verifications');
        if (outcome.answer.body !== null) return send(reply, outcome.answer);
        reply.headers(outcome.answer.headers);
        throw new PosternError(outcome.answer.status === 503 ? 'overloaded' : 'unauthenticated', outcome.detail);
      }
    }
  }

  function count(endpoint: Endpoint, outcome: AckOutcome): void {
    metrics.forEndpoint(endpoint.provider.name, endpoint.name).acknowledged(outcome);
  }

  function countAccepted(
    endpoint: Endpoint,
    accepted: { stored: number; duplicates: number; conflicts: number },
  ): void {
    count(endpoint, accepted.conflicts > 0 ? 'conflict' : accepted.stored > 0 ? 'accepted' : 'duplicate');
    const labels = { provider: endpoint.provider.name, endpoint: endpoint.name };
    if (accepted.duplicates > 0) metrics.duplicates.inc(labels, accepted.duplicates);
    if (accepted.conflicts > 0) metrics.conflicts.inc(labels, accepted.conflicts);
  }

  async function shed(request: FastifyRequest, reply: FastifyReply, limit: ShedLimit): Promise<FastifyReply> {
    noteForLog(request, { outcome: 'shed', reason: limit });
    await drain(request.raw);
    return shedNow(reply, limit);
  }

  function shedNow(reply: FastifyReply, limit: ShedLimit): FastifyReply {
    metrics.shed.inc({ limit });
    const flood = limit === 'failed_verifications';
    const status = flood ? 429 : 503;
    const detail = flood
      ? 'too many requests from this source failed verification'
      : `the gateway is over its limit of ${limit}; deliver again`;
    return reply
      .code(status)
      .headers({
        connection: 'close',
        'retry-after': String(RETRY_OVERLOADED_S),
        'content-type': 'application/problem+json',
      })
      .send(
        JSON.stringify({
          type: 'about:blank',
          title: flood ? 'Too Many Requests' : 'Service Unavailable',
          status,
          detail,
        }),
      );
  }

  for (const url of ['/webhooks/:provider', '/webhooks/:provider/:endpoint']) {
    app.post(url, { bodyLimit: options.bodyBytesMax }, handler);
    app.route({
      method: ['GET', 'PUT', 'PATCH', 'DELETE'],
      url,
      handler: async (request, reply) => {
        const challenged = request.method === 'GET' ? challenge(request) : null;
        if (challenged !== null) return send(reply, challenged);
        reply.header('allow', 'POST');
        throw new PosternError('method_not_allowed', 'webhooks are POSTed');
      },
    });
  }
}

/** The delivery is named where its bytes were kept: a copy of known ones leaves none. */
function factsOf({ deliveryId, accepted }: Extract<WebhookOutcome, { kind: 'accepted' }>): RequestFacts {
  const { stored, duplicates, conflicts } = accepted;
  return { ...(stored + conflicts > 0 ? { delivery: deliveryId } : {}), stored, duplicates, conflicts };
}

function bodyOrThrow(read: BodyRead, bytesMax: number): Buffer {
  switch (read.kind) {
    case 'read':
      return read.body;
    case 'too_large':
      throw new PosternError('too_large', `the body is over ${bytesMax} bytes`);
    case 'overloaded':
      throw new PosternError('overloaded', 'the gateway holds too many bytes; deliver again');
    case 'broken':
      throw new PosternError('invalid_request', `the body could not be read: ${read.detail}`);
  }
}

/** Null where it is no gzip, or unpacks past the limit. */
async function signedBytes(request: FastifyRequest, bytesMax: number): Promise<Buffer | null> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  return request.headers['content-encoding'] === 'gzip' ? unpackGzip(body, bytesMax) : body;
}

function webhookRequest(
  request: FastifyRequest,
  body: Buffer,
  { publicUrl, parts }: Pick<WebhookRouteOptions, 'publicUrl' | 'parts'>,
): Asked {
  const raw = request.raw.rawHeaders;
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) headers.push([(raw[i] ?? '').toLowerCase(), raw[i + 1] ?? '']);
  const origin = publicUrl ?? `${request.protocol}://${request.host}`;
  return {
    method: request.method,
    url: origin + request.url,
    headers,
    body,
    receivedAt: parts.clock.now(),
    path: request.url,
    sourceIp: request.ip,
  };
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  return reply
    .code(answer.status)
    .headers({ ...answer.headers })
    .send(answer.body ?? '');
}
