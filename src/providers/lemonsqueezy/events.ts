import { at, isObject, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import {
  type About,
  deferredFor,
  effectsOf,
  noEffect,
  parkingUnknownCurrency,
  references,
  unknownType,
} from '../normalised.ts';
import type { Normalised, ReceivedEvent } from '../provider.ts';
import { centsAt } from './currency.ts';
import { listedKind } from './listed-object.ts';

const ORDER = /^order_(?:created|refunded)$/;
const INVOICE = /^subscription_payment_(?:success|failed|recovered|refunded)$/;
/** Families that move no money that an order or an invoice does not tell. */
const EVIDENCE =
  /^(?:subscription_(?:created|updated|cancelled|resumed|expired|paused|unpaused|plan_changed)|license_key_(?:created|updated)|affiliate_activated|customer_updated)$/;

/*
 * Orders and subscription invoices carry money, by their own state and not by the event's name. The first payment of a
 * subscription is both, an order and an invoice with billing_reason "initial": the order tells it.
 * docs.lemonsqueezy.com/help/webhooks/event-types
 *
 * @throws PosternError `unreadable_event`, `amount_invalid`
 */
export function normalise(event: ReceivedEvent): Normalised {
  const body = parseExactJson(event.body);
  const type = textAt(body, 'meta', 'event_name') ?? event.type;
  const object = at(body, 'data');
  const attributes = at(object, 'attributes');
  const id = textAt(object, 'id');
  const subscription = textAt(attributes, 'subscription_id');
  // Orders and invoices are numbered apart: both have a 1.
  const kind = listedKind(body) ?? (ORDER.test(type) ? 'order' : INVOICE.test(type) ? 'subscription-invoice' : null);
  const payment = id === undefined ? undefined : `${kind}-${id}`;
  const moving = kind !== null;
  const about: About = {
    references: references(moving ? ['payment', payment] : [textAt(object, 'type') ?? 'object', id], [
      'subscription',
      subscription,
    ]),
    amount: null,
  };
  if (!moving)
    return EVIDENCE.test(type)
      ? noEffect(about, `evidence: ${type} moves no money of its own`)
      : unknownType(about, type);
  return parkingUnknownCurrency(about.references, () => {
    const total = centsAt(attributes, 'total');
    if (payment === undefined || total === undefined || !isObject(attributes))
      return deferredFor(about, 'object', 'the event’s object has no id or total');
    const told: About = { ...about, amount: total };
    if (kind === 'subscription-invoice' && textAt(attributes, 'billing_reason') === 'initial')
      return noEffect(told, 'evidence: the first payment of a subscription, which its order tells');
    return paid(attributes, payment, total, told, event.receivedAt);
  });
}

function paid(attributes: Json, payment: string, total: Money, told: About, receivedAt: number): Normalised {
  const status = textAt(attributes, 'status') ?? '';
  switch (status) {
    case 'paid':
    case 'refunded':
    case 'partial_refund':
      break;
    case 'pending':
      // An invoice is tried again, and told again; of an order nothing more may come.
      return payment.startsWith('order-')
        ? deferredFor(told, 'object', 'the order is pending, and no further event may tell when it is paid')
        : noEffect(told, 'evidence: a payment that is pending or failed is told again when it succeeds');
    case 'failed':
    case 'void':
      return noEffect(told, `evidence: a payment in status ${status} moved no money`);
    default:
      return deferredFor(told, 'adapter', `the adapter does not know the payment status "${status.slice(0, 40)}"`);
  }
  const created = isoTime(textAt(attributes, 'created_at')) ?? receivedAt;
  const tax = centsAt(attributes, 'tax');
  const effects: PaymentEvent[] = [
    {
      type: 'payment.captured',
      key: `${payment}:captured`,
      at: created,
      payment,
      ...total,
      ...(tax === undefined ? {} : { tax: tax.amount }),
    },
  ];
  const refunded = refundedAmount(attributes, status, total);
  if (refunded === undefined)
    return deferredFor(told, 'object', 'how much was refunded in part, the event does not say');
  if (refunded > 0n) {
    const refund = `${payment}-refund`;
    effects.push({
      type: 'refund.succeeded',
      key: `${refund}:succeeded`,
      at: isoTime(textAt(attributes, 'refunded_at')) ?? isoTime(textAt(attributes, 'updated_at')) ?? receivedAt,
      refund,
      payment,
      ...total,
      amount: refunded,
    });
  }
  return effectsOf(told, effects);
}

/**
 * Refunds have no ids: an order tells only how much of it was refunded in all. So there is one refund for each, and a
 * second partial one is a conflict that shows the difference to a person, instead of posting the first one twice.
 */
function refundedAmount(attributes: Json, status: string, total: Money): bigint | undefined {
  const told = centsAt(attributes, 'refunded_amount');
  if (told !== undefined) return told.amount;
  if (status === 'partial_refund') return undefined;
  return status === 'refunded' || at(attributes, 'refunded') === true ? total.amount : 0n;
}
