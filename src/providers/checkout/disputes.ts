import { textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import type { Told } from './told.ts';

/**
 * With `dispute_evidence_required` the disputed amount has been taken from the account; every later state says so too,
 * whichever is seen first. `dispute_received` comes before, also for disputes that need nothing because the payment was
 * refunded (`dispute_resolved`); those that Visa's rapid resolution settled were settled with our money.
 * checkout.com/docs/business-operations/manage-disputes/how-disputes-work
 *
 * The reference is the payment, because the dispute's own id is in no settlement report; keys go by the dispute.
 */
export function disputeEffects({ type, data, at, money }: Told): readonly PaymentEvent[] | undefined {
  const id = textAt(data, 'id') ?? '';
  const dispute = textAt(data, 'payment_id') ?? id;
  const withdrawn: PaymentEvent = { type: 'dispute.withdrawn', key: `${id}:withdrawn`, at, dispute, ...money };
  const lost: PaymentEvent = { type: 'dispute.lost', key: `${id}:lost`, at, dispute, ...money };
  const reinstated: PaymentEvent = { type: 'dispute.reinstated', key: `${id}:reinstated`, at, dispute, ...money };
  switch (type) {
    case 'dispute_received':
      return [];
    case 'dispute_evidence_required':
    case 'dispute_evidence_submitted':
    case 'dispute_evidence_sent_to_scheme':
    case 'dispute_evidence_acknowledged_by_scheme':
    case 'dispute_arbitration_evidence_submitted':
    case 'dispute_arbitration_sent_to_scheme':
      return [withdrawn];
    case 'dispute_won':
    case 'dispute_canceled':
    case 'dispute_arbitration_won':
      return [withdrawn, reinstated];
    case 'dispute_lost':
    case 'dispute_expired':
    case 'dispute_accepted':
    case 'dispute_arbitration_lost':
      return [withdrawn, lost];
    case 'dispute_resolved':
      return textAt(data, 'resolved_reason') === 'rapid_dispute_resolution' ? [withdrawn, lost] : [];
    default:
      return undefined;
  }
}
