import type { PaymentEvent } from '../../payment-event.ts';
import { amountAt } from './entity.ts';
import type { Meaning, Told } from './events.ts';

/**
 * `amount_deducted` is what was taken from the balance: 0 until a dispute is lost, unless Razorpay deducts at once. Each
 * phase (chargeback, pre-arbitration, arbitration) that the bank raises is a dispute with an id of its own.
 * razorpay.com/docs/api/disputes/entity
 */
export function disputeEffects({ entity, id, currency, status, created, happened }: Told): Meaning {
  const amount = amountAt(entity, 'amount_deducted') ?? 0n;
  const about = { dispute: id, amount, currency } as const;
  const withdrawn: PaymentEvent = { type: 'dispute.withdrawn', key: `${id}:withdrawn`, at: created, ...about };
  switch (status) {
    case 'open':
    case 'under_review':
    case 'action_required':
    case 'closed':
      return amount === 0n ? `the dispute is ${status}: it has moved no money` : [withdrawn];
    case 'won':
      if (amount === 0n) return 'the dispute was won, and nothing had been deducted';
      return [withdrawn, { type: 'dispute.reinstated', key: `${id}:reinstated`, at: happened, ...about }];
    case 'lost':
    case 'accepted':
      if (amount === 0n) return 'the dispute was lost, and nothing was deducted';
      return [withdrawn, { type: 'dispute.lost', key: `${id}:lost`, at: happened, ...about }];
    default:
      return null;
  }
}
