import { sign } from '../providers/square/sign.ts';
import { currencies, type Life, moment, stableText, stableUuid } from './life.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { isoTime, type Teller, type ToldEvent, wireNumber } from './told-event.ts';

/** A life as Square tells it (developer.squareup.com/reference/square/webhooks): versions of objects, not movements. */
const tellSquare: Teller = (life, account) => {
  const { events, tell } = teller(life, account);
  tellPayment(life, tell);
  tellRefunds(life, tell);
  tellDispute(life, tell);
  tellPayout(life, tell);
  return events;
};

/** A life that is nothing but its payout. */
export const tellSquarePayout: Teller = (life, account) => {
  const { events, tell } = teller(life, account);
  tellPayout(life, tell);
  return events;
};

function teller(life: Life, account: string): { events: ToldEvent[]; tell: Tell } {
  const events: ToldEvent[] = [];
  const tell: Tell = (type, kind, object) => {
    const step = events.length + 1;
    const at = moment(life, step);
    const event = {
      merchant_id: account,
      type,
      event_id: stableUuid(life, `event${step}`),
      created_at: isoTime(at),
      data: { type: kind, id: object.id, object: { [kind]: { ...object, updated_at: isoTime(at), version: step } } },
    };
    events.push({ at, destination: 'main', content: JSON.stringify(event) });
  };
  return { events, tell };
}

type SquareObject = { readonly id: string; readonly [name: string]: unknown };
type Tell = (type: string, kind: string, object: SquareObject) => void;

function tellPayment(life: Life, tell: Tell): void {
  // Square captures a delayed payment whole or not at all.
  if (life.captures !== null) tell('payment.created', 'payment', payment(life, 'APPROVED', false));
  tell(life.captures === null ? 'payment.created' : 'payment.updated', 'payment', payment(life, 'COMPLETED', false));
  if (life.fee.told !== 'never') tell('payment.updated', 'payment', payment(life, 'COMPLETED', true));
}

function payment(life: Life, status: 'APPROVED' | 'COMPLETED', withFee: boolean): SquareObject {
  const done = status === 'COMPLETED';
  return {
    id: paymentId(life),
    created_at: isoTime(life.startedAt),
    amount_money: money(life, life.amount),
    total_money: money(life, life.amount),
    approved_money: money(life, life.amount),
    status,
    source_type: 'CARD',
    card_details: {
      status: done ? 'CAPTURED' : 'AUTHORIZED',
      card: {
        card_brand: 'VISA',
        last_4: '1111',
        exp_month: 11,
        exp_year: 2031,
        fingerprint: `sq-1-${stableText(life, 'card', 40)}`,
        card_type: 'CREDIT',
        prepaid_type: 'NOT_PREPAID',
        bin: '411111',
      },
      entry_method: 'KEYED',
      cvv_status: 'CVV_ACCEPTED',
      avs_status: 'AVS_ACCEPTED',
      statement_description: 'SQ *SHOP EXAMPLE',
      card_payment_timeline: {
        authorized_at: isoTime(life.startedAt),
        ...(done ? { captured_at: isoTime(moment(life, 2)) } : {}),
      },
    },
    location_id: `L${stableText(life, 'location', 12).toUpperCase()}`,
    order_id: stableText(life, 'order', 28),
    reference_id: `order-${life.number}`,
    receipt_number: stableText(life, 'receipt', 4),
    delay_action: 'CANCEL',
    delay_duration: 'PT168H',
    delayed_until: isoTime(life.startedAt + 604_800_000),
    ...(withFee
      ? {
          processing_fee: [
            { effective_at: isoTime(moment(life, 5)), type: 'INITIAL', amount_money: money(life, life.fee.amount) },
          ],
        }
      : {}),
  };
}

function tellRefunds(life: Life, tell: Tell): void {
  for (const [index, refund] of life.refunds.entries()) {
    const object = (status: string): SquareObject => ({
      id: refundId(life, index),
      amount_money: money(life, refund.amount),
      created_at: isoTime(moment(life, 20 + index)),
      location_id: `L${stableText(life, 'location', 12).toUpperCase()}`,
      order_id: stableText(life, `refundorder${index}`, 28),
      payment_id: paymentId(life),
      reason: 'Customer returned the goods',
      status,
    });
    tell('refund.created', 'refund', object('PENDING'));
    if (refund.outcome !== 'failed') tell('refund.updated', 'refund', object('COMPLETED'));
    if (refund.outcome !== 'succeeded') tell('refund.updated', 'refund', object('FAILED'));
  }
}

function tellDispute(life: Life, tell: Tell): void {
  if (life.dispute === null) return;
  const object = (state: string): SquareObject => ({
    id: disputeId(life),
    dispute_id: disputeId(life),
    amount_money: money(life, life.amount),
    brand_dispute_id: stableText(life, 'brand', 20),
    card_brand: 'VISA',
    created_at: isoTime(moment(life, 39)),
    disputed_payment: { payment_id: paymentId(life) },
    due_at: isoTime(moment(life, 39) + 864_000_000),
    location_id: `L${stableText(life, 'location', 12).toUpperCase()}`,
    reason: 'NO_KNOWLEDGE',
    reported_at: isoTime(moment(life, 39)),
    state,
  });
  tell('dispute.created', 'dispute', object('EVIDENCE_REQUIRED'));
  if (life.dispute.outcome === 'open') return;
  tell('dispute.state.updated', 'dispute', object('PROCESSING'));
  tell('dispute.state.updated', 'dispute', object(life.dispute.outcome === 'won' ? 'WON' : 'LOST'));
}

function tellPayout(life: Life, tell: Tell): void {
  if (life.payout === null || life.payout.amount === 0n) return;
  const amount = life.amount;
  const object = (status: string): SquareObject => ({
    id: payoutId(life),
    status,
    location_id: `L${stableText(life, 'location', 12).toUpperCase()}`,
    created_at: isoTime(moment(life, 50)),
    amount_money: money(life, amount),
    destination: { type: 'BANK_ACCOUNT', id: `bact:${stableText(life, 'bank', 20)}` },
    type: 'BATCH',
    payout_fee: [],
    arrival_date: isoTime(moment(life, 60)).slice(0, 10),
    end_to_end_id: endToEndId(life),
  });
  tell('payout.sent', 'payout', object('SENT'));
  if (life.payout.fails) tell('payout.failed', 'payout', object('FAILED'));
  else tell('payout.paid', 'payout', object('PAID'));
}

function money(life: Life, amount: bigint): { amount: number | object; currency: string } {
  return { amount: wireNumber(amount), currency: life.currency };
}

export const paymentId = (life: Life): string => stableText(life, 'payment', 22);
export const refundId = (life: Life, index: number): string =>
  `${paymentId(life)}_${stableText(life, `refund${index}`, 28)}`;
export const disputeId = (life: Life): string => stableText(life, 'dispute', 22);
export const payoutId = (life: Life): string => `po_${stableText(life, 'payout', 24)}`;
export const endToEndId = (life: Life): string => stableText(life, 'endtoend', 24);

export const square: Simulator = {
  provider: 'square',
  currencies: currencies('EUR', 'USD', 'GBP', 'JPY'),
  abilities: {
    captures: 'whole',
    captureFailure: 'none',
    fees: true,
    refunds: 'many',
    refundFailure: 'later',
    disputes: 'outcome',
    payouts: 'may_fail',
  },
  tell: tellSquare,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => random.text(22) },
  settings: ({ url }) => ({ mode: 'test', notification_url: url }),
  forgeries: { stale: null },
};
