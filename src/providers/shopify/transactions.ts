import { at, type Json, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import { type About, deferredFor, effectsOf, noEffect } from '../normalised.ts';
import type { EndpointSettings, Normalised, ObjectReference } from '../provider.ts';
import { moneyOf } from './currency.ts';

/**
 * An order transaction is one movement and has one id wherever it is told: under order_transactions/create, and in the
 * `transactions` of refunds/create. shopify.dev/docs/api/admin-rest/latest/resources/transaction
 */
export function transactions(
  list: readonly Json[],
  about: readonly ObjectReference[],
  settings: EndpointSettings,
  receivedAt: number,
): Normalised {
  const effects: PaymentEvent[] = [];
  const reasons: string[] = [];
  let amount: About['amount'] = null;
  for (const one of list) {
    const told = meaningOf(one, settings, receivedAt);
    if (told.kind === 'deferred') return deferredFor({ references: about, amount }, told.waitingFor, told.reason);
    amount ??= told.amount;
    if (told.kind === 'evidence') reasons.push(told.reason);
    else effects.push(...told.effects);
  }
  if (effects.length > 0) return effectsOf({ references: about, amount }, effects);
  return noEffect({ references: about, amount }, reasons[0] ?? 'evidence: the refund gave no money back');
}

type Meaning =
  | { readonly kind: 'effects'; readonly effects: readonly PaymentEvent[]; readonly amount: About['amount'] }
  | { readonly kind: 'evidence'; readonly reason: string; readonly amount: About['amount'] }
  | { readonly kind: 'deferred'; readonly waitingFor: 'adapter' | 'object'; readonly reason: string };

function meaningOf(transaction: Json, settings: EndpointSettings, receivedAt: number): Meaning {
  const gateway = textAt(transaction, 'gateway') ?? '';
  // PayPal's or a bank transfer's money never comes through Shopify: its own processor tells it.
  if (!gatewaysOf(settings).includes(gateway)) {
    return {
      kind: 'evidence',
      amount: null,
      reason: `evidence: paid through "${gateway.slice(0, 60)}", not through Shopify Payments`,
    };
  }
  const id = textAt(transaction, 'id');
  const money = moneyOf(transaction);
  if (id === undefined || money === undefined)
    return { kind: 'deferred', waitingFor: 'object', reason: 'the order transaction has no id or amount' };
  const told: Told = {
    transaction,
    id,
    parent: textAt(transaction, 'parent_id'),
    status: textAt(transaction, 'status') ?? '',
    at: isoTime(textAt(transaction, 'processed_at')) ?? isoTime(textAt(transaction, 'created_at')) ?? receivedAt,
    money,
  };
  const effects = effectsFor(textAt(transaction, 'kind') ?? '', told);
  if (effects === null) {
    const what = `${textAt(transaction, 'kind') ?? ''}, ${told.status}`.slice(0, 60);
    return { kind: 'deferred', waitingFor: 'adapter', reason: `the adapter does not know the transaction "${what}"` };
  }
  return effects.length === 0
    ? {
        kind: 'evidence',
        amount: money,
        reason: 'evidence: the transaction is pending, and is told again when it is not',
      }
    : { kind: 'effects', amount: money, effects };
}

type Told = {
  readonly transaction: Json;
  readonly id: string;
  readonly parent: string | undefined;
  readonly status: string;
  readonly at: number;
  readonly money: { readonly amount: bigint; readonly currency: string };
};

/** Null: not known. None: nothing happened yet. */
function effectsFor(kind: string, told: Told): readonly PaymentEvent[] | null {
  const { id, parent, status, at, money } = told;
  if (!['success', 'failure', 'error', 'pending'].includes(status)) return null;
  const failed = status === 'failure' || status === 'error';
  switch (kind) {
    case 'refund': {
      const type = failed ? 'refund.failed' : status === 'success' ? 'refund.succeeded' : 'refund.created';
      const payment = parent === undefined ? {} : { payment: parent };
      return [{ type, key: `${id}:${type.slice('refund.'.length)}`, at, refund: id, ...payment, ...money }];
    }
    case 'authorization':
    case 'emv_authorization':
    case 'sale':
    case 'capture':
      if (status === 'pending') return [];
      if (failed) return [{ type: 'payment.failed', key: `${id}:failed`, at, payment: id, currency: money.currency }];
      return kind === 'sale' || kind === 'capture'
        ? [{ type: 'payment.captured', key: `${id}:captured`, at, payment: id, ...money }, ...released(told)]
        : [{ type: 'payment.authorised', key: `${id}:authorised`, at, payment: id, ...money }];
    case 'void':
      // What did not succeed left the authorisation as it was.
      return status === 'success'
        ? [{ type: 'payment.cancelled', key: `${id}:cancelled`, at, payment: parent ?? id, currency: money.currency }]
        : [];
    default:
      return null;
  }
}

/** An authorisation is a transaction of its own: the capture that leaves nothing to capture ends it, under its id. */
function released({ transaction, id, parent, at: time, money }: Told): PaymentEvent[] {
  const left = textAt(at(transaction, 'total_unsettled_set', 'presentment_money'), 'amount');
  if (parent === undefined || left === undefined || !/^0(?:\.0+)?$/.test(left)) return [];
  const key = `${id}:authorisation_released`;
  return [{ type: 'payment.cancelled', key, at: time, payment: parent, currency: money.currency }];
}

function gatewaysOf(settings: EndpointSettings): readonly string[] {
  return Array.isArray(settings.gateways) ? (settings.gateways as string[]) : ['shopify_payments'];
}
