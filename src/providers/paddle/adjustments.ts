import { at, type Json, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import { type About, deferredFor, effectsOf, noEffect, references } from '../normalised.ts';
import type { Normalised } from '../provider.ts';
import { moneyOf } from './currency.ts';

/*
 * Refunds, credits and chargebacks are all adjustments of a transaction: {"action":"refund","status":"approved",…}.
 * developer.paddle.com/api-reference/adjustments
 *
 * A chargeback and its reversal are two adjustments, and only the transaction ties them together: it is what the dispute
 * is called, and each adjustment is one movement of it. Paddle tells no final loss: a chargeback that is not reversed
 * stays on the receivable until a person writes it off.
 */
export function adjustment(data: Json, id: string, occurred: number): Normalised {
  const action = textAt(data, 'action') ?? '';
  const status = textAt(data, 'status') ?? '';
  const payment = textAt(data, 'transaction_id');
  const currency = textAt(data, 'totals', 'currency_code') ?? textAt(data, 'currency_code');
  const money = moneyOf(at(data, 'totals'), 'total', currency);
  const about: About = {
    references: references(
      [action === 'refund' ? 'refund' : 'adjustment', id],
      ['payment', payment],
      ['subscription', textAt(data, 'subscription_id')],
    ),
    amount: money ?? null,
  };
  if (action === 'credit' || action === 'credit_reverse') {
    return noEffect(about, 'evidence: a credit lowers what is paid later, and moves no money itself');
  }
  if (money === undefined || payment === undefined)
    return deferredFor(about, 'object', 'the adjustment has no total or transaction');
  const created = isoTime(textAt(data, 'created_at')) ?? occurred;
  const told: Told = { data, id, payment, money, created, updated: isoTime(textAt(data, 'updated_at')) ?? created };
  switch (action) {
    case 'refund':
      return refund(told, status, about);
    case 'chargeback':
      // `reversed`: a chargeback_reverse was made besides, which is an adjustment of its own.
      return status === 'approved' || status === 'reversed'
        ? effectsOf(about, [movement('dispute.withdrawn', told), ...fees(told, 'payment')])
        : unknownStatus(about, action, status);
    case 'chargeback_reverse':
      return status === 'approved' || status === 'reversed'
        ? effectsOf(about, [movement('dispute.reinstated', told), ...fees(told, 'payment')])
        : unknownStatus(about, action, status);
    case 'chargeback_warning':
    case 'chargeback_warning_reverse':
      return deferredFor(
        about,
        'adapter',
        "whether a chargeback warning takes money, Paddle's documents do not say: compare it with the payout report",
      );
    default:
      return deferredFor(about, 'adapter', `the adapter does not know the adjustment "${action.slice(0, 40)}"`);
  }
}

type Told = {
  readonly data: Json;
  readonly id: string;
  readonly payment: string;
  readonly money: { readonly amount: bigint; readonly currency: string };
  readonly created: number;
  readonly updated: number;
};

function refund(told: Told, status: string, about: About): Normalised {
  const { id, payment, money, created, updated } = told;
  const step = (type: 'refund.created' | 'refund.succeeded' | 'refund.failed', at: number): PaymentEvent => ({
    type,
    key: `${id}:${type.slice('refund.'.length)}`,
    at,
    refund: id,
    payment,
    ...money,
  });
  switch (status) {
    case 'pending_approval':
      return effectsOf(about, [step('refund.created', created)]);
    case 'approved':
      return effectsOf(about, [step('refund.succeeded', updated), ...fees(told, 'refund')]);
    case 'rejected':
      return effectsOf(about, [step('refund.failed', updated)]);
    default:
      return unknownStatus(about, 'refund', status);
  }
}

function movement(
  type: 'dispute.withdrawn' | 'dispute.reinstated',
  { id, payment, money, created }: Told,
): PaymentEvent {
  return { type, key: `${id}:${type.slice('dispute.'.length)}`, at: created, dispute: payment, ...money };
}

/**
 * `payout_totals.fee` is the part of Paddle's fee that goes with the money: given back with a refund or chargeback, taken
 * again with a reversal (`earnings` is the subtotal less it; `retained_fee` is what Paddle keeps besides).
 */
function fees({ data, id, payment, updated }: Told, of: 'refund' | 'payment'): PaymentEvent[] {
  const totals = at(data, 'payout_totals');
  const currency = textAt(totals, 'currency_code');
  const effects: PaymentEvent[] = [];
  const fee = moneyOf(totals, 'fee', currency);
  if (fee !== undefined && fee.amount !== 0n) {
    const amount = textAt(data, 'action') === 'chargeback_reverse' ? fee.amount : -fee.amount;
    const reference = of === 'refund' ? id : payment;
    effects.push({ type: 'payment.fee_known', key: `${id}:fee`, at: updated, reference, of, ...fee, amount });
  }
  const charged = moneyOf(at(totals, 'chargeback_fee'), 'amount', currency);
  if (charged !== undefined && charged.amount !== 0n) {
    const key = `${id}:chargeback_fee`;
    effects.push({ type: 'payment.fee_known', key, at: updated, reference: payment, of: 'dispute', ...charged });
  }
  return effects;
}

function unknownStatus(about: About, action: string, status: string): Normalised {
  return deferredFor(about, 'adapter', `the adapter does not know a ${action} in status "${status.slice(0, 40)}"`);
}
