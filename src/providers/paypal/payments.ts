import { type Json, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { deferredFor, effectsOf, fetchFirst } from '../normalised.ts';
import type { EndpointSettings, Normalised, ObjectReference } from '../provider.ts';
import { moneyAt, relatedId } from './resource.ts';

/** An event taken apart: the object it carries and when that became what the event says (unix ms). */
export type Told = {
  readonly resource: Json | undefined;
  readonly resourceType: string;
  readonly at: number;
  readonly references: readonly ObjectReference[];
  readonly settings: EndpointSettings;
  /** Whose books: the processor account. */
  readonly account: string;
  /** What can be asked for where the resource tells too little: itself; null once it was, and where it cannot be. */
  readonly ask: ObjectReference | null;
  /** The order of the payment, where it was fetched for its refunds. */
  readonly order: Json | null;
};

/** The resource is not what the event's type promises: the object must be fetched. */
export function incomplete(told: Told, what: string): Normalised {
  const about = { references: told.references, amount: null };
  const reason = `the event's resource has no ${what}`;
  return told.ask === null ? deferredFor(about, 'object', reason) : fetchFirst(about, told.ask, reason);
}

export function authorised(told: Told): Normalised {
  const { resource, at } = told;
  const id = textAt(resource, 'id');
  const money = moneyAt(resource, 'amount');
  if (id === undefined || money === undefined) return incomplete(told, 'id or amount');
  const effect: PaymentEvent = { type: 'payment.authorised', key: `${id}:authorised`, at, payment: id, ...money };
  return effectsOf({ references: told.references, amount: money }, [effect]);
}

export function captured(told: Told): Normalised {
  const { resource, at } = told;
  const id = textAt(resource, 'id');
  const money = moneyAt(resource, 'amount');
  if (id === undefined || money === undefined) return incomplete(told, 'id or amount');
  // An authorisation is another object with another id: its hold is released under that id.
  const held = relatedId(resource, 'authorization');
  const authorisation = held === undefined ? undefined : { id: held, amount: money.amount, final: isFinal(resource) };
  const effects: PaymentEvent[] = [
    {
      type: 'payment.captured',
      key: `${id}:captured`,
      at,
      payment: id,
      ...money,
      ...(authorisation === undefined ? {} : { authorisation }),
    },
  ];
  const fee = moneyAt(resource, 'seller_receivable_breakdown', 'paypal_fee') ?? moneyAt(resource, 'transaction_fee');
  if (fee !== undefined && fee.amount !== 0n) {
    effects.push({ type: 'payment.fee_known', key: `${id}:fee`, at, reference: id, of: 'payment', ...fee });
  }
  return effectsOf({ references: told.references, amount: money }, effects);
}

function isFinal(resource: Json | undefined): boolean {
  if (typeof resource !== 'object' || resource === null || Array.isArray(resource)) return false;
  return resource.final_capture === true || resource.is_final_capture === true;
}

export function ended(told: Told, type: 'payment.failed' | 'payment.cancelled'): Normalised {
  const { resource, at } = told;
  const id = textAt(resource, 'id');
  const money = moneyAt(resource, 'amount');
  if (id === undefined || money === undefined) return incomplete(told, 'id or amount');
  const what = type.slice('payment.'.length);
  const effect: PaymentEvent = { type, key: `${id}:${what}`, at, payment: id, currency: money.currency };
  return effectsOf({ references: told.references, amount: null }, [effect]);
}

/**
 * The resource is the capture itself, or (v1, and v2 with a link up) the reversal, which then names the capture. Only the
 * capture tells how much was captured: a reversal may be of a part, and a capture made up from it would contradict the real
 * one that comes later.
 */
export function reversed(told: Told): Normalised {
  const { resource, at } = told;
  const id = textAt(resource, 'id');
  const money = moneyAt(resource, 'amount');
  if (id === undefined || money === undefined) return incomplete(told, 'id or amount');
  const payment = relatedId(resource, 'capture') ?? relatedId(resource, 'sale') ?? id;
  const effect: PaymentEvent = {
    type: 'payment.reversed',
    key: `${id}:reversed`,
    at,
    payment,
    ...(payment === id ? { captureKey: `${payment}:captured` } : {}),
    ...money,
  };
  return effectsOf({ references: told.references, amount: money }, [effect]);
}
