import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { paddle } from '../../../src/providers/paddle/index.ts';
import { effectsIn, outcomeOf } from '../../support/meaning-outcome.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { paddleAdjustment, paddleEvent, paddleTransaction } from './samples.ts';

const transaction = (change: object = {}, type = 'transaction.completed', details: object = {}) =>
  meaningOf(paddle, paddleEvent(type, paddleTransaction(change, details)));
const adjustment = (change: object = {}) =>
  meaningOf(paddle, paddleEvent('adjustment.updated', paddleAdjustment(change)));
const payout = (type: string, change: object = {}) =>
  meaningOf(
    paddle,
    paddleEvent(type, { id: 'pay_made1', status: 'unpaid', amount: '10000', currency_code: 'USD', ...change }),
  );

describe('transactions', () => {
  it('are captured by their payments, with their tax, and with the fee in the currency of the balance', () => {
    expect(effectsIn(transaction())).toEqual([
      {
        type: 'payment.captured',
        key: 'txn_made1:captured:at-2',
        at: Date.UTC(2025, 11, 31, 23, 0, 1),
        payment: 'txn_made1',
        amount: 1100n,
        currency: 'USD',
        tax: 100n,
      },
      {
        type: 'payment.fee_known',
        key: 'txn_made1:fee',
        at: Date.UTC(2025, 11, 31, 23, 0, 2),
        reference: 'txn_made1',
        of: 'payment',
        amount: 60n,
        currency: 'EUR',
      },
    ]);
  });

  it('say the same however often they are told, and before their fee is known', () => {
    const paid = transaction({ status: 'paid' }, 'transaction.paid', { payout_totals: null });
    expect(effectsIn(paid)).toEqual(effectsIn(transaction()).slice(0, 1));
    expect(effectsIn(transaction({}, 'transaction.updated'))).toEqual(effectsIn(transaction()));
  });

  it('post each payment of an invoice paid in parts, without guessing its tax', () => {
    const part = (n: number, amount: string) => ({ payment_attempt_id: `at-${n}`, status: 'captured', amount });
    const [first, second] = effectsIn(transaction({ payments: [part(1, '300'), part(2, '800')] }));
    expect(first).toMatchObject({ key: 'txn_made1:captured:at-1', amount: 300n });
    expect(second).toMatchObject({ key: 'txn_made1:captured:at-2', amount: 800n });
    expect(first).not.toHaveProperty('tax');
  });

  it('take the tax of events that tell none after credits, where there were no credits', () => {
    const told = (grand_total: string) =>
      effectsIn(transaction({}, 'transaction.completed', { totals: { tax: '100', total: '1100', grand_total } }))[0];
    expect(told('1100')).toMatchObject({ tax: 100n });
    expect(told('900')).not.toHaveProperty('tax');
  });

  it('move no money without a captured payment', () => {
    const without = (status: string, grand_total = '1100') =>
      transaction({ status, payments: [] }, 'transaction.updated', { totals: { grand_total } });
    for (const status of ['draft', 'ready', 'billed', 'past_due', 'paid'])
      expect(outcomeOf(without(status)), status).toBe('no_effect');
    expect(outcomeOf(without('canceled'))).toBe('payment.cancelled');
    expect(outcomeOf(without('completed', '0'))).toBe('no_effect');
    // Money that was paid and is nowhere listed is for a person; its fee alone must not post.
    expect(outcomeOf(without('completed'))).toBe('deferred: object');
    expect(outcomeOf(without('teleported'))).toBe('deferred: adapter');
    for (const status of ['authorized', 'error', 'canceled', 'pending_no_action_required'])
      expect(
        outcomeOf(transaction({ payments: [{ payment_attempt_id: 'a', status, amount: '1' }], status: 'ready' })),
      ).toBe('no_effect');
  });

  it('wait or fail where an amount is not to be read', () => {
    const paidWith = (change: object) =>
      transaction({ payments: [{ payment_attempt_id: 'a', status: 'captured', amount: '1', ...change }] });
    expect(outcomeOf(paidWith({ payment_attempt_id: null }))).toBe('deferred: object');
    expect(outcomeOf(paidWith({ amount: null }))).toBe('deferred: object');
    expect(outcomeOf(transaction({ currency_code: 'XTS' }))).toBe('deferred: currency');
    expect(outcomeOf(transaction({ id: null }))).toBe('deferred: object');
    for (const amount of ['-1', '1.5', '1e3', '9'.repeat(30)])
      expect(() => paidWith({ amount }), amount).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
  });
});

