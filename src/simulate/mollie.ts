import { sign } from '../providers/mollie/sign.ts';
import { CURRENCIES, type Life, moment, stableText } from './life.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { inSteps, majorText } from './told-event.ts';

/**
 * A life as Mollie's signed webhooks tell it, each event with its object (docs.mollie.com/reference/webhooks-new). Classic
 * calls only name a payment, and what is captured apart is not in the event: their money would wait for the API.
 */
const tellMollie = inSteps((life, tell) => {
  const event = (type: string, entity: Entity): void =>
    tell(({ n, at }) => {
      const id = `event_${stableText(life, `event${n}`, 22)}`;
      return {
        resource: 'event',
        id,
        type,
        entityId: entity.id,
        createdAt: time(at),
        _embedded: { entity },
        _links: { self: { href: `https://api.mollie.com/v2/events/${id}`, type: 'application/hal+json' } },
      };
    });

  event('payment.paid', {
    ...entity(life, 'payment', 'tr', 'payment', life.amount),
    mode: 'test',
    description: `order-${life.number}`,
    method: 'ideal',
    status: 'paid',
    paidAt: time(moment(life, 1)),
    captureMode: 'automatic',
    sequenceType: 'oneoff',
    profileId: 'pfl_simulated',
  });
  if (life.fee.told !== 'never') event('balance-transaction.created', costs(life));
  const of = { mode: 'test', paymentId: id(life, 'tr', 'payment') };
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    const refund = (status: string): Entity => ({
      ...entity(life, 'refund', 're', `refund${index}`, amount),
      ...of,
      status,
    });
    event('refund.pending', refund('pending'));
    if (outcome !== 'failed') event('refund.refunded', refund('refunded'));
    if (outcome !== 'succeeded') event('refund.failed', refund('failed'));
  }
  for (const [index, movement] of (life.dispute?.movements ?? []).entries()) {
    // What comes back ends its chargeback; money that goes again is another.
    const name = `chargeback${Math.floor(index / 2)}`;
    const chargeback = { ...entity(life, 'chargeback', 'chb', name, life.dispute?.amount ?? 0n), ...of };
    if (movement === 'withdrawn') event('chargeback.received', { ...chargeback, reversedAt: null });
    else event('chargeback.reversed', { ...chargeback, reversedAt: time(moment(life, 40 + index)) });
  }
});

type Entity = { readonly id: string; readonly [name: string]: unknown };

function entity(life: Life, resource: string, prefix: string, label: string, amount: bigint): Entity {
  return { resource, id: id(life, prefix, label), createdAt: time(life.startedAt), amount: money(life, amount) };
}

/** What the payment cost, as the balance shows it: a deduction below zero. */
function costs(life: Life): Entity {
  return {
    resource: 'balance-transaction',
    id: id(life, 'baltr', 'costs'),
    mode: 'test',
    createdAt: time(moment(life, 2)),
    type: 'payment',
    initialAmount: money(life, life.amount),
    deductions: { ...money(life, life.fee.amount), value: `-${majorText(life, life.fee.amount)}` },
    resultAmount: money(life, life.amount - life.fee.amount),
    context: { paymentId: id(life, 'tr', 'payment') },
  };
}

function money(life: Life, amount: bigint): { value: string; currency: string } {
  return { value: majorText(life, amount), currency: life.currency };
}

/** `tr`/`payment`, `re`/`refund0`, `chb`/`chargeback0`. */
export const mollieId = id;

function id(life: Life, prefix: string, label: string): string {
  return `${prefix}_${stableText(life, label, 12)}`;
}

/** `2026-01-05T10:00:00+00:00` */
function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}+00:00`;
}

export const mollie: Simulator = {
  provider: 'mollie',
  currencies: CURRENCIES,
  abilities: {
    captures: 'at_once',
    captureFailure: 'none',
    fees: true,
    refunds: 'many',
    refundFailure: 'later',
    disputes: 'cycles',
    payouts: 'none',
  },
  tell: tellMollie,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => random.text(32) },
  // What a payment costs posts by itself only where no settlement does.
  settings: () => ({ mode: 'test', webhooks: 'signed', settlement_mode: 'balance' }),
  forgeries: { stale: null },
};
