import { at, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
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
import { localMoney } from './currency.ts';

const CHARGE = /^charge:(?:created|confirmed|delayed|failed|pending|resolved)$/;
const PAYMENTS_MAX = 100;

/*
 * A charge is a price, and its `payments` are what came in on a blockchain: none, one, or several, too much, too little,
 * or after the charge expired. Each confirmed payment is money, whatever the event is called and whether the merchant
 * resolves the charge later. docs.cdp.coinbase.com/commerce/api-architecture/webhooks-fields
 *
 * @throws PosternError `unreadable_event`, `amount_invalid`
 */
export function normalise(received: ReceivedEvent): Normalised {
  const event = at(parseExactJson(received.body), 'event');
  const type = textAt(event, 'type') ?? received.type;
  const charge = at(event, 'data');
  const id = textAt(charge, 'code') ?? textAt(charge, 'id');
  const about: About = { references: references(['payment', id], ['charge', textAt(charge, 'id')]), amount: null };
  if (!CHARGE.test(type)) {
    return /^(?:invoice|checkout):/.test(type)
      ? noEffect(about, `evidence: ${type} moves no money that its charge does not tell`)
      : unknownType(about, type);
  }
  if (charge === undefined || id === undefined)
    return deferredFor(about, 'object', 'the event has no charge with a code');
  const time = isoTime(textAt(event, 'created_at')) ?? received.receivedAt;
  return parkingUnknownCurrency(about.references, () => chargeMeaning(type, charge, id, about, time));
}

function chargeMeaning(type: string, charge: Json, id: string, about: About, time: number): Normalised {
  const price = localMoney(at(charge, 'pricing')) ?? null;
  const payments = listAt(charge, 'payments');
  if (payments.length > PAYMENTS_MAX)
    return deferredFor({ ...about, amount: price }, 'object', `the charge lists more than ${PAYMENTS_MAX} payments`);
  const effects: PaymentEvent[] = [];
  for (const payment of payments) {
    if (textAt(payment, 'status')?.toUpperCase() !== 'CONFIRMED') continue;
    const transaction = textAt(payment, 'transaction_id');
    const money = localMoney(at(payment, 'value'));
    if (transaction === undefined || money === undefined) {
      const what = 'a confirmed payment of the charge has no transaction or no value in the local currency';
      return deferredFor({ ...about, amount: price }, 'object', what);
    }
    const detected = isoTime(textAt(payment, 'detected_at')) ?? time;
    effects.push({
      type: 'payment.captured',
      key: `${id}:captured:${transaction}`,
      at: detected,
      payment: id,
      ...money,
    });
  }
  const [first] = effects;
  if (first !== undefined && 'amount' in first)
    return effectsOf({ ...about, amount: { amount: first.amount, currency: first.currency } }, effects);
  return withoutPayments(type, id, { ...about, amount: price }, at(charge, 'payments') !== undefined, time);
}

function withoutPayments(type: string, id: string, told: About, listed: boolean, time: number): Normalised {
  switch (type) {
    case 'charge:confirmed':
      // A layout without the list: confirmed means paid as priced.
      if (!listed && told.amount !== null) {
        const effect: PaymentEvent = {
          type: 'payment.captured',
          key: `${id}:captured`,
          at: time,
          payment: id,
          ...told.amount,
        };
        return effectsOf(told, [effect]);
      }
      return deferredFor(told, 'object', 'the charge is confirmed, and no confirmed payment of it is listed');
    case 'charge:resolved':
    case 'charge:delayed':
      // Paid otherwise than priced: how much, only the payments say.
      return deferredFor(told, 'object', `${type} says that money came in, and lists no confirmed payment`);
    case 'charge:pending':
      return noEffect(told, 'evidence: a payment was seen and is not confirmed yet');
    default:
      return noEffect(told, `evidence: ${type} without a confirmed payment moves no money`);
  }
}
