import { sign } from '../providers/paddle/sign.ts';
import { currencies, type Life, moment, stableText } from './life.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { inSteps, isoTime, type Step } from './told-event.ts';

const LOWER = '0123456789abcdefghijklmnopqrstuvwxyz';

/**
 * A life as Paddle tells it: a transaction from ready to completed, its adjustments, and payouts
 * (developer.paddle.com/webhooks/overview).
 */
const tellPaddle = inSteps((life, tell) => {
  const event = (type: string, data: (step: Step) => object): void =>
    tell((step) => ({
      event_id: id(life, 'evt', `event${step.n}`),
      event_type: type,
      occurred_at: isoTime(step.at),
      notification_id: id(life, 'ntf', `notification${step.n}`),
      data: data(step),
    }));

  event('transaction.created', (step) => transaction(life, 'ready', step));
  event('transaction.paid', (step) => transaction(life, 'paid', step));
  event('transaction.completed', (step) => transaction(life, 'completed', step));
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    const refund = { name: `refund${index}`, action: 'refund', amount };
    event('adjustment.created', (step) => adjustment(life, { ...refund, status: 'pending_approval' }, step));
    const status = outcome === 'succeeded' ? 'approved' : 'rejected';
    event('adjustment.updated', (step) => adjustment(life, { ...refund, status }, step));
  }
  for (const [index, movement] of (life.dispute?.movements ?? []).entries()) {
    const action = movement === 'withdrawn' ? 'chargeback' : 'chargeback_reverse';
    const amount = life.dispute?.amount ?? 0n;
    event('adjustment.created', (step) =>
      adjustment(life, { name: `dispute${index}`, action, amount, status: 'approved' }, step),
    );
  }
  if (life.payout === null) return;
  const payout = { id: id(life, 'pay', 'payout'), amount: `${life.payout.amount}`, currency_code: life.currency };
  event('payout.created', () => ({ ...payout, status: 'unpaid' }));
  event('payout.paid', () => ({ ...payout, status: 'paid' }));
});

function transaction(life: Life, status: 'ready' | 'paid' | 'completed', { at }: Step): object {
  const whole = `${life.amount}`;
  const fee = life.fee.told === 'never' ? null : `${life.fee.amount}`;
  const totals = { subtotal: whole, discount: '0', tax: '0', total: whole, credit: '0', balance: '0' };
  return {
    id: id(life, 'txn', 'transaction'),
    status,
    customer_id: id(life, 'ctm', 'customer'),
    currency_code: life.currency,
    origin: 'web',
    collection_mode: 'automatic',
    custom_data: { order: `order-${life.number}` },
    created_at: isoTime(life.startedAt),
    updated_at: isoTime(at),
    billed_at: status === 'ready' ? null : isoTime(moment(life, 2)),
    details: {
      totals: { ...totals, grand_total: whole, grand_total_tax: '0', fee: status === 'completed' ? fee : null },
      payout_totals: status === 'completed' && fee !== null ? { ...totals, fee, currency_code: life.currency } : null,
    },
    payments: status === 'completed' ? [payment(life)] : [],
  };
}

function payment(life: Life): object {
  return {
    payment_attempt_id: id(life, 'att', 'attempt'),
    stored_payment_method_id: id(life, 'paymtd', 'method'),
    amount: `${life.amount}`,
    status: 'captured',
    error_code: null,
    created_at: isoTime(life.startedAt),
    captured_at: isoTime(moment(life, 2)),
  };
}

type Adjustment = { readonly name: string; readonly action: string; readonly amount: bigint; readonly status: string };

function adjustment(life: Life, { name, action, amount, status }: Adjustment, { at }: Step): object {
  return {
    id: id(life, 'adj', name),
    action,
    status,
    transaction_id: id(life, 'txn', 'transaction'),
    customer_id: id(life, 'ctm', 'customer'),
    reason: 'requested by the customer',
    currency_code: life.currency,
    totals: { subtotal: `${amount}`, tax: '0', total: `${amount}`, fee: '0', currency_code: life.currency },
    created_at: isoTime(moment(life, 4)),
    updated_at: isoTime(at),
  };
}

/** Paddle's ids are ULIDs behind a prefix: `txn_01hv8x29kz0t586xy6zn1a62ny`. */
function id(life: Life, prefix: string, label: string): string {
  return `${prefix}_01${stableText(life, label, 24, LOWER)}`;
}

export const paddle: Simulator = {
  provider: 'paddle',
  currencies: currencies('EUR', 'USD', 'GBP', 'JPY'),
  abilities: {
    captures: 'at_once',
    captureFailure: 'none',
    fees: true,
    refunds: 'many',
    refundFailure: 'at_once',
    disputes: 'cycles',
    payouts: 'sent',
  },
  tell: tellPaddle,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => `pdl_ntfset_${random.text(26, LOWER)}_${random.text(32)}` },
  settings: () => ({ mode: 'test' }),
};
