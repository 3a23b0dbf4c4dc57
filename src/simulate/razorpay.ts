import { sign } from '../providers/razorpay/sign.ts';
import { currencies, type Life, moment, stableText } from './life.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { inSteps, unixSeconds, wireNumber } from './told-event.ts';

/** A life as Razorpay tells it: entities as they are by then (razorpay.com/docs/webhooks/payments). */
const tellRazorpay = inSteps((life, tell, account) => {
  const event = (type: string, entities: Entities): void => tell(({ at }) => notification(account, type, entities, at));

  event('payment.authorized', { payment: payment(life, 'authorized') });
  event('payment.captured', { payment: payment(life, 'captured') });
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    const told = (status: string): { refund: object; payment: object } => ({
      refund: {
        id: id(life, 'rfnd', `refund${index}`),
        entity: 'refund',
        amount: wireNumber(amount),
        currency: life.currency,
        payment_id: id(life, 'pay', 'payment'),
        status,
        speed_processed: 'normal',
        created_at: unixSeconds(moment(life, 20 + index)),
      },
      payment: payment(life, 'captured'),
    });
    event('refund.created', told('pending'));
    if (outcome !== 'failed') event('refund.processed', told('processed'));
    if (outcome !== 'succeeded') event('refund.failed', told('failed'));
  }
  tellDispute(life, event);
  tellSettlement(life, event);
});

/** A life that is nothing but its payout. */
export const tellRazorpaySettlement = inSteps((life, tell, account) => {
  tellSettlement(life, (type, entities) => tell(({ at }) => notification(account, type, entities, at)));
});

type Entities = Readonly<Record<string, object>>;

function notification(account: string, type: string, entities: Entities, at: number): object {
  return {
    entity: 'event',
    account_id: account,
    event: type,
    contains: Object.keys(entities),
    payload: Object.fromEntries(Object.entries(entities).map(([name, entity]) => [name, { entity }])),
    created_at: unixSeconds(at),
  };
}

function tellSettlement(life: Life, event: (type: string, entities: Entities) => void): void {
  if (life.payout === null) return;
  event('settlement.processed', {
    settlement: {
      id: id(life, 'setl', 'payout'),
      entity: 'settlement',
      amount: wireNumber(life.payout.amount),
      status: 'processed',
      fees: 0,
      tax: 0,
      utr: utr(life),
      created_at: unixSeconds(moment(life, 50)),
    },
  });
}

function tellDispute(life: Life, event: (type: string, entities: Entities) => void): void {
  if (life.dispute === null) return;
  const { amount, outcome } = life.dispute;
  const told = (status: string): { payment: object; dispute: object } => ({
    payment: payment(life, 'captured'),
    dispute: {
      id: id(life, 'disp', 'dispute'),
      entity: 'dispute',
      payment_id: id(life, 'pay', 'payment'),
      amount: wireNumber(amount),
      currency: life.currency,
      // Deducted when the dispute is raised, and given back when it is won.
      amount_deducted: wireNumber(amount),
      reason_code: 'chargeback_authorization',
      phase: 'chargeback',
      status,
      respond_by: unixSeconds(moment(life, 5_000)),
      created_at: unixSeconds(moment(life, 39)),
    },
  });
  event('payment.dispute.created', told('open'));
  event('payment.dispute.under_review', told('under_review'));
  if (outcome !== 'open') event(`payment.dispute.${outcome}`, told(outcome));
}

function payment(life: Life, status: 'authorized' | 'captured'): object {
  const told = status === 'captured' && life.fee.told !== 'never';
  // GST of 18 %, which the fee contains.
  const tax = (life.fee.amount * 18n) / 100n;
  return {
    id: id(life, 'pay', 'payment'),
    entity: 'payment',
    amount: wireNumber(life.amount),
    currency: life.currency,
    status,
    order_id: id(life, 'order', 'order'),
    invoice_id: null,
    international: false,
    method: 'card',
    amount_refunded: 0,
    refund_status: null,
    captured: status === 'captured',
    notes: { order: `order-${life.number}` },
    fee: told ? wireNumber(life.fee.amount + tax) : null,
    tax: told ? wireNumber(tax) : null,
    created_at: unixSeconds(life.startedAt),
  };
}

/** `pay`/`payment`, `rfnd`/`refund0`, `disp`/`dispute`, `setl`/`payout`, `order`/`order`. */
export const razorpayId = id;
export const utr = (life: Life): string => stableText(life, 'utr', 16);

function id(life: Life, prefix: string, label: string): string {
  return `${prefix}_${stableText(life, label, 14)}`;
}

export const razorpay: Simulator = {
  provider: 'razorpay',
  currencies: currencies('INR'),
  abilities: {
    captures: 'whole',
    captureFailure: 'none',
    fees: true,
    refunds: 'many',
    refundFailure: 'later',
    disputes: 'outcome',
    payouts: 'sent',
  },
  tell: tellRazorpay,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => random.text(24) },
  settings: () => ({ mode: 'test', settlement_currency: 'INR' }),
  forgeries: { stale: null },
};
