import { type Json, listAt, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { positiveMoneyOf } from './money.ts';
import { timeOf } from './times.ts';

/*
 * A sale is captured once it was submitted for settlement: from then on Braintree collects it without being asked again
 * (developer.paypal.com/braintree/docs/reference/general/statuses). What undoes it before the money came is a void or a
 * declined settlement. An authorisation alone is never told, so none is posted.
 */
const SUBMITTED = [
  'submitted_for_settlement',
  'settling',
  'settlement_pending',
  'settlement_confirmed',
  'settled',
] as const;
const ENDED = [
  'settlement_declined',
  'voided',
  'failed',
  'processor_declined',
  'gateway_rejected',
  'authorization_expired',
] as const;
const BEFORE = ['authorizing', 'authorized'] as const;

export type Told = {
  /** The notification's own time, unix ms: used where the transaction tells none. */
  readonly at: number;
  /** `transaction_disbursed`: it is settled and paid out, whatever status the snapshot shows. */
  readonly disbursed: boolean;
  /** `refund_failed` tells a refund, though its snapshot may lack the type. */
  readonly refund: boolean;
};

export type TransactionMeaning =
  | { readonly kind: 'effects'; readonly effects: readonly PaymentEvent[]; readonly amount: Money | null }
  /** No id, amount or currency: the transaction itself must be asked for. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'unknown'; readonly status: string };

/** @throws PosternError `amount_invalid`, `currency_unknown` */
export function transactionMeaning(transaction: Json | undefined, told: Told): TransactionMeaning {
  const id = textAt(transaction, 'id');
  if (id === undefined) return { kind: 'incomplete' };
  const status = told.disbursed ? 'settled' : textAt(transaction, 'status');
  if (status === undefined) return { kind: 'incomplete' };
  if (isOne(status, BEFORE)) return { kind: 'effects', effects: [], amount: null };
  if (!isOne(status, SUBMITTED) && !isOne(status, ENDED)) return { kind: 'unknown', status };
  const money = positiveMoneyOf(transaction, 'amount');
  if (isRefund(transaction, told)) {
    if (money === undefined) return { kind: 'incomplete' };
    return { kind: 'effects', effects: [refund(transaction, id, status, money, told)], amount: money };
  }
  if (isOne(status, ENDED) && !wasSubmitted(transaction, status)) return ended(transaction, id, status, money, told);
  if (money === undefined) return { kind: 'incomplete' };
  return { kind: 'effects', effects: [sale(transaction, id, status, money, told)], amount: money };
}

export function isRefund(transaction: Json | undefined, told: Pick<Told, 'refund'>): boolean {
  return told.refund || textAt(transaction, 'type') === 'credit' || refundedPayment(transaction) !== undefined;
}

export function refundedPayment(transaction: Json | undefined): string | undefined {
  return textAt(transaction, 'refunded-transaction-id');
}

function sale(transaction: Json | undefined, id: string, status: string, money: Money, told: Told): PaymentEvent {
  if (isOne(status, SUBMITTED)) {
    return {
      type: 'payment.captured',
      key: `${id}:captured`,
      at: since(transaction, SUBMITTED, told),
      payment: id,
      ...money,
    };
  }
  return {
    type: 'payment.reversed',
    key: `${id}:reversed`,
    at: since(transaction, ENDED, told),
    payment: id,
    ...money,
    captureKey: `${id}:captured`,
  };
}

/** Declined, failed or voided before it was submitted: no money was ever on its way. */
function ended(
  transaction: Json | undefined,
  payment: string,
  status: string,
  money: Money | undefined,
  told: Told,
): TransactionMeaning {
  if (money === undefined) return { kind: 'effects', effects: [], amount: null };
  const what = status === 'voided' || status === 'authorization_expired' ? 'cancelled' : 'failed';
  const { currency } = money;
  const at = since(transaction, ENDED, told);
  return {
    kind: 'effects',
    effects: [{ type: `payment.${what}`, key: `${payment}:${what}`, at, payment, currency }],
    amount: money,
  };
}

function refund(transaction: Json | undefined, id: string, status: string, money: Money, told: Told): PaymentEvent {
  const what = isOne(status, ENDED) ? 'failed' : status === 'settled' ? 'succeeded' : 'created';
  const payment = refundedPayment(transaction);
  return {
    type: `refund.${what}`,
    key: `${id}:${what}`,
    at: since(transaction, what === 'failed' ? ENDED : SUBMITTED, told),
    refund: id,
    ...(payment === undefined ? {} : { payment }),
    ...money,
  };
}

/** A declined settlement is one of something submitted; a void or a failure is, where the history says so. */
function wasSubmitted(transaction: Json | undefined, status: string): boolean {
  return status === 'settlement_declined' || historyOf(transaction).some((one) => isOne(one.status, SUBMITTED));
}

/** When the transaction first came into one of `statuses`. */
function since(transaction: Json | undefined, statuses: readonly string[], told: Told): number {
  const entered = historyOf(transaction).find((one) => isOne(one.status, statuses) && one.at !== undefined);
  return (
    entered?.at ?? timeOf(textAt(transaction, 'updated-at')) ?? timeOf(textAt(transaction, 'created-at')) ?? told.at
  );
}

const HISTORY_MAX = 200;

function historyOf(transaction: Json | undefined): { status: string; at: number | undefined }[] {
  return listAt(transaction, 'status-history')
    .slice(0, HISTORY_MAX)
    .map((one) => ({ status: textAt(one, 'status') ?? '', at: timeOf(textAt(one, 'timestamp')) }));
}

function isOne(status: string, statuses: readonly string[]): boolean {
  return statuses.includes(status);
}
