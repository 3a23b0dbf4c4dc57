import { createHash } from 'node:crypto';
import { type Json, listAt, textAt } from '../../exact-json.ts';
import type { IdentifiedEvent } from '../provider.ts';

export type ListedKind = 'transaction' | 'dispute';

/**
 * A listed object as a body: in the field that a notification's XML is in, so that it is read like one. Such a body never
 * passes as a request, because Braintree signs that field, and signs notifications only.
 */
export function formOf(xml: string): Buffer {
  return Buffer.from(new URLSearchParams({ bt_payload: Buffer.from(xml).toString('base64') }).toString());
}

export function isListed(name: string): name is ListedKind {
  return name === 'transaction' || name === 'dispute';
}

/** Its money is told by the parts of it that were settled, which are transactions of their own. */
export function isSettledInParts(transaction: Json): boolean {
  return listAt(transaction, 'partial-settlement-transaction-ids').length > 0;
}

const CONTENT = ['amount', 'amount-disputed', 'amount-won', 'currency-iso-code', 'type', 'refunded-transaction-id'];

/**
 * An object in its present state, as an event: a later state is another event. What it tells besides (its history, customer,
 * evidence) grows while no money moves, and is no content.
 */
export function listedEvent(kind: ListedKind, object: Json): IdentifiedEvent | null {
  const [id, status] = [textAt(object, 'id'), textAt(object, 'status')];
  if (id === undefined || status === undefined) return null;
  const name = [kind, id, status.toLowerCase()].join(':');
  const content = [name, ...CONTENT.map((member) => textAt(object, member) ?? '')];
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type: kind,
    apiVersion: null,
    live: null,
    account: null,
    occurredAt: null,
    fingerprint: () => createHash('sha256').update(JSON.stringify(content)).digest(),
  };
}
