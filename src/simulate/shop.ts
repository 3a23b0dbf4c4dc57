import type { Mapping, MappingRule } from '../providers/mapping.ts';
import { CURRENCIES, type Life, moment, stableText } from './life.ts';
import type { Simulator } from './simulator.ts';
import { isoTime, type Teller, type ToldEvent, wireNumber } from './told-event.ts';

/** A life as a shop of our own would tell it, for the mapping below: schemes that leave an event's words to the sender. */
const tellShop: Teller = (life, account) => {
  const events: ToldEvent[] = [];
  const tell: Tell = (type, id, amount, more = {}) => {
    const at = moment(life, events.length + 1);
    const data = {
      id,
      account,
      amount: wireNumber(amount),
      currency: life.currency,
      order: `order-${life.number}`,
      customer: { id: `customer-${stableText(life, 'customer', 10)}`, country: 'DE' },
      ...more,
    };
    const event = {
      id: `evt_${stableText(life, `event${events.length + 1}`, 20)}`,
      type,
      timestamp: isoTime(at),
      data,
    };
    events.push({ at, destination: 'main', content: JSON.stringify(event) });
  };

  const payment = `pay_${stableText(life, 'payment', 20)}`;
  if (life.captures !== null) tell('payment.authorised', payment, life.amount);
  const fee = (): void => tell('payment.fee', `fee_${payment}`, life.fee.amount, { payment });
  if (life.fee.told === 'before') fee();
  tell('payment.captured', payment, life.amount);
  if (life.fee.told === 'after') fee();
  if (life.captureFails) {
    tell('payment.reversed', payment, life.amount);
    return events;
  }
  tellRefunds(life, payment, tell);
  tellDispute(life, tell);
  tellPayout(life, tell);
  return events;
};

type Tell = (type: string, id: string, amount: bigint, more?: Readonly<Record<string, string>>) => void;

function tellRefunds(life: Life, payment: string, tell: Tell): void {
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    const id = `ref_${stableText(life, `refund${index}`, 20)}`;
    tell('refund.created', id, amount, { payment });
    if (outcome !== 'failed') tell('refund.succeeded', id, amount, { payment });
    if (outcome !== 'succeeded') tell('refund.failed', id, amount, { payment });
  }
}

function tellDispute(life: Life, tell: Tell): void {
  if (life.dispute === null) return;
  const id = `dis_${stableText(life, 'dispute', 20)}`;
  for (const [index, kind] of life.dispute.movements.entries()) {
    tell(`dispute.${kind}`, id, life.amount, { movement: `${id}-${index}` });
  }
  if (life.dispute.outcome === 'lost') tell('dispute.lost', id, life.amount);
}

function tellPayout(life: Life, tell: Tell): void {
  if (life.payout === null || life.payout.amount <= 0n) return;
  const id = `out_${stableText(life, 'payout', 20)}`;
  tell('payout.created', id, life.amount);
  if (life.payout.fails) tell('payout.failed', id, life.amount);
}

const MONEY = { id: 'data.id', amount: 'data.amount', currency: 'data.currency', at: 'timestamp' } as const;

function plain(kind: Exclude<MappingRule['kind'], 'no_effect'>, more: Partial<MappingRule> = {}): MappingRule {
  return { when: kind, kind, ...MONEY, ...more };
}

/** What the events above mean. */
const MAPPING: Mapping = {
  type_path: 'type',
  rules: [
    plain('payment.authorised', { references: { order: 'data.order' } }),
    plain('payment.captured', { references: { order: 'data.order' } }),
    plain('payment.reversed'),
    { ...plain('payment.fee_known', { reference: 'data.payment', of: 'payment' }), when: 'payment.fee' },
    plain('refund.created', { payment: 'data.payment' }),
    plain('refund.succeeded', { payment: 'data.payment' }),
    plain('refund.failed', { payment: 'data.payment' }),
    plain('dispute.withdrawn', { movement: 'data.movement' }),
    plain('dispute.reinstated', { movement: 'data.movement' }),
    plain('dispute.lost'),
    plain('payout.created'),
    plain('payout.failed'),
  ],
};

/** What is the same in every scheme the shop may sign by. */
export const shop = {
  currencies: CURRENCIES,
  abilities: {
    captures: 'whole',
    captureFailure: 'any',
    fees: true,
    refunds: 'many',
    refundFailure: 'later',
    disputes: 'cycles',
    payouts: 'may_fail',
  },
  tell: tellShop,
  settings: () => ({ mode: 'test', mapping: MAPPING }),
} as const satisfies Partial<Simulator>;
