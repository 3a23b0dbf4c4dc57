import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { RejectReason, WebhookRequest } from '../../providers/provider.ts';

/** A request that did not verify, as it came. */
export type RefusedRequest = {
  readonly endpoint: Endpoint;
  readonly request: WebhookRequest & { readonly path: string; readonly sourceIp: string };
  readonly reason: RejectReason;
  readonly detail: string;
};

const BODY_BYTES_MAX = 64 * 1024;

/** Whether it may be the processor's, by what costs next to nothing to see: anybody may send anything. */
export function mayBeGenuine({ endpoint, request }: RefusedRequest): boolean {
  if (request.body.length === 0 || request.body.length > BODY_BYTES_MAX) return false;
  const names = endpoint.provider.signatureHeader;
  return names === null || request.headers.some(([name]) => names.includes(name));
}

/** Whether there is something in it that could be taken in one day. */
export function isReadable({ endpoint, request }: RefusedRequest): boolean {
  return endpoint.provider.identify(request, endpoint.settings).kind !== 'unreadable';
}
