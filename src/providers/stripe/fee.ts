import type { JsonObject } from '../../exact-json.ts';
import type { FeeKnown } from '../../payment-event.ts';
import { stripeCurrency } from './currency.ts';
import { amountOf, required, timeOf } from './fields.ts';

/**
 * The fee a balance transaction announces, in the currency it settles in. Keyed by the balance transaction: a payment
 * captured in parts has several. A fee of nothing announces nothing.
 */
export function feeOf(txn: JsonObject, reference: string, of: FeeKnown['of'], fallback: number): FeeKnown[] {
  const currency = stripeCurrency(required(txn, 'currency'));
  const amount = amountOf(txn, 'fee', currency);
  if (amount === 0n) return [];
  return [
    {
      type: 'payment.fee_known',
      key: `${required(txn, 'id')}:fee`,
      at: timeOf(txn, 'created', fallback),
      reference,
      of,
      amount,
      currency: currency.code,
    },
  ];
}
