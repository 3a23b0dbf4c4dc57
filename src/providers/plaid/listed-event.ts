import { type Json, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type { IdentifiedEvent, WebhookRequest } from '../provider.ts';

/**
 * Whether a body is a transfer event that our own key was told. Plaid signs the webhooks of all its clients with the same
 * keys, so whatever came with a signature is never taken for one: it could be another client's money.
 */
export function isListedEvent(body: Json, headers: WebhookRequest['headers']): boolean {
  return (
    textAt(body, 'event_id') !== undefined &&
    textAt(body, 'event_type') !== undefined &&
    textAt(body, 'webhook_type') === undefined &&
    !headers.some(([name]) => name.toLowerCase() === 'plaid-verification')
  );
}

export function listedEvent(event: Json, body: Buffer): IdentifiedEvent {
  return {
    item: 0,
    id: `transfer_event:${textAt(event, 'event_id')}`,
    idSigned: true,
    transmissionId: null,
    type: `transfer_event.${textAt(event, 'event_type')}`,
    apiVersion: null,
    live: null,
    account: null,
    occurredAt: isoTime(textAt(event, 'timestamp')) ?? null,
    fingerprint: () => contentFingerprint(body, []),
  };
}
