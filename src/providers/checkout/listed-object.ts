import { createHash } from 'node:crypto';
import { at, type Json, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import type { IdentifiedEvent } from '../provider.ts';

/** What was begun, refused or only checked moves no money. */
const WITHOUT_MONEY: ReadonlySet<string> = new Set([
  'active',
  'requested',
  'pending',
  '3ds pending',
  'retry scheduled',
  'declined',
  'card verified',
]);
const BALANCES = ['total_authorized', 'total_captured', 'total_refunded', 'total_voided'];

/** Which of the objects of list.ts a body is, and not an event about one; null: none. Events have a type. */
export function listedKind(body: Json): 'payment' | 'dispute' | null {
  if (at(body, 'type') !== undefined || textAt(body, 'status') === undefined) return null;
  const id = textAt(body, 'id') ?? '';
  if (id.startsWith('pay_') && at(body, 'requested_on') !== undefined) return 'payment';
  return id.startsWith('dsp_') && at(body, 'payment_id') !== undefined ? 'dispute' : null;
}

export function statusOf(object: Json | undefined): string {
  return (textAt(object, 'status') ?? '').toLowerCase();
}

/** A later state is told by webhook, and listed as long as the payment is young. */
export function isUnderWay(payment: Json | undefined): boolean {
  return WITHOUT_MONEY.has(statusOf(payment));
}

/**
 * An object in its present state, as an event: a later state, or another part captured or refunded, is another event. What
 * else it tells (risk, customer, links) changes while no money moves, and is no content.
 */
export function listedEvent(kind: 'payment' | 'dispute', object: Json): IdentifiedEvent {
  const balances = BALANCES.map((name) => textAt(object, 'balances', name) ?? '');
  const state = kind === 'payment' ? [statusOf(object), balances.join('/')] : [statusOf(object)];
  const name = [textAt(object, 'id') ?? '', ...state].join(':');
  const content = [kind, name, textAt(object, 'amount'), textAt(object, 'currency')];
  const time = kind === 'payment' ? 'requested_on' : 'last_update';
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type: kind,
    apiVersion: null,
    live: null,
    account: null,
    occurredAt: isoTime(textAt(object, time)) ?? null,
    fingerprint: () => createHash('sha256').update(JSON.stringify(content)).digest(),
  };
}
