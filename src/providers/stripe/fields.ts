import { PosternError } from '../../errors.ts';
import { at, isObject, type Json, type JsonObject, textAt } from '../../exact-json.ts';
import type { Normalised, ObjectReference } from '../provider.ts';
import { type IsoCurrency, isoAmount } from './currency.ts';

/** A snapshot event as the rules read it. Times are unix ms. */
export type StripeEvent = {
  readonly type: string;
  /** Stripe's object as it was at the event: `data.object`. */
  readonly object: JsonObject;
  readonly apiVersion: string | null;
  /** When the event happened; the time of a change of state whose object tells none itself (a failure, a capture). */
  readonly at: number;
  /** The connected account that the event names; null for the endpoint's own. */
  readonly account: string | null;
  /** What was fetched because the event told too little. */
  readonly fetched: Json | null;
};

/** What a rule says; references are added by the caller. */
export type Meaning = Normalised extends infer N ? (N extends Normalised ? Omit<N, 'references'> : never) : never;

export function noEffect(reason: string): Meaning {
  return { kind: 'no_effect', reason, amount: null };
}

/** Waits without end for `waitingFor`: parked until the adapter learns it, a key is set, or a person replays it. */
export function parked(
  waitingFor: 'adapter' | 'currency',
  reason: string,
  amount: Normalised['amount'] = null,
): Meaning {
  return { kind: 'deferred', waitingFor, until: null, reason, amount };
}

/** What the event does not tell is asked for, once; the account it is of goes in front of its id. */
export function fetchFor(
  { account, fetched }: Pick<StripeEvent, 'account' | 'fetched'>,
  kind: string,
  id: string,
  reason: string,
  amount: Normalised['amount'] = null,
): Meaning {
  if (fetched !== null) return parked('adapter', `${reason}; and what Stripe answered does not tell it either`, amount);
  return { kind: 'fetch', object: { kind, id: account === null ? id : `${account}/${id}` }, reason, amount };
}

/** @throws PosternError `unreadable_event` */
export function required(object: JsonObject, ...path: readonly string[]): string {
  const value = textAt(object, ...path);
  if (value !== undefined) return value;
  throw new PosternError('unreadable_event', `the ${textAt(object, 'object') ?? 'object'} has no ${path.join('.')}`);
}

/** @throws PosternError `unreadable_event`, `amount_invalid`, `currency_unknown` */
export function amountOf(object: JsonObject, name: string, currency: IsoCurrency): bigint {
  return isoAmount(required(object, name), currency);
}

/** Unix seconds as ms; `fallback` where the object tells no time. */
export function timeOf(object: Json | undefined, name: string, fallback: number): number {
  const seconds = textAt(object, name);
  return seconds !== undefined && /^\d{1,11}$/.test(seconds) ? Number(seconds) * 1000 : fallback;
}

/** The id of a member that Stripe sends as an id or, expanded, as the object itself. */
export function idAt(object: Json | undefined, ...path: readonly string[]): string | undefined {
  return textAt(object, ...path) ?? textAt(object, ...path, 'id');
}

/** A member only where Stripe expanded it to the object itself. */
export function expandedAt(object: JsonObject, name: string): JsonObject | undefined {
  const value = at(object, name);
  return isObject(value) ? value : undefined;
}

const KINDS: Readonly<Record<string, string>> = {
  charge: 'payment',
  payment_intent: 'payment_intent',
  refund: 'refund',
  dispute: 'dispute',
  payout: 'payout',
  topup: 'payout',
  transfer: 'transfer',
  application_fee: 'platform_fee',
  fee_refund: 'platform_fee',
  invoice: 'invoice',
  customer: 'customer',
  subscription: 'subscription',
  'checkout.session': 'checkout_session',
};
const LINKS: readonly (readonly [member: string, kind: string])[] = [
  ['charge', 'payment'],
  ['latest_charge', 'payment'],
  ['source_transaction', 'payment'],
  ['payment_intent', 'payment_intent'],
  ['invoice', 'invoice'],
  ['customer', 'customer'],
  ['transfer', 'transfer'],
  ['fee', 'platform_fee'],
];

/** What an object is and what it names: for search, not for money. */
export function referencesOf(object: JsonObject): ObjectReference[] {
  const found: ObjectReference[] = [];
  const add = (kind: string | undefined, id: string | undefined): void => {
    if (kind === undefined || id === undefined || found.some((one) => one.kind === kind && one.id === id)) return;
    found.push({ kind, id });
  };
  const type = textAt(object, 'object') ?? '';
  add(Object.hasOwn(KINDS, type) ? KINDS[type] : undefined, textAt(object, 'id'));
  for (const [member, kind] of LINKS) {
    const id = idAt(object, member);
    // A balance transaction's `fee` is an amount, and old objects hold other things under these names.
    if (id !== undefined && /^[a-z]+_/.test(id)) add(kind, id);
  }
  add('order', textAt(object, 'metadata', 'order_id') ?? textAt(object, 'client_reference_id'));
  return found;
}
