import { createHash } from 'node:crypto';
import { at, isObject, type Json, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import type { IdentifiedEvent } from '../provider.ts';

export const KINDS = ['transaction', 'dispute', 'transfer'] as const;
export type ListedKind = (typeof KINDS)[number];

/** A listed object as a body, its own bytes unchanged; Paystack signs nothing that has this member. */
export function listedBody(kind: ListedKind, object: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`{"listed":"${kind}","data":`), object, Buffer.from('}')]);
}

export function listedKind(body: Json | undefined): ListedKind | null {
  const named = textAt(body, 'event') === undefined ? textAt(body, 'listed') : undefined;
  return isObject(at(body, 'data')) ? (KINDS.find((kind) => kind === named) ?? null) : null;
}

/** Which event tells an object in this state; undefined where none of it moved money. */
export function eventOf(kind: ListedKind, object: Json | undefined): string | undefined {
  const status = textAt(object, 'status');
  switch (kind) {
    case 'transaction':
      return status === 'success' || status === 'reversed' ? 'charge.success' : undefined;
    case 'dispute':
      return status === 'resolved' ? 'charge.dispute.resolve' : undefined;
    case 'transfer':
      return status === 'success' || status === 'reversed' ? `transfer.${status}` : undefined;
  }
}

export function movedMoney(kind: ListedKind, object: Json | undefined): boolean {
  return eventOf(kind, object) !== undefined;
}

const CONTENT = ['amount', 'fees', 'currency', 'refund_amount', 'resolution', 'reference', 'transfer_code'];

/**
 * An object in its present state, as an event: a later state is another event. What else it tells (customer, log, messages)
 * changes while no money moves, and is no content.
 */
export function listedEvent(kind: ListedKind, body: Json): IdentifiedEvent | null {
  const object = at(body, 'data');
  const [id, status] = [textAt(object, 'id') ?? textAt(object, 'transfer_code'), textAt(object, 'status')];
  if (id === undefined || status === undefined) return null;
  const name = [kind, id, status].join(':');
  const content = [name, ...CONTENT.map((member) => textAt(object, member) ?? '')];
  const domain = textAt(object, 'domain');
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type: kind,
    apiVersion: null,
    live: domain === 'live' ? true : domain === 'test' ? false : null,
    account: null,
    occurredAt: isoTime(textAt(object, 'created_at') ?? textAt(object, 'createdAt')) ?? null,
    fingerprint: () => createHash('sha256').update(JSON.stringify(content)).digest(),
  };
}
