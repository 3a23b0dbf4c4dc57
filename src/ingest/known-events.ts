import type { WebhookRequest } from '../providers/provider.ts';
import { LISTED_METHOD } from './delivery.ts';
import type { GroupRow, KnownEvent } from './intake-store.ts';
import { tellsSameMoney } from './same-money.ts';

/** What a row is whose identity was taken. */
export type Resolution =
  /** Our own row after all: an attempt that looked lost had committed. */
  | { readonly kind: 'stored' }
  | { readonly kind: 'duplicate'; readonly of: string; readonly sameBytes: boolean }
  /** `compared` is false where the first one's body was removed, so that nobody can tell what differs. */
  | { readonly kind: 'conflict'; readonly firstId: string; readonly compared: boolean };

/**
 * Compares a newcomer with those who stand under its identities. Adyen, Stripe and others change bytes between retries
 * of one event, so other bytes are compared by the adapter's content fingerprint of both bodies: here, and not on every
 * first arrival, because it costs more than the rest of the way.
 */
export function resolveKnown(row: GroupRow, known: readonly KnownEvent[], ownId: string): Resolution | undefined {
  const { delivery, event } = row;
  const candidates = known.filter(
    (k) =>
      k.endpointId === delivery.endpoint.id &&
      (k.eventId === event.eventId || (event.transmissionId !== null && k.transmissionId === event.transmissionId)),
  );
  const first = candidates[0];
  if (first === undefined) return undefined;
  if (candidates.some((k) => k.id === ownId)) return { kind: 'stored' };

  const sameBytes = candidates.find((k) => k.eventId === event.eventId && k.sha256.equals(delivery.sha256));
  if (sameBytes !== undefined) return { kind: 'duplicate', of: sameBytes.id, sameBytes: true };

  const fingerprint = event.fingerprint();
  const sameContent = candidates.find((k) => k.eventId === event.eventId && sameAs(k, row, fingerprint));
  if (sameContent !== undefined) return { kind: 'duplicate', of: sameContent.id, sameBytes: false };
  const compared = candidates.some((k) => k.delivery !== null || k.variant.length > 0);
  return { kind: 'conflict', firstId: first.id, compared };
}

function sameAs(known: KnownEvent, row: GroupRow, fingerprint: Buffer): boolean {
  if (known.variant.length > 0) return known.variant.equals(fingerprint);
  // Its body was removed, a week and more past the processor's last try, and these bytes are not the same. A duplicate it
  // may be, but other content must not vanish as one: a person decides, and the effect key guards the money.
  if (known.delivery === null) return false;
  const { provider, settings } = row.delivery.endpoint;
  const request: WebhookRequest = {
    method: known.delivery.method,
    url: known.delivery.path,
    headers: JSON.parse(known.delivery.headers) as [string, string][],
    body: known.delivery.body,
  };
  const identified = provider.identify(request, settings);
  if (identified.kind !== 'events') return row.event.unreadable !== null && known.sha256.equals(row.delivery.sha256);
  const twin = identified.events.find((e) => e.item === known.item);
  if (twin === undefined) return false;
  if (twin.fingerprint().equals(fingerprint)) return true;
  // Asked for, an event may be told otherwise than its webhook told it, or will when it is tried again.
  if (known.delivery.method !== LISTED_METHOD && row.delivery.method !== LISTED_METHOD) return false;
  const { event, delivery } = row;
  const newcomer = { request: delivery, item: event.item, id: event.eventId, type: event.type, account: event.account };
  const first = { request, item: twin.item, id: twin.id, type: twin.type, account: event.account };
  return tellsSameMoney(newcomer, first, delivery.endpoint);
}
