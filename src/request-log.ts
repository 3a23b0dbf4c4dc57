import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * What is told of a request in its one line. Named field by field, each of a closed set or an id of ours: nothing of a body, a
 * header or an address that a stranger made up.
 */
export type RequestFacts = {
  readonly provider?: string;
  readonly endpoint?: string;
  readonly outcome?: string;
  readonly reason?: string;
  /** Of the row that holds the bytes, where they were kept. */
  readonly delivery?: string;
  readonly bytes?: number;
  readonly stored?: number;
  readonly duplicates?: number;
  readonly conflicts?: number;
  readonly actor?: string;
};

const facts = new WeakMap<FastifyRequest, RequestFacts>();
const told = new WeakSet<FastifyRequest>();

export function noteForLog(request: FastifyRequest, more: RequestFacts): void {
  facts.set(request, { ...facts.get(request), ...more });
}

export function notedForLog(request: FastifyRequest): RequestFacts {
  return facts.get(request) ?? {};
}

const UNKNOWN = 'unknown';
const OURS = /^(?:\d{1,19}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** One line a request, however it ended. `aborted`: the sender hung up before the answer. */
export function tellRequest(request: FastifyRequest, reply: FastifyReply | null): void {
  if (told.has(request)) return;
  told.add(request);
  const line = {
    method: request.method,
    route: request.routeOptions.url ?? UNKNOWN,
    ...idOf(request.params),
    status: reply === null ? 'aborted' : reply.statusCode,
    ...(reply === null ? {} : { ms: Math.round(reply.elapsedTime * 100) / 100 }),
    ...facts.get(request),
  };
  const status = reply?.statusCode ?? 499;
  if (status >= 500 || (status >= 400 && 'provider' in line)) request.log.warn(line, 'answered');
  else request.log.info(line, reply === null ? 'the sender hung up' : 'answered');
}

/** Only what has the form of an id of ours: a person may paste a token where an id belongs. */
function idOf(params: unknown): { id?: string } {
  if (typeof params !== 'object' || params === null || !('id' in params)) return {};
  const { id } = params;
  return typeof id === 'string' && OURS.test(id) ? { id } : {};
}
