import { sign } from '../providers/worldpay/sign.ts';
import { currencies, type Life, stableText, stableUuid } from './life.ts';
import { DIGITS } from './random.ts';
import type { Simulator } from './simulator.ts';
import { inSteps, isoTime, wireNumber } from './told-event.ts';

/**
 * A life as Access Worldpay tells it: the merchant's own references name the payment, and each part of it that is settled
 * or refunded (docs.worldpay.com/access/products/events). Fees and payouts are in reports only.
 */
const tellWorldpay = inSteps((life, tell) => {
  const event = (type: string, amount: bigint, reference?: string): void =>
    tell(({ n, at }) => ({
      eventId: stableUuid(life, `event${n}`),
      // Worldpay names no zone.
      eventTimestamp: isoTime(at).slice(0, -1),
      eventDetails: {
        classification: 'payment',
        downstreamReference: stableText(life, 'downstream', 12, DIGITS),
        transactionReference: transactionReference(life),
        ...(reference === undefined ? {} : { reference }),
        type,
        date: isoTime(at).slice(0, 10),
        amount: { value: wireNumber(amount), currencyCode: life.currency },
        _links: {
          payment: { href: `https://try.access.worldpay.com/payments/events/${stableText(life, 'link', 24)}` },
        },
      },
    }));

  event('sentForAuthorization', life.amount);
  event('authorized', life.amount);
  const parts = life.captures ?? [life.amount];
  const reference = (index: number): string | undefined =>
    parts[index] === life.amount ? undefined : `part-${index + 1}`;
  for (const [index, amount] of parts.entries()) event('sentForSettlement', amount, reference(index));
  const last = parts.length - 1;
  if (life.captureFails) event('settlementFailed', parts[last] ?? 0n, reference(last));
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    const name = `refund-${index + 1}`;
    event('sentForRefund', amount, name);
    if (outcome !== 'failed') event('refunded', amount, name);
    if (outcome !== 'succeeded') event('refundFailed', amount, name);
  }
  if (life.dispute !== null) event('chargedBack', life.dispute.amount);
});

export function transactionReference(life: Life): string {
  return `order-${life.number}-${stableText(life, 'reference', 8)}`;
}

export const worldpay: Simulator = {
  provider: 'worldpay',
  currencies: currencies('EUR', 'USD', 'GBP', 'JPY'),
  abilities: {
    captures: 'parts',
    captureFailure: 'any',
    fees: false,
    refunds: 'many',
    refundFailure: 'later',
    disputes: 'withdrawal',
    payouts: 'none',
  },
  tell: tellWorldpay,
  sign: (body, { secret }) => ({ headers: sign(body, secret), body }),
  keys: { kind: 'shared', secret: (random) => `1 ${random.text(40)}` },
  settings: () => ({ mode: 'test', currency_exponents: { JPY: 0 } }),
  forgeries: { stale: null },
};
