import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMajor } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';

/*
 * A debit collects money from a person's bank account into ours at Plaid: a payment, captured when it settled, reversed
 * when the bank returns it, weeks later even. A credit pays a person: a transfer to whom the account belongs.
 * plaid.com/docs/transfer/reconciling-transfers, plaid.com/docs/api/products/transfer/reading-transfers
 */
const EVIDENCE: ReadonlySet<string> = new Set([
  'pending',
  'posted',
  'guaranteed',
  'swept',
  'swept_settled',
  'return_swept',
  'adjustment',
]);

/** What one transfer event says; null for a type nobody knows. Refunds and sweeps are told by their own objects. */
export function transferEffects(event: Json, receivedAt: number): readonly PaymentEvent[] | null {
  const type = textAt(event, 'event_type') ?? '';
  const transfer = textAt(event, 'transfer_id');
  if (textAt(event, 'refund_id') !== undefined || type.startsWith('refund.') || type.startsWith('sweep.')) return [];
  if (EVIDENCE.has(type)) return [];
  const money = moneyOf(textAt(event, 'transfer_amount'), event);
  const at = isoTime(textAt(event, 'timestamp')) ?? receivedAt;
  const direction = textAt(event, 'transfer_type');
  if (transfer === undefined || money === undefined) return null;
  if (direction === 'debit') return debit(type, transfer, money, at);
  return direction === 'credit' ? credit(type, transfer, textAt(event, 'account_id'), money, at) : null;
}

function debit(type: string, payment: string, money: Money, at: number): readonly PaymentEvent[] | null {
  const captureKey = `${payment}:captured`;
  const { currency } = money;
  switch (type) {
    case 'settled':
    case 'funds_available':
      return [{ type: 'payment.captured', key: captureKey, at, payment, ...money }];
    case 'returned':
      return [{ type: 'payment.reversed', key: `${payment}:reversed`, at, payment, ...money, captureKey }];
    case 'failed':
      return [{ type: 'payment.failed', key: `${payment}:failed`, at, payment, currency }];
    case 'cancelled':
      return [{ type: 'payment.cancelled', key: `${payment}:cancelled`, at, payment, currency }];
    default:
      return null;
  }
}

function credit(
  type: string,
  transfer: string,
  account: string | undefined,
  money: Money,
  at: number,
): readonly PaymentEvent[] | null {
  if (account === undefined) return null;
  const created: PaymentEvent = {
    type: 'transfer.created',
    key: `${transfer}:created`,
    at,
    transfer,
    seller: account,
    ...money,
  };
  switch (type) {
    case 'settled':
    case 'funds_available':
      return [created];
    case 'returned':
      return [created, { ...created, type: 'transfer.reversed', key: `${transfer}:reversed` }];
    case 'failed':
    case 'cancelled':
      return [];
    default:
      return null;
  }
}

const REFUNDS: Readonly<Record<string, 'created' | 'succeeded' | 'failed'>> = {
  pending: 'created',
  posted: 'created',
  settled: 'succeeded',
  failed: 'failed',
  cancelled: 'failed',
  returned: 'failed',
};

/** A refund as it is now, since its events do not say whether their amount is the refund's or the transfer's. */
export function refundEffects(object: Json, events: readonly Json[], receivedAt: number): readonly PaymentEvent[] {
  const refund = textAt(object, 'id');
  const status = textAt(object, 'status') ?? '';
  const what = Object.hasOwn(REFUNDS, status) ? REFUNDS[status] : undefined;
  const money = moneyOf(textAt(object, 'amount'), object);
  if (refund === undefined || what === undefined || money === undefined) return [];
  const payment = textAt(object, 'transfer_id');
  const at = lastTime(events, 'refund_id', refund) ?? isoTime(textAt(object, 'created')) ?? receivedAt;
  return [
    {
      type: `refund.${what}`,
      key: `${refund}:${what}`,
      at,
      refund,
      ...(payment === undefined ? {} : { payment }),
      ...money,
    },
  ];
}

const SWEEPS: Readonly<Record<string, 'created' | 'failed' | 'returned'>> = {
  posted: 'created',
  settled: 'created',
  funds_available: 'created',
  failed: 'failed',
  returned: 'returned',
};

/**
 * A sweep moves money between Plaid and our own bank account: a payout, "as it appears on your sweep account ledger", so
 * below zero where it is drawn from our bank. One that nets to nothing tells no amount.
 */
export function sweepEffects(object: Json, events: readonly Json[], receivedAt: number): readonly PaymentEvent[] {
  const payout = textAt(object, 'id');
  const status = textAt(object, 'status') ?? '';
  const what = Object.hasOwn(SWEEPS, status) ? SWEEPS[status] : undefined;
  const amount = textAt(object, 'amount');
  if (payout === undefined || what === undefined || amount === undefined) return [];
  const money = exact(amount, currencyOf(object));
  const created = isoTime(textAt(object, 'created')) ?? receivedAt;
  const at = what === 'created' ? created : (lastTime(events, 'sweep_id', payout) ?? created);
  return [{ type: `payout.${what}`, key: `${payout}:${what}`, at, payout, ...money }];
}

function lastTime(events: readonly Json[], name: string, id: string): number | undefined {
  return isoTime(
    textAt(
      events.findLast((one) => textAt(one, name) === id),
      'timestamp',
    ),
  );
}

/** @throws PosternError `currency_unknown`; `amount_invalid` where it is below zero or no amount */
function moneyOf(amount: string | undefined, object: Json): Money | undefined {
  if (amount === undefined) return undefined;
  const money = exact(amount, currencyOf(object));
  if (money.amount < 0n) throw new PosternError('amount_invalid', `an amount of ${money.amount} is below zero`);
  return money;
}

/** Transfer moves US dollars only; what names a currency names that. */
function currencyOf(object: Json): string {
  return textAt(object, 'iso_currency_code') ?? 'USD';
}

function exact(amount: string, currency: string): Money {
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 16)}" has is not known`);
  return { amount: parseMajor(amount, exponent), currency };
}
