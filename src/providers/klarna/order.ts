import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { type Money, parseMinor } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';

export type Order = { readonly effects: readonly PaymentEvent[]; readonly money: Money };

const PARTS_MAX = 1_000;

/**
 * Everything an order of the order management API says: what was authorised, each capture and each refund by its own id,
 * as the settlement file names them. However many events ask for it, each movement is one. Amounts are minor units.
 * docs.klarna.com/api/ordermanagement
 * @throws PosternError `unreadable_event`, `amount_invalid`, `currency_unknown`
 */
export function readOrder(fetched: Buffer, id: string, when: number): Order {
  const order = parseExactJson(fetched);
  const told = textAt(order, 'order_id');
  if (told !== id) {
    throw new PosternError('unreadable_event', `asked for order ${id}, Klarna answered about ${told ?? 'nothing'}`);
  }
  const currency = textAt(order, 'purchase_currency') ?? '';
  if (currencyExponent(currency) === undefined) {
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 20)}" has is not known`);
  }
  const created = isoTime(textAt(order, 'created_at')) ?? when;
  const status = textAt(order, 'status') ?? '';
  // An authorisation may be raised or lowered later: what it was at first is the one amount that does not change.
  const money = { amount: amountAt(order, 'original_order_amount', 'order_amount'), currency };
  const [captures, refunds] = [listAt(order, 'captures'), listAt(order, 'refunds')];
  if (captures.length + refunds.length > PARTS_MAX) {
    throw new PosternError('unreadable_event', `the order has over ${PARTS_MAX} captures and refunds`);
  }
  const effects: PaymentEvent[] = [
    { type: 'payment.authorised', key: `${id}:authorised`, at: created, payment: id, ...money },
    ...captures.map((capture, i) => {
      const amount = amountAt(capture, 'captured_amount');
      const final = status === 'CAPTURED' && i === captures.length - 1;
      return {
        type: 'payment.captured' as const,
        key: `${idOf(capture, 'capture_id')}:captured`,
        at: isoTime(textAt(capture, 'captured_at')) ?? created,
        payment: id,
        amount,
        currency,
        authorisation: { amount, final },
      };
    }),
    ...refunds.map((refund) => {
      const refundId = idOf(refund, 'refund_id');
      return {
        type: 'refund.succeeded' as const,
        key: `${refundId}:succeeded`,
        at: isoTime(textAt(refund, 'refunded_at')) ?? when,
        refund: refundId,
        payment: id,
        amount: amountAt(refund, 'refunded_amount'),
        currency,
      };
    }),
  ];
  if (status === 'CANCELLED' || status === 'EXPIRED' || status === 'CLOSED') {
    effects.push({ type: 'payment.cancelled', key: `${id}:cancelled`, at: when, payment: id, currency });
  }
  return { effects, money };
}

function idOf(part: Json, name: string): string {
  const id = textAt(part, name);
  if (id === undefined) throw new PosternError('unreadable_event', `the order lists a part without ${name}`);
  return id;
}

function amountAt(object: Json, ...names: readonly string[]): bigint {
  const text = names.map((name) => textAt(object, name)).find((one) => one !== undefined);
  if (text === undefined)
    throw new PosternError('unreadable_event', `what Klarna answered has no ${names.join(' or ')}`);
  const amount = parseMinor(text);
  if (amount < 0n) throw new PosternError('amount_invalid', `an amount of ${amount} is below zero`);
  return amount;
}
