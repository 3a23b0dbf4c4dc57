import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/**
 * Traces across HTTP, queue and worker. Contexts are handed on as values: nothing is registered globally, no library is patched,
 * and where tracing is off there is none of this but a `null`.
 */
export type Tracing = {
  readonly tracer: Tracer;
  /** Sends what is in hand, for a moment; what was not sent by then is lost. */
  stop(): Promise<void>;
};

const TRACE_BYTES = 25;
const TRACEPARENT = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-.*)?$/;
const SAMPLED = 1;

/** As it stands on the row of an event: trace id, span id, flags. */
export function traceBytes({ traceId, spanId, traceFlags }: SpanContext): Buffer {
  return Buffer.concat([Buffer.from(traceId + spanId, 'hex'), Buffer.of(traceFlags)]);
}

export function traceOfBytes(bytes: Buffer | null): SpanContext | null {
  if (bytes?.length !== TRACE_BYTES) return null;
  return {
    traceId: bytes.toString('hex', 0, 16),
    spanId: bytes.toString('hex', 16, 24),
    traceFlags: bytes.readUInt8(24) & SAMPLED,
    isRemote: true,
  };
}

/** W3C Trace Context; null for anything else, as it says to. */
export function traceOfHeader(header: unknown): SpanContext | null {
  const [, traceId, spanId, flags] = (typeof header === 'string' ? TRACEPARENT.exec(header) : null) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId) || String(header).startsWith('ff')) return null;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & SAMPLED, isRemote: true };
}

export const contextOf = (parent: SpanContext | null): Context =>
  parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);

/** Under a span of its own, as a producer of what others go on with; `work` is given where they go on from. */
export async function producing<T>(
  tracing: Tracing | null,
  parent: Span | null,
  name: string,
  work: (from: Buffer | null) => Promise<T>,
): Promise<T> {
  if (tracing === null || parent === null) return work(null);
  const span = tracing.tracer.startSpan(name, { kind: SpanKind.PRODUCER }, contextOf(parent.spanContext()));
  try {
    return await work(traceBytes(span.spanContext()));
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

/** What was done to something received before, told afterwards. */
export function consumed(
  tracing: Tracing | null,
  from: Buffer | null,
  told: { name: string; startedAt: number; attributes: Attributes; failed: boolean },
): void {
  const parent = traceOfBytes(from);
  if (tracing === null || parent === null) return;
  const { name, startedAt, attributes, failed } = told;
  const span = tracing.tracer.startSpan(
    name,
    { kind: SpanKind.CONSUMER, startTime: startedAt, attributes },
    contextOf(parent),
  );
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
