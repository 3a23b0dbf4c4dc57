import { sign } from '../providers/stripe/sign.ts';
import { CURRENCIES, type Life, moment, stableText } from './life.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import {
  chargeObject,
  disputeObject,
  movement,
  payoutObject,
  refundObject,
  type StripeObject,
} from './stripe-objects.ts';
import { isoTime, type Teller, type ToldEvent, unixSeconds, wireNumber } from './told-event.ts';

const API_VERSION = '2025-09-30.clover';

/** A life as Stripe tells it: snapshot events, and for twins the same as thin ones (docs.stripe.com/event-destinations). */
const tellStripe: Teller = (life) => {
  const { events, tell } = teller(life);
  const captured = tellCapture(life, tell);
  if (captured > 0n) {
    tellRefunds(life, captured, tell);
    tellDispute(life, captured, tell);
  }
  tellPayout(life, tell);
  return events;
};

/** A life that is nothing but its payout: of many payments, as processors pay. */
export const tellStripePayout: Teller = (life) => {
  const { events, tell } = teller(life);
  tellPayout(life, tell);
  return events;
};

/** Any event about any object, as snapshot: for objects a payment's life does not have. */
export function tellStripeObject(life: Life, told: Omit<Told, 'id'>): ToldEvent {
  return snapshot(life, { ...told, id: `evt_3${stableText(life, `${told.type}${String(told.object.id)}`, 23)}` });
}

type Tell = (type: string, object: StripeObject, previous?: StripeObject) => void;

function teller(life: Life): { events: ToldEvent[]; tell: Tell } {
  const events: ToldEvent[] = [];
  let step = 0;
  const tell: Tell = (type, object, previous) => {
    step += 1;
    const at = moment(life, step);
    const id = eventId(life, step);
    events.push(snapshot(life, { id, type, at, object, ...(previous === undefined ? {} : { previous }) }));
    if (life.twin) events.push(thin(life, { id, type, at: at + 1000, object }));
  };
  return { events, tell };
}

/** Tells authorisation, captures and the fee. Returns what is captured in the end. */
function tellCapture(life: Life, tell: Tell): bigint {
  if (life.captures === null) {
    const whole = { captured: life.amount, refunded: 0n };
    if (life.fee.told === 'before') tell('charge.updated', chargeObject(life, { ...whole, fee: life.fee.amount }));
    tell('charge.succeeded', chargeObject(life, whole));
    if (life.fee.told === 'after')
      tell('charge.updated', chargeObject(life, { ...whole, fee: life.fee.amount }), { balance_transaction: null });
    return life.amount;
  }
  tell('charge.succeeded', chargeObject(life, { captured: 0n, refunded: 0n, authorisedOnly: true }));
  let total = 0n;
  for (const [index, part] of life.captures.entries()) {
    const previous = { amount_captured: wireNumber(total) };
    total += part;
    const state = { captured: total, refunded: 0n };
    if (index < life.captures.length - 1) {
      tell('charge.updated', chargeObject(life, { ...state, authorisedOnly: true }), previous);
    } else tell('charge.captured', chargeObject(life, state), { ...previous, captured: false });
  }
  if (total > 0n && life.fee.told !== 'never') {
    tell('charge.updated', chargeObject(life, { captured: total, refunded: 0n, fee: life.fee.amount }), {
      balance_transaction: null,
    });
  }
  return total;
}

function tellRefunds(life: Life, captured: bigint, tell: Tell): void {
  let refunded = 0n;
  for (const [index, refund] of life.refunds.entries()) {
    refunded += refund.amount;
    tell('refund.created', refundObject(life, index, 'pending'));
    if (refund.outcome !== 'failed') {
      tell('refund.updated', refundObject(life, index, 'succeeded'), { status: 'pending' });
      tell('charge.refunded', chargeObject(life, { captured, refunded, refunds: index + 1 }), { amount_refunded: 0 });
    }
    if (refund.outcome !== 'succeeded') {
      refunded -= refund.amount;
      tell('refund.failed', refundObject(life, index, 'failed'), { status: 'succeeded' });
    }
  }
}

function tellDispute(life: Life, captured: bigint, tell: Tell): void {
  const { dispute } = life;
  if (dispute === null) return;
  const movements: StripeObject[] = [];
  for (const [index, kind] of dispute.movements.entries()) {
    const amount = kind === 'withdrawn' ? -captured : captured;
    const fee = index === 0 ? dispute.fee : 0n;
    movements.push(
      movement(life, `dispute${index}`, { amount, fee, at: moment(life, 40 + index), type: 'adjustment' }),
    );
    const object = disputeObject(life, [...movements], 'needs_response');
    if (index === 0) tell('charge.dispute.created', object);
    tell(kind === 'withdrawn' ? 'charge.dispute.funds_withdrawn' : 'charge.dispute.funds_reinstated', object);
  }
  if (dispute.outcome !== 'open') tell('charge.dispute.closed', disputeObject(life, movements, dispute.outcome));
}

function tellPayout(life: Life, tell: Tell): void {
  if (life.payout === null || life.payout.amount === 0n) return;
  tell('payout.created', payoutObject(life, 'pending'));
  tell('payout.paid', payoutObject(life, 'paid'), { status: 'pending' });
  if (life.payout.fails) tell('payout.failed', payoutObject(life, 'failed'), { status: 'paid' });
}

type Told = {
  readonly id: string;
  readonly type: string;
  readonly at: number;
  readonly object: StripeObject;
  readonly previous?: StripeObject;
};

function snapshot(life: Life, told: Told): ToldEvent {
  const event = {
    id: told.id,
    object: 'event',
    api_version: API_VERSION,
    created: unixSeconds(told.at),
    data: { object: told.object, ...(told.previous === undefined ? {} : { previous_attributes: told.previous }) },
    livemode: false,
    pending_webhooks: 1,
    request: { id: `req_${stableText(life, `${told.id}req`, 14)}`, idempotency_key: null },
    type: told.type,
  };
  return { at: told.at, destination: 'main', content: JSON.stringify(event, null, 2) };
}

function thin(life: Life, told: Told): ToldEvent {
  const kind = String(told.object.object);
  const id = String(told.object.id);
  const event = {
    id: `evt_test_65${stableText(life, `${told.id}thin`, 22)}`,
    object: 'v2.core.event',
    created: isoTime(told.at),
    livemode: false,
    related_object: { id, type: kind, url: `/v1/${kind}s/${id}` },
    snapshot_event: told.id,
    type: `v1.${told.type}`,
  };
  return { at: told.at, destination: 'thin', content: JSON.stringify(event) };
}

function eventId(life: Life, step: number): string {
  return `evt_3${stableText(life, `evt${step}`, 23)}`;
}

export const stripe: Simulator = {
  provider: 'stripe',
  currencies: CURRENCIES,
  abilities: {
    captures: 'parts',
    captureFailure: 'none',
    fees: true,
    refunds: 'many',
    refundFailure: 'later',
    disputes: 'cycles',
    payouts: 'may_fail',
  },
  tell: tellStripe,
  sendsTwins: true,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => `whsec_${random.text(32)}` },
  settings: () => ({ mode: 'test' }),
};
