import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import {
  type About,
  deferredFor,
  effectsOf,
  fetchFirst,
  noEffect,
  parkingUnknownCurrency,
  references,
  unknownType,
} from '../normalised.ts';
import type { Normalised, ObjectReference, ReceivedEvent } from '../provider.ts';
import { type Ipn, readEnvelope, readIpn } from './envelope.ts';
import { moneyAt, timeAt } from './money.ts';

/*
 * A notification names its object and no more: "You must make a GET API call for the transaction specified in the
 * message" (developer.amazon.com, "Set up Instant Payment Notifications"). What is posted comes from the object as it is
 * then; that two notifications find the same state is what effect keys are for.
 */
type Found = { readonly object: Json; readonly id: string; readonly state: string; readonly created: number };
type Meaning = { readonly money: string; of(found: Found & { readonly money: Money }): readonly PaymentEvent[] | null };

/** Kind of reference, which is also what `api.fetchObject` is asked for; and the member that holds the object's id. */
const OBJECTS: Readonly<Record<string, { readonly kind: string; readonly id: string; readonly meaning: Meaning }>> = {
  CHARGE: { kind: 'payment', id: 'chargeId', meaning: { money: 'chargeAmount', of: charge } },
  REFUND: { kind: 'refund', id: 'refundId', meaning: { money: 'refundAmount', of: refund } },
  CHARGEBACK: { kind: 'dispute', id: 'disputeId', meaning: { money: 'disputeAmount', of: dispute } },
};

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent): Normalised {
  const envelope = readEnvelope(event.body);
  const nothing: About = { references: [], amount: null };
  if (envelope.type !== 'Notification') {
    return noEffect(nothing, 'the subscription at Amazon SNS has changed: without one, no notifications come');
  }
  const ipn = readIpn(envelope);
  if (ipn === null) return unknownType(nothing, event.type);
  const known = Object.hasOwn(OBJECTS, ipn.objectType) ? OBJECTS[ipn.objectType] : undefined;
  const about: About = { references: referencesOf(ipn, known?.kind), amount: null };
  if (ipn.objectType === 'CHARGE_PERMISSION')
    return noEffect(about, "evidence: the buyer's consent moves no money, its charges do");
  if (known === undefined) return unknownType(about, ipn.objectType);
  if (event.fetched === null)
    return fetchFirst(about, { kind: known.kind, id: ipn.objectId }, 'Amazon Pay only names the object');
  const fetched = event.fetched;
  return parkingUnknownCurrency(about.references, () => {
    const object = parseExactJson(fetched);
    const id = textAt(object, known.id);
    const state = textAt(object, 'statusDetails', 'state');
    const money = moneyAt(object, known.meaning.money);
    if (id !== ipn.objectId || state === undefined || money === undefined)
      return deferredFor(about, 'object', `Amazon Pay's answer is not about ${ipn.objectId.slice(0, 40)}`);
    const created = timeAt(object, 'creationTimestamp') ?? event.receivedAt;
    const told: About = {
      references: [...about.references, ...references(['payment', chargeIdOf(object, known.kind)])],
      amount: money,
    };
    const effects = known.meaning.of({ object, id, state, created, money });
    if (effects === null)
      return deferredFor(told, 'adapter', `the adapter does not know the ${known.kind} state "${state.slice(0, 40)}"`);
    return effects.length === 0
      ? noEffect(told, `evidence: a ${known.kind} in state ${state} moves no money`)
      : effectsOf(told, effects);
  });
}

function referencesOf(ipn: Ipn, kind: string | undefined): ObjectReference[] {
  return references(
    [kind ?? ipn.objectType.toLowerCase().slice(0, 40), ipn.objectId],
    ['order', ipn.chargePermissionId === ipn.objectId ? undefined : ipn.chargePermissionId],
  );
}

function chargeIdOf(object: Json, kind: string): string | undefined {
  return kind === 'payment' ? undefined : textAt(object, 'chargeId');
}

/** When the object came into the state it is in. */
function changed({ object, created }: Found): number {
  return timeAt(object, 'statusDetails', 'lastUpdatedTimestamp') ?? created;
}

/** developer.amazon.com/docs/amazon-pay-api-v2/charge.html, "States and reason codes" */
function charge(found: Found & { money: Money }): readonly PaymentEvent[] | null {
  const { object, id, state, created, money } = found;
  const { currency } = money;
  switch (state) {
    case 'Captured': {
      // A charge is captured once, in part or whole; without captureAmount it was whole.
      const captured = moneyAt(object, 'captureAmount') ?? money;
      return [
        {
          type: 'payment.captured',
          key: `${id}:captured`,
          at: changed(found),
          payment: id,
          ...captured,
          authorisation: { amount: captured.amount, final: true },
        },
      ];
    }
    case 'Authorized':
      return [{ type: 'payment.authorised', key: `${id}:authorised`, at: created, payment: id, ...money }];
    case 'AuthorizationInitiated':
    case 'CaptureInitiated':
      return [];
    case 'Canceled':
      return [{ type: 'payment.cancelled', key: `${id}:cancelled`, at: changed(found), payment: id, currency }];
    case 'Declined':
      return [{ type: 'payment.failed', key: `${id}:failed`, at: changed(found), payment: id, currency }];
    default:
      return null;
  }
}

const REFUNDS = {
  RefundInitiated: 'refund.created',
  Refunded: 'refund.succeeded',
  Declined: 'refund.failed',
} as const;

function refund(found: Found & { money: Money }): readonly PaymentEvent[] | null {
  const { object, id, state, created, money } = found;
  const type = Object.entries(REFUNDS).find(([name]) => name === state)?.[1];
  if (type === undefined) return null;
  const payment = textAt(object, 'chargeId');
  const at = type === 'refund.created' ? created : changed(found);
  const key = `${id}:${type.slice('refund.'.length)}`;
  return [{ type, key, at, refund: id, ...(payment === undefined ? {} : { payment }), ...money }];
}

/**
 * No state tells when the money is taken, only who has it in the end: "Outcome: BuyerWon, MerchantWon, NoFault (for
 * Resolved/Closed states)". So what the buyer won is withdrawn and lost at once, and the rest is evidence; what is held
 * meanwhile is in the settlement report. developer.amazon.com/docs/amazon-pay-api-v2/dispute.html
 */
function dispute(found: Found & { money: Money }): readonly PaymentEvent[] | null {
  const { object, id, state, created, money } = found;
  if (state === 'UnderReview' || state === 'ActionRequired') return [];
  if (state !== 'Resolved' && state !== 'Closed') return null;
  switch (textAt(object, 'statusDetails', 'resolution')) {
    case 'MerchantWon':
    case 'NoFault':
      return [];
    case 'BuyerWon':
      return [
        { type: 'dispute.withdrawn', key: `${id}:withdrawn`, at: created, dispute: id, ...money },
        { type: 'dispute.lost', key: `${id}:lost`, at: changed(found), dispute: id, ...money },
      ];
    default:
      return null;
  }
}
