import { type JsonObject, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { deferredFor, effectsOf, noEffect, references } from '../normalised.ts';
import type { Normalised } from '../provider.ts';
import { exactFeeOf, moneyOf, payeeOf, timeOf } from './amount.ts';

/** GET /v3/transactions/{id}/verify: what the customer was charged is what the settlement begins with, less app_fee. */
export function chargeMeaning(charge: JsonObject, receivedAt: number): Normalised {
  const id = textAt(charge, 'id') ?? '';
  const currency = textAt(charge, 'currency') ?? '';
  const money = moneyOf(textAt(charge, 'charged_amount') ?? textAt(charge, 'amount'), currency);
  const about = {
    references: references(['payment', id], ['order', textAt(charge, 'tx_ref')]),
    amount: money ?? null,
  };
  const status = (textAt(charge, 'status') ?? '').toLowerCase();
  if (money === undefined) return deferredFor(about, 'object', 'the transaction has no amount');
  const at = timeOf(textAt(charge, 'created_at')) ?? receivedAt;
  switch (status) {
    case 'successful': {
      const captured: PaymentEvent = { type: 'payment.captured', key: `${id}:captured`, at, payment: id, ...money };
      const fee = exactFeeOf(textAt(charge, 'app_fee'), currency);
      if (fee === undefined || fee.amount === 0n) return effectsOf(about, [captured]);
      const told = { type: 'payment.fee_known', key: `${id}:fee`, at, reference: id, of: 'payment', ...fee } as const;
      return effectsOf(about, [captured, told]);
    }
    case 'failed':
      return effectsOf(about, [{ type: 'payment.failed', key: `${id}:failed`, at, payment: id, currency }]);
    case 'pending':
      return deferredFor(about, 'object', 'Flutterwave still calls the transaction pending, though it told its end');
    default:
      return deferredFor(about, 'adapter', `the adapter does not know the status "${status.slice(0, 40)}"`);
  }
}

/** GET /v3/transfers/{id}. Transfers and transactions are numbered apart: both may have the number 7. */
export function transferMeaning(transfer: JsonObject, receivedAt: number): Normalised {
  const id = `transfer-${textAt(transfer, 'id') ?? ''}`;
  const currency = textAt(transfer, 'debit_currency') ?? textAt(transfer, 'currency') ?? '';
  const money = moneyOf(textAt(transfer, 'amount'), currency);
  const about = { references: references(['transfer', id]), amount: money ?? null };
  const seller = payeeOf(transfer);
  const status = (textAt(transfer, 'status') ?? '').toUpperCase();
  if (money === undefined || seller === undefined) {
    return deferredFor(about, 'object', 'the transfer has no amount or no account it went to');
  }
  if (currency !== textAt(transfer, 'currency')) {
    return deferredFor(about, 'adapter', 'the transfer was paid in another currency than it was debited in');
  }
  switch (status) {
    case 'SUCCESSFUL': {
      const at = timeOf(textAt(transfer, 'created_at')) ?? receivedAt;
      return effectsOf(about, [{ type: 'transfer.created', key: `${id}:created`, at, transfer: id, seller, ...money }]);
    }
    case 'FAILED':
      return noEffect(about, 'evidence: the transfer failed, and moved no money');
    case 'NEW':
    case 'PENDING':
      return deferredFor(about, 'object', 'Flutterwave still calls the transfer pending, though it told its end');
    default:
      return deferredFor(about, 'adapter', `the adapter does not know the status "${status.slice(0, 40)}"`);
  }
}
