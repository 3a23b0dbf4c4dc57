import { sign, signItems } from '../providers/adyen/sign.ts';
import { CURRENCIES, type Life, moment, stableText } from './life.ts';
import { DIGITS, HEX, UPPER } from './random.ts';
import type { Sign, Simulator } from './simulator.ts';
import { type Teller, type ToldEvent, wireNumber } from './told-event.ts';

/**
 * A life as Adyen's standard notifications tell it, one item an event (docs.adyen.com/development-resources/webhooks).
 * Items are signed later, each on its own. Adyen tells no fees and no payouts by webhook: those are report lines.
 */
const tellAdyen: Teller = (life, account) => {
  const events: ToldEvent[] = [];
  const tell = (item: Item): void => {
    const at = moment(life, events.length + 1);
    events.push({ at, destination: 'main', content: JSON.stringify(notification(life, account, at, item)) });
  };

  tell({
    eventCode: 'AUTHORISATION',
    psp: 'payment',
    amount: life.amount,
    operations: ['CANCEL', 'CAPTURE', 'REFUND'],
  });
  tellCaptures(life, tell);
  tellRefunds(life, tell);
  tellDispute(life, tell);
  return events;
};

type Item = {
  readonly eventCode: string;
  /** Which of the life's PSP references the item has, by name. */
  readonly psp: string;
  /** Modifications name the payment as their original. */
  readonly modification?: boolean;
  readonly amount: bigint;
  readonly success?: boolean;
  readonly operations?: readonly string[];
  readonly reason?: string;
  readonly additional?: Readonly<Record<string, string>>;
};

type Tell = (item: Item) => void;

function tellCaptures(life: Life, tell: Tell): void {
  const captures = life.captures ?? [];
  for (const [index, amount] of captures.entries()) {
    tell({ eventCode: 'CAPTURE', psp: `capture${index}`, modification: true, amount });
    if (life.captureFails && index === captures.length - 1) {
      tell({
        eventCode: 'CAPTURE_FAILED',
        psp: `capture${index}`,
        modification: true,
        amount,
        reason: 'Capture refused by the issuer',
      });
    }
  }
}

function tellRefunds(life: Life, tell: Tell): void {
  for (const [index, refund] of life.refunds.entries()) {
    const named = { psp: `refund${index}`, modification: true, amount: refund.amount };
    if (refund.outcome === 'failed') {
      tell({ eventCode: 'REFUND', ...named, success: false, reason: 'Insufficient balance on payment' });
      continue;
    }
    tell({ eventCode: 'REFUND', ...named });
    if (refund.outcome === 'failed_later')
      tell({ eventCode: 'REFUND_FAILED', ...named, reason: 'Refused by the issuer' });
  }
}

function tellDispute(life: Life, tell: Tell): void {
  const { dispute } = life;
  if (dispute === null) return;
  const named = { psp: 'dispute', modification: true, amount: dispute.amount };
  tell({ eventCode: 'NOTIFICATION_OF_CHARGEBACK', ...named, additional: { disputeStatus: 'Undefended' } });
  const codes = ['CHARGEBACK', 'CHARGEBACK_REVERSED', 'SECOND_CHARGEBACK'] as const;
  for (const eventCode of codes.slice(0, dispute.movements.length)) {
    tell({
      eventCode,
      ...named,
      reason: 'Fraudulent processing of transaction',
      additional: {
        chargebackReasonCode: '10.4',
        chargebackSchemeCode: 'visa',
        disputeStatus: eventCode === 'CHARGEBACK_REVERSED' ? 'Won' : 'Lost',
      },
    });
  }
}

/** `payment`, `capture0`, `refund1`, `dispute`: what the life's PSP references are called. */
export function pspReference(life: Life, name: string): string {
  return `${stableText(life, name, 12, UPPER)}${stableText(life, `${name}#`, 4, DIGITS)}`;
}

function notification(life: Life, account: string, at: number, item: Item): object {
  const reference = (name: string): string => pspReference(life, name);
  return {
    additionalData: {
      expiryDate: '11/2031',
      cardSummary: stableText(life, 'card', 4, DIGITS),
      issuerCountry: 'NL',
      authCode: stableText(life, 'auth', 6, DIGITS),
      ...item.additional,
    },
    amount: { currency: life.currency, value: wireNumber(item.amount) },
    eventCode: item.eventCode,
    eventDate: withOffset(at),
    merchantAccountCode: account,
    merchantReference: `order-${life.number}`,
    ...(item.operations === undefined ? {} : { operations: item.operations }),
    ...(item.modification === true ? { originalReference: reference('payment') } : {}),
    paymentMethod: 'visa',
    pspReference: reference(item.psp),
    reason: item.reason ?? '',
    success: item.success === false ? 'false' : 'true',
  };
}

/** Adyen writes its dates with the offset of Amsterdam and no fraction: `2026-01-05T10:00:00+01:00`. */
function withOffset(ms: number): string {
  return `${new Date(ms + 3_600_000).toISOString().slice(0, 19)}+01:00`;
}

const signBody: Sign = (body, { url, secret, settings }, now) => {
  const signed = signItems(body, secret);
  return { headers: sign({ body: signed, url }, secret, now, settings), body: signed };
};

export const adyen: Simulator = {
  provider: 'adyen',
  currencies: CURRENCIES,
  abilities: {
    captures: 'parts',
    captureFailure: 'apart',
    fees: false,
    refunds: 'many',
    refundFailure: 'later',
    disputes: 'cycles',
    payouts: 'none',
  },
  tell: tellAdyen,
  batch: {
    eventsMax: 3,
    envelope: (items) =>
      `{"live":"false","notificationItems":[${items.map((item) => `{"NotificationRequestItem":${item}}`).join(',')}]}`,
  },
  sign: signBody,
  keys: { kind: 'shared', secret: (random) => random.text(64, HEX) },
  settings: () => ({ mode: 'test' }),
  forgeries: {
    unsigned(body, target, now) {
      const signed = signBody(body, target, now);
      const text = signed.body.toString('utf8').replaceAll(/,"hmacSignature":"[^"]*"/g, '');
      return { ...signed, body: Buffer.from(text) };
    },
    stale: null,
  },
};
