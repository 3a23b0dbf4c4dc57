import { type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { notedForLog } from './request-log.ts';
import { contextOf, type Tracing, traceOfHeader } from './tracing.ts';

const spans = new WeakMap<FastifyRequest, Span>();

/** The span of a request; null where nothing is traced. */
export function spanOf(request: FastifyRequest): Span | null {
  return spans.get(request) ?? null;
}

/** A span a request, and its ids in every line that is logged about it. */
export function traceRequests(app: FastifyInstance, { tracer }: Tracing): void {
  app.addHook('onRequest', async (request) => {
    const route = request.routeOptions.url ?? 'unknown';
    const told = traceOfHeader(request.headers.traceparent);
    // Whoever may send webhooks is a stranger: their trace is linked, and decides neither ours nor what is kept of it.
    const isStranger = !route.startsWith('/api/');
    const span = tracer.startSpan(
      `${request.method} ${route}`,
      {
        kind: SpanKind.SERVER,
        attributes: { 'http.request.method': request.method, 'http.route': route },
        ...(isStranger && told !== null ? { links: [{ context: told }] } : {}),
      },
      contextOf(isStranger ? null : told),
    );
    spans.set(request, span);
    const { traceId, spanId } = span.spanContext();
    request.log = request.log.child({ trace_id: traceId, span_id: spanId });
  });
  app.addHook('onResponse', async (request, reply) => end(request, reply.statusCode));
  app.addHook('onRequestAbort', async (request) => end(request, null));
}

function end(request: FastifyRequest, status: number | null): void {
  const span = spans.get(request);
  if (span === undefined || !span.isRecording()) return;
  for (const [name, value] of Object.entries(notedForLog(request))) span.setAttribute(`postern.${name}`, value);
  if (status !== null) span.setAttribute('http.response.status_code', status);
  if (status === null || status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