describe('adjustments', () => {
  it('are refunds that post by their status, with the part of the fee that is given back', () => {
    expect(effectsIn(adjustment({ status: 'pending_approval' }))).toMatchObject([
      { type: 'refund.created', key: 'adj_made1:created', refund: 'adj_made1', payment: 'txn_made1', amount: 550n },
    ]);
    expect(effectsIn(adjustment())).toMatchObject([
      { type: 'refund.succeeded', key: 'adj_made1:succeeded', amount: 550n, currency: 'USD' },
      { type: 'payment.fee_known', key: 'adj_made1:fee', reference: 'adj_made1', of: 'refund', amount: -30n },
    ]);
    expect(outcomeOf(adjustment({ status: 'rejected' }))).toBe('refund.failed');
    expect(outcomeOf(adjustment({ status: 'reversed' }))).toBe('deferred: adapter');
  });

  it('are chargebacks of their transaction, one movement each, in any order and any number of cycles', () => {
    const payout_totals = { fee: '0', chargeback_fee: { amount: '1500', original: null }, currency_code: 'EUR' };
    const charged = adjustment({ action: 'chargeback', payout_totals });
    expect(effectsIn(charged)).toMatchObject([
      { type: 'dispute.withdrawn', key: 'adj_made1:withdrawn', dispute: 'txn_made1', amount: 550n },
      { key: 'adj_made1:chargeback_fee', reference: 'txn_made1', of: 'dispute', amount: 1500n, currency: 'EUR' },
    ]);
    expect(effectsIn(adjustment({ action: 'chargeback', status: 'reversed', payout_totals }))).toEqual(
      effectsIn(charged),
    );
    expect(effectsIn(adjustment({ action: 'chargeback_reverse', id: 'adj_made2' }))).toMatchObject([
      { type: 'dispute.reinstated', key: 'adj_made2:reinstated', dispute: 'txn_made1' },
      { key: 'adj_made2:fee', reference: 'txn_made1', amount: 30n },
    ]);
    expect(outcomeOf(adjustment({ action: 'chargeback', id: 'adj_made3' }))).toContain('dispute.withdrawn');
  });

  it('move no money as credits, and wait for a person as warnings', () => {
    expect(outcomeOf(adjustment({ action: 'credit' }))).toBe('no_effect');
    expect(outcomeOf(adjustment({ action: 'credit_reverse', status: 'reversed' }))).toBe('no_effect');
    expect(outcomeOf(adjustment({ action: 'chargeback_warning' }))).toBe('deferred: adapter');
    expect(outcomeOf(adjustment({ action: 'constructor' }))).toBe('deferred: adapter');
    expect(outcomeOf(adjustment({ totals: null }))).toBe('deferred: object');
    expect(outcomeOf(adjustment({ transaction_id: null }))).toBe('deferred: object');
  });
});

it('payouts post once, whether created or paid is seen first', () => {
  expect(effectsIn(payout('payout.paid', { status: 'paid' }))).toEqual(effectsIn(payout('payout.created')));
  expect(effectsIn(payout('payout.paid'))).toMatchObject([{ type: 'payout.created', key: 'pay_made1:created' }]);
  expect(outcomeOf(payout('payout.created', { amount: null }))).toBe('deferred: object');
});

it('nothing of the simulator posts, except on an endpoint for tests', () => {
  const simulated = paddleEvent('transaction.completed', paddleTransaction(), { event_id: 'ntfsimevt_made1' });
  expect(meaningOf(paddle, simulated)).toMatchObject({ kind: 'no_effect' });
  expect(meaningOf(paddle, simulated, { mode: 'live' })).toMatchObject({ kind: 'no_effect' });
  expect(meaningOf(paddle, simulated, { mode: 'test' })).toMatchObject({ kind: 'effects' });
});

const folder = samplesFolder('webhooks', 'paddle', 'samples', 'events');
describe.skipIf(!existsSync(folder))('the samples', () => {
  const expected: Readonly<Record<string, string>> = {
    'adjustment.created': 'refund.created',
    'adjustment.updated': 'refund.created',
    'payout.created': 'payout.created',
    'payout.paid': 'payout.created',
    'transaction.billed': 'no_effect',
    'transaction.canceled': 'payment.cancelled',
    'transaction.completed': 'payment.captured payment.fee_known',
    'transaction.paid': 'payment.captured',
    'transaction.revised': 'payment.captured payment.fee_known',
  };
  const names = existsSync(folder) ? readdirSync(folder).map((name) => name.replace(/\.json$/, '')) : [];

  it.each(names)('%s', (name) => {
    const sample = JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8')) as Record<string, unknown>;
    const body = 'event_type' in sample ? Buffer.from(JSON.stringify(sample)) : paddleEvent(name, sample);
    expect(outcomeOf(meaningOf(paddle, body))).toBe(expected[name] ?? 'no_effect');
  });
});
