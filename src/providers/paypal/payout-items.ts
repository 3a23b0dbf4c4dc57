import { createHash } from 'node:crypto';
import { textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import { effectsOf } from '../normalised.ts';
import type { Normalised } from '../provider.ts';
import { incomplete, type Told } from './payments.ts';
import { moneyAt } from './resource.ts';

/** A payout item pays a seller: a transfer, named by its transaction as the report names it. */
export function payoutItem(told: Told, type: 'transfer.created' | 'transfer.reversed'): Normalised {
  const { resource, references } = told;
  const item = textAt(resource, 'payout_item_id');
  const transfer = textAt(resource, 'transaction_id') ?? item;
  const receiver = textAt(resource, 'payout_item', 'receiver');
  const money = moneyAt(resource, 'payout_item', 'amount');
  if (transfer === undefined || receiver === undefined || money === undefined)
    return incomplete(told, 'id, receiver or amount');
  const seller = sellerOf(receiver, textAt(resource, 'payout_item', 'recipient_type'), told.account);
  const at = isoTime(textAt(resource, 'time_processed')) ?? told.at;
  const what = type.slice('transfer.'.length);
  const effects: PaymentEvent[] = [{ type, key: `${transfer}:${what}`, at, transfer, seller, ...money }];
  const fee = moneyAt(resource, 'payout_item_fee');
  if (type === 'transfer.created' && fee !== undefined && fee.amount !== 0n) {
    effects.push({ type: 'payment.fee_known', key: `${transfer}:fee`, at, reference: transfer, of: 'payment', ...fee });
  }
  return effectsOf({ references: [...references, { kind: 'transfer', id: transfer }], amount: money }, effects);
}

/** PayPal's own ids of accounts: no I, O, 0 or 1 in them. */
const PAYPAL_ID = /^[2-9A-HJ-NP-Z]{13}$/;

/**
 * Who is paid, under a name that stays the same and is nobody's address: receivers are email addresses and telephone
 * numbers, and account paths are kept for ever and shown to everybody who reads the books. PayPal's own id stays as it is.
 * developer.paypal.com/docs/api/payments.payouts-batch/v1: recipient_type
 */
function sellerOf(receiver: string, type: string | undefined, account: string): string {
  if (type === 'PAYPAL_ID' || (type === undefined && PAYPAL_ID.test(receiver))) return receiver;
  const plain = type === 'PHONE' ? receiver.replaceAll(/\D/g, '') : receiver.trim().toLowerCase();
  return `receiver_${createHash('sha256').update(`${account}\n${plain}`).digest('hex').slice(0, 32)}`;
}
