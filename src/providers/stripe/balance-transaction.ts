import { type JsonObject, textAt } from '../../exact-json.ts';
import type { ObjectReference } from '../provider.ts';
import { feeOf } from './fee.ts';
import { idAt, type Meaning, noEffect, required } from './fields.ts';

/** Movements whose fee is that of a payment or a refund; a dispute's is told by the dispute. */
export const FEE_MOVEMENTS: ReadonlyMap<string, 'payment' | 'refund'> = new Map([
  ['charge', 'payment'],
  ['payment', 'payment'],
  ['refund', 'refund'],
  ['payment_refund', 'refund'],
  ['refund_failure', 'refund'],
]);

/** The payment or refund that a balance transaction is about. */
export function movedBy(txn: JsonObject): ObjectReference[] {
  const kind = FEE_MOVEMENTS.get(textAt(txn, 'type') ?? '');
  const id = idAt(txn, 'source');
  return kind === undefined || id === undefined ? [] : [{ kind, id }];
}

/** A listed balance transaction posts its fee, under the key that an event which writes it out has as well. */
export function balanceTransactionMeaning(txn: JsonObject, receivedAt: number): Meaning {
  const of = FEE_MOVEMENTS.get(textAt(txn, 'type') ?? '');
  const source = idAt(txn, 'source');
  if (of === undefined || source === undefined) return noEffect('its movement is told by its own event');
  const effects = feeOf(txn, source, of, receivedAt);
  const [fee] = effects;
  if (fee === undefined) return noEffect(`the movement ${required(txn, 'id')} cost nothing`);
  return { kind: 'effects', effects, amount: { amount: fee.amount, currency: fee.currency } };
}
