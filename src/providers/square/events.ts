import { PosternError } from '../../errors.ts';
import { at, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import type { FeeKnown, PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
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
import { moneyAt } from './currency.ts';

/*
 * Events carry versions of objects, not movements: {"type":"payment.updated","data":{"object":{"payment":{…}}}}. What
 * counts is the object's status; that the same status comes in ten versions is what effect keys are for.
 * developer.squareup.com/reference/square/webhooks
 */
type Told = {
  readonly object: Json;
  readonly id: string;
  readonly status: string;
  readonly created: number;
  readonly updated: number;
  readonly money: Money;
};

type Meaning = (told: Told) => readonly PaymentEvent[] | null;

const OBJECTS: Readonly<
  Record<string, { readonly types: RegExp; readonly money: readonly string[]; readonly meaning: Meaning }>
> = {
  // amount_money lacks the tip.
  payment: { types: /^payment\.(?:created|updated)$/, money: ['total_money', 'amount_money'], meaning: payment },
  refund: { types: /^refund\.(?:created|updated)$/, money: ['amount_money'], meaning: refund },
  dispute: {
    types: /^dispute\.(?:created|state\.(?:updated|changed)|evidence\.(?:added|created|removed|deleted))$/,
    money: ['amount_money'],
    meaning: dispute,
  },
  payout: { types: /^payout\.(?:sent|paid|failed)$/, money: ['amount_money'], meaning: payout },
};

/** Families that move no money that a payment, refund, dispute or payout does not tell. */
const EVIDENCE =
  /^(?:bank_account|booking|card|catalog|checkout|custom_attribute|customer|device|gift_card|inventory|invoice|job|labor|location|loyalty|merchant|oauth|online_checkout|order|subscription|team_member|terminal|timecard|transfer_order|vendor|webhooks)\./;

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent): Normalised {
  const body = parseExactJson(event.body);
  const type = textAt(body, 'type') ?? event.type;
  const known = Object.entries(OBJECTS).find(([, { types }]) => types.test(type));
  if (known === undefined) {
    const about: About = {
      references: references([textAt(body, 'data', 'type') ?? 'object', textAt(body, 'data', 'id')]),
      amount: null,
    };
    return EVIDENCE.test(type)
      ? noEffect(about, `evidence: ${type} moves no money of its own`)
      : unknownType(about, type);
  }
  const [kind, { money, meaning }] = known;
  const fetched = event.fetched === null ? undefined : parseExactJson(event.fetched);
  const object = at(fetched, kind) ?? at(body, 'data', 'object', kind);
  const about: About = { references: referencesOf(kind, object), amount: null };
  return parkingUnknownCurrency(about.references, () => {
    const id = textAt(object, 'id') ?? textAt(object, `${kind}_id`);
    const status = textAt(object, kind === 'dispute' ? 'state' : 'status');
    const amount = money.map((name) => moneyAt(object, name)).find((one) => one !== undefined);
    if (object === undefined || id === undefined || status === undefined || amount === undefined) {
      const reason = `the event's ${kind} has no id, status or amount`;
      const wanted = id ?? textAt(body, 'data', 'id');
      return event.fetched === null && wanted !== undefined
        ? fetchFirst(about, { kind, id: wanted }, reason)
        : deferredFor(about, 'object', reason);
    }
    if (amount.amount < 0n && kind !== 'payout')
      throw new PosternError('amount_invalid', `a ${kind} of ${amount.amount} is below zero`);
    const created = isoTime(textAt(object, 'created_at')) ?? isoTime(textAt(body, 'created_at')) ?? event.receivedAt;
    const updated = isoTime(textAt(object, 'updated_at')) ?? created;
    const effects = meaning({ object, id, status, created, updated, money: amount });
    const told: About = { ...about, amount };
    if (effects === null)
      return deferredFor(told, 'adapter', `the adapter does not know the ${kind} status "${status.slice(0, 40)}"`);
    return effects.length === 0
      ? noEffect(told, `evidence: a ${kind} in status ${status} moves no money`)
      : effectsOf(told, effects);
  });
}

function referencesOf(kind: string, object: Json | undefined): ObjectReference[] {
  return references(
    [kind, textAt(object, 'id') ?? textAt(object, `${kind}_id`)],
    ['payment', textAt(object, 'payment_id') ?? textAt(object, 'disputed_payment', 'payment_id')],
    ['order', textAt(object, 'order_id')],
  );
}

function payment({ object, id, status, created, updated, money }: Told): readonly PaymentEvent[] | null {
  const fees = feesOf(object, id, 'payment', created);
  const timeline = (name: string) => isoTime(textAt(object, 'card_details', 'card_payment_timeline', name));
  switch (status) {
    case 'COMPLETED':
      return [
        {
          type: 'payment.captured',
          key: `${id}:captured`,
          at: timeline('captured_at') ?? created,
          payment: id,
          ...money,
          // Every card payment passes APPROVED, told or not, and is captured whole or not at all.
          authorisation: { amount: money.amount, final: true },
        },
        ...fees,
      ];
    case 'APPROVED':
      return [
        {
          type: 'payment.authorised',
          key: `${id}:authorised`,
          at: timeline('authorized_at') ?? created,
          payment: id,
          ...money,
        },
      ];
    case 'CANCELED':
      return [
        { type: 'payment.cancelled', key: `${id}:cancelled`, at: updated, payment: id, currency: money.currency },
      ];
    case 'FAILED':
      return [{ type: 'payment.failed', key: `${id}:failed`, at: updated, payment: id, currency: money.currency }];
    case 'PENDING':
      return fees;
    default:
      return null;
  }
}

const FEES_MAX = 100;

/** A payment's fees come later and can change: each is one entry, told apart by its type and when it took effect. */
function feesOf(object: Json, reference: string, of: FeeKnown['of'], created: number): FeeKnown[] {
  const fees: FeeKnown[] = [];
  for (const entry of listAt(object, 'processing_fee').slice(0, FEES_MAX)) {
    const money = moneyAt(entry, 'amount_money');
    if (money === undefined || money.amount === 0n) continue;
    const effective = textAt(entry, 'effective_at') ?? '';
    const key = `${reference}:fee:${textAt(entry, 'type') ?? ''}:${effective}`;
    fees.push({ type: 'payment.fee_known', key, at: isoTime(effective) ?? created, reference, of, ...money });
  }
  return fees;
}

const REFUNDS = {
  PENDING: 'refund.created',
  COMPLETED: 'refund.succeeded',
  FAILED: 'refund.failed',
  REJECTED: 'refund.failed',
} as const;

function refund({ object, id, status, created, updated, money }: Told): readonly PaymentEvent[] | null {
  const type = Object.entries(REFUNDS).find(([name]) => name === status)?.[1];
  if (type === undefined) return null;
  const payment = textAt(object, 'payment_id');
  const what = type.slice('refund.'.length);
  return [
    {
      type,
      key: `${id}:${what}`,
      at: status === 'PENDING' ? created : updated,
      refund: id,
      ...(payment === undefined ? {} : { payment }),
      ...money,
    },
    ...feesOf(object, id, 'refund', created),
  ];
}

/** An inquiry moves no money; every state after it says that the money was taken, whichever of them is seen first. */
function dispute({ id, status, created, updated, money }: Told): readonly PaymentEvent[] | null {
  const withdrawn: PaymentEvent = {
    type: 'dispute.withdrawn',
    key: `${id}:withdrawn`,
    at: created,
    dispute: id,
    ...money,
  };
  switch (status) {
    case 'INQUIRY_EVIDENCE_REQUIRED':
    case 'INQUIRY_PROCESSING':
    case 'INQUIRY_CLOSED':
      return [];
    case 'EVIDENCE_REQUIRED':
    case 'PROCESSING':
      return [withdrawn];
    case 'WON':
      return [withdrawn, { type: 'dispute.reinstated', key: `${id}:reinstated`, at: updated, dispute: id, ...money }];
    case 'LOST':
    case 'ACCEPTED':
      return [withdrawn, { type: 'dispute.lost', key: `${id}:lost`, at: updated, dispute: id, ...money }];
    default:
      return null;
  }
}

/** PAID adds nothing to SENT but certainty: only a bank line says that the money arrived. */
function payout({ id, status, created, updated, money }: Told): readonly PaymentEvent[] | null {
  const sent: PaymentEvent = { type: 'payout.created', key: `${id}:created`, at: created, payout: id, ...money };
  switch (status) {
    case 'SENT':
    case 'PAID':
      return [sent];
    case 'FAILED':
      return [sent, { type: 'payout.failed', key: `${id}:failed`, at: updated, payout: id, ...money }];
    default:
      return null;
  }
}
