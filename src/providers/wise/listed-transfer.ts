import { createHash } from 'node:crypto';
import { type Json, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import type { IdentifiedEvent, WebhookRequest } from '../provider.ts';
import { headerValues } from '../signature.ts';

/**
 * Whether a body is a transfer that our own token was told. Wise signs the webhooks of all its customers with one key, so
 * whatever came with a signature is never taken for one.
 */
export function isListedTransfer(body: Json, request: Pick<WebhookRequest, 'headers'>, signature: string): boolean {
  return (
    textAt(body, 'event_type') === undefined &&
    textAt(body, 'id') !== undefined &&
    textAt(body, 'status') !== undefined &&
    textAt(body, 'sourceValue') !== undefined &&
    headerValues(request, signature).length === 0
  );
}

/** "2017-11-24 10:47:49" in the document's samples. */
export function createdAt(transfer: Json): number | undefined {
  return isoTime(textAt(transfer, 'created')?.replace(' ', 'T'));
}

/** A transfer in its present state: a later state is another event. */
export function transferEvent(transfer: Json): IdentifiedEvent {
  const name = `transfer:${textAt(transfer, 'id')}:${textAt(transfer, 'status')}`;
  const money = ['sourceValue', 'sourceCurrency', 'targetValue', 'targetCurrency', 'targetAccount'];
  const content = [name, ...money.map((one) => textAt(transfer, one) ?? '')];
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type: 'transfer',
    apiVersion: null,
    live: null,
    // Only what was asked names it.
    account: null,
    occurredAt: createdAt(transfer) ?? null,
    fingerprint: () => createHash('sha256').update(JSON.stringify(content)).digest(),
  };
}
