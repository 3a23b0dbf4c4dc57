import { hash } from 'node:crypto';
import type { Span } from '@opentelemetry/api';
import type { CertificateSource } from '../certificates.ts';
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { EndpointRegistry } from '../endpoints/registry.ts';
import type { Metrics } from '../metrics.ts';
import type { Answer, RejectReason, WebhookRequest } from '../providers/provider.ts';
import { producing, type Tracing } from '../tracing.ts';
import { uuidText, uuidv7Bytes } from '../uuid.ts';
import type { Accepted, Delivery } from './delivery.ts';
import type { HintLimit } from './hint-limit.ts';
import { readEvents } from './read-events.ts';
import { storedHeaders } from './stored-headers.ts';
import type { Visits } from './visits.ts';

/** What one webhook request came to, before anybody makes an HTTP answer of it. */
export type WebhookOutcome =
  | { readonly kind: 'accepted'; readonly deliveryId: string; readonly accepted: Accepted; readonly answer: Answer }
  | { readonly kind: 'control'; readonly answer: Answer }
  | { readonly kind: 'rejected'; readonly reason: RejectReason; readonly detail: string; readonly answer: Answer }
  | { readonly kind: 'empty' }
  /** The certificate is being fetched beside the request; the processor delivers again. */
  | { readonly kind: 'needs_certificate' }
  /** Nothing proves it, and too many like it are here; the processor delivers again. */
  | { readonly kind: 'too_many_hints' };

export type WebhookParts = {
  readonly endpoints: Pick<EndpointRegistry, 'activeSecrets' | 'noteUse'>;
  readonly certificates: CertificateSource;
  readonly visits: Pick<Visits, 'request'>;
  readonly hints: Pick<HintLimit, 'take'>;
  /** Anything that makes a delivery durable: the intake, or for measurements something that answers at once. */
  readonly intake: { accept(delivery: Delivery): Promise<Accepted> };
  /** Makes the storable form of a credential header: `hmac-sha256:…`. */
  readonly hashCredential: (value: string) => string;
  readonly clock: Clock;
  /** How long the phases took, in ms. */
  readonly phases?: Pick<Metrics['ackPhase'], 'verify' | 'identify'>;
  readonly tracing?: Tracing | null;
};

/** The way of one request: verify over the raw bytes, identify, make durable. @throws what `intake.accept` rejects with. */
export async function handleWebhook(
  endpoint: Endpoint,
  request: WebhookRequest & { readonly path: string; readonly sourceIp: string },
  parts: WebhookParts,
  span: Span | null = null,
): Promise<WebhookOutcome> {
  const { provider, settings } = endpoint;
  const now = parts.clock.now();
  const verifiedFrom = performance.now();
  const verdict = provider.verify(request, {
    secrets: parts.endpoints.activeSecrets(endpoint, now),
    settings,
    now,
    certificates: parts.certificates,
  });
  const identifiedFrom = performance.now();
  parts.phases?.verify(identifiedFrom - verifiedFrom);
  if (verdict.kind === 'needs') {
    parts.certificates.request(endpoint.id, verdict.url);
    return { kind: 'needs_certificate' };
  }
  if (verdict.kind === 'rejected') {
    return {
      ...verdict,
      answer: provider.acknowledge({ kind: 'rejected', reason: verdict.reason, detail: verdict.detail }),
    };
  }
  if (verdict.secretId !== null) parts.endpoints.noteUse(verdict.secretId, now);
  if (request.body.length === 0) return { kind: 'empty' };

  const identified = provider.identify(request, settings);
  if (identified.kind === 'control') {
    if (identified.visit !== undefined) parts.visits.request(endpoint, identified.visit);
    return { kind: 'control', answer: identified.answer };
  }
  const events = readEvents(identified, request, endpoint, now);
  parts.phases?.identify(performance.now() - identifiedFrom);
  if (events.length === 0) return { kind: 'control', answer: provider.acknowledge({ kind: 'accepted' }) };
  // A hint that fits a secret comes from who holds it, and is no flood.
  if (verdict.level === 'hint' && verdict.secretId === null && !parts.hints.take(endpoint.id))
    return { kind: 'too_many_hints' };
  const id = uuidv7Bytes(now);
  const delivery = {
    id,
    receivedAt: now,
    endpoint,
    method: request.method,
    path: request.path,
    sourceIp: request.sourceIp,
    headers: storedHeaders(request.headers, provider.secretHeaders, parts.hashCredential),
    body: request.body,
    sha256: hash('sha256', request.body, 'buffer'),
    level: verdict.level,
    secretId: verdict.secretId,
    events,
  };
  const accepted = await producing(parts.tracing ?? null, span, 'events publish', (trace) =>
    parts.intake.accept({ ...delivery, trace }),
  );
  return { kind: 'accepted', deliveryId: uuidText(id), accepted, answer: provider.acknowledge({ kind: 'accepted' }) };
}
