import { at, type Json, listAt, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import { type About, deferredFor, effectsOf, noEffect, references } from '../normalised.ts';
import type { Normalised, ObjectReference } from '../provider.ts';
import { moneyOf } from './currency.ts';

const ATTEMPTS_MAX = 200;

/*
 * A transaction is told again at every step; what carries the money is each of its `payments` that was captured.
 * `transaction.paid` may come before its payment is listed: Paddle lists payments, fees and earnings while a transaction
 * goes from paid to completed (developer.paddle.com/webhooks/transactions/transaction-completed). Totals are no measure:
 * credits on an invoice lower what is paid without touching them.
 */
export function transaction(data: Json, id: string, occurred: number): Normalised {
  const status = textAt(data, 'status') ?? '';
  const currency = textAt(data, 'currency_code');
  const attempts = listAt(data, 'payments');
  const about = aboutOf(data, id);
  if (attempts.length > ATTEMPTS_MAX)
    return deferredFor(about, 'object', `the transaction lists more than ${ATTEMPTS_MAX} payment attempts`);

  const effects: PaymentEvent[] = [];
  const grand = moneyOf(at(data, 'details', 'totals'), 'grand_total', currency);
  const tax = moneyOf(at(data, 'details', 'totals'), 'grand_total_tax', currency) ?? taxWithoutCredits(data, currency);
  for (const attempt of attempts) {
    if (textAt(attempt, 'status') !== 'captured') continue;
    const attemptId = textAt(attempt, 'payment_attempt_id');
    const money = moneyOf(attempt, 'amount', currency);
    if (attemptId === undefined || money === undefined)
      return deferredFor(about, 'object', 'a captured payment of the transaction has no id or amount');
    effects.push({
      type: 'payment.captured',
      key: `${id}:captured:${attemptId}`,
      at: isoTime(textAt(attempt, 'captured_at')) ?? isoTime(textAt(attempt, 'created_at')) ?? occurred,
      payment: id,
      ...money,
      // How a partial payment divides into goods and tax, nobody says.
      ...(tax !== undefined && money.amount === grand?.amount ? { tax: tax.amount } : {}),
    });
  }
  const told: About = { ...about, amount: firstAmount(effects) ?? grand ?? null };
  if (effects.length > 0) return effectsOf(told, [...effects, ...feeOf(data, id, occurred)]);
  return withoutPayment(told, id, status, textAt(data, 'currency_code'), occurred);
}

function withoutPayment(
  told: About,
  id: string,
  status: string,
  currency: string | undefined,
  occurred: number,
): Normalised {
  const nothingDue = told.amount?.amount === 0n;
  switch (status) {
    case 'canceled':
      return currency === undefined
        ? noEffect(told, 'evidence: a cancelled transaction moved no money')
        : effectsOf(told, [{ type: 'payment.cancelled', key: `${id}:cancelled`, at: occurred, payment: id, currency }]);
    case 'paid':
      return noEffect(told, 'evidence: paid, and the payment is told when the transaction is completed');
    case 'completed':
      return nothingDue
        ? noEffect(told, 'evidence: nothing was due: a trial, or covered by credit')
        : deferredFor(told, 'object', 'the transaction is completed, and no captured payment of it is listed');
    case 'draft':
    case 'ready':
    case 'billed':
    case 'past_due':
      return noEffect(told, `evidence: a transaction in status ${status} without a captured payment moves no money`);
    default:
      return deferredFor(told, 'adapter', `the adapter does not know the transaction status "${status.slice(0, 40)}"`);
  }
}

/** Events before grand_total_tax was added: without credits it is the tax. */
function taxWithoutCredits(data: Json, currency: string | undefined): ReturnType<typeof moneyOf> {
  const totals = at(data, 'details', 'totals');
  return textAt(totals, 'total') === textAt(totals, 'grand_total') ? moneyOf(totals, 'tax', currency) : undefined;
}

/** Known when completed, in the currency of the balance; `totals.fee` says the same in the payer's. */
function feeOf(data: Json, id: string, occurred: number): PaymentEvent[] {
  const totals = at(data, 'details', 'payout_totals');
  const fee = moneyOf(totals, 'fee', textAt(totals, 'currency_code'));
  if (fee === undefined || fee.amount === 0n) return [];
  const time = isoTime(textAt(data, 'billed_at')) ?? occurred;
  return [{ type: 'payment.fee_known', key: `${id}:fee`, at: time, reference: id, of: 'payment', ...fee }];
}

function firstAmount(effects: readonly PaymentEvent[]): About['amount'] | undefined {
  const [first] = effects;
  return first !== undefined && 'amount' in first ? { amount: first.amount, currency: first.currency } : undefined;
}

function aboutOf(data: Json, id: string): About {
  const about: ObjectReference[] = references(
    ['payment', id],
    ['invoice', textAt(data, 'invoice_id')],
    ['subscription', textAt(data, 'subscription_id')],
    ['customer', textAt(data, 'customer_id')],
  );
  return { references: about, amount: null };
}
