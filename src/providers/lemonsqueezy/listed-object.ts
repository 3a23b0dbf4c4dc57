import { createHash } from 'node:crypto';
import { at, type Json, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import type { IdentifiedEvent } from '../provider.ts';

/** Which of the listed objects a body holds, where it is no event about one; null: none. */
export function listedKind(body: Json): 'order' | 'subscription-invoice' | null {
  if (textAt(body, 'meta', 'event_name') !== undefined) return null;
  switch (textAt(body, 'data', 'type')) {
    case 'orders':
      return 'order';
    case 'subscription-invoices':
      return 'subscription-invoice';
    default:
      return null;
  }
}

/** What moved none: begun, failed, or the first invoice of a subscription, which its order tells. */
export function movesMoney(object: Json): boolean {
  const [status = '', reason] = ['status', 'billing_reason'].map((name) => textAt(object, 'attributes', name));
  return !['pending', 'failed', 'void'].includes(status) && reason !== 'initial';
}

/** An object in its present state, as an event: that more of it was refunded is another. */
export function listedEvent(body: Json): IdentifiedEvent | null {
  const [type, id] = [textAt(body, 'data', 'type'), textAt(body, 'data', 'id')];
  const attributes = at(body, 'data', 'attributes');
  const status = textAt(attributes, 'status');
  if (type === undefined || id === undefined || status === undefined) return null;
  const refunded = textAt(attributes, 'refunded_amount') ?? '0';
  const name = [type, id, status, ...(refunded === '0' ? [] : [`refunded ${refunded}`])].join(':');
  const content = [name, ...['total', 'tax', 'currency'].map((one) => textAt(attributes, one) ?? '')];
  const test = at(attributes, 'test_mode');
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type,
    apiVersion: null,
    live: typeof test === 'boolean' ? !test : null,
    account: textAt(attributes, 'store_id') ?? null,
    occurredAt: isoTime(textAt(attributes, 'created_at')) ?? null,
    fingerprint: () => createHash('sha256').update(JSON.stringify(content)).digest(),
  };
}
