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
  const seller = textAt(resource, 'payout_item', 'receiver');
  const money = moneyAt(resource, 'payout_item', 'amount');
  if (transfer === undefined || seller === undefined || money === undefined)
    return incomplete(told, 'id, receiver or amount');
  const at = isoTime(textAt(resource, 'time_processed')) ?? told.at;
  const what = type.slice('transfer.'.length);
  const effects: PaymentEvent[] = [{ type, key: `${transfer}:${what}`, at, transfer, seller, ...money }];
  const fee = moneyAt(resource, 'payout_item_fee');
  if (type === 'transfer.created' && fee !== undefined && fee.amount !== 0n) {
    effects.push({ type: 'payment.fee_known', key: `${transfer}:fee`, at, reference: transfer, of: 'payment', ...fee });
  }
  return effectsOf({ references: [...references, { kind: 'transfer', id: transfer }], amount: money }, effects);
}
