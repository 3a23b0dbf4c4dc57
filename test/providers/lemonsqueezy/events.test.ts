import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lemonsqueezy } from '../../../src/providers/lemonsqueezy/index.ts';
import { effectsIn, outcomeOf } from '../../support/meaning-outcome.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { madeOrder, NOW, squeezyEvent } from './samples.ts';

const order = (change: object = {}, name = 'order_created') =>
  meaningOf(lemonsqueezy, squeezyEvent(name, 'orders', madeOrder(change)));
const invoice = (change: object = {}, name = 'subscription_payment_success') =>
  meaningOf(
    lemonsqueezy,
    squeezyEvent(
      name,
      'subscription-invoices',
      madeOrder({ billing_reason: 'renewal', subscription_id: 5, ...change }),
    ),
  );

describe('orders', () => {
  it('are captured with their tax', () => {
    expect(effectsIn(order())).toEqual([
      {
        type: 'payment.captured',
        key: 'order-11:captured',
        at: NOW,
        payment: 'order-11',
        amount: 1200n,
        currency: 'USD',
        tax: 200n,
      },
    ]);
  });

  it('are refunded, in part or whole, behind their capture', () => {
    const part = order({ refunded_amount: 100 }, 'order_refunded');
    expect(effectsIn(part)[0]).toEqual(effectsIn(order())[0]);
    expect(effectsIn(part)[1]).toMatchObject({
      type: 'refund.succeeded',
      key: 'order-11-refund:succeeded',
      payment: 'order-11',
      amount: 100n,
    });
    const whole = { status: 'refunded', refunded: true, refunded_at: '2026-01-02T00:00:00.000000Z' };
    expect(effectsIn(order({ ...whole, refunded_amount: 1200 }))[1]).toMatchObject({
      amount: 1200n,
      at: NOW + 86_400_000,
    });
    // Before refunded_amount was added.
    expect(effectsIn(order({ ...whole, refunded_amount: undefined }))[1]).toMatchObject({ amount: 1200n });
    expect(outcomeOf(order({ status: 'partial_refund', refunded_amount: undefined }))).toBe('deferred: object');
  });

  it('tell a second partial refund as other content under the same key, so that it cannot post twice', () => {
    const [first, second] = [100, 300].map((refunded_amount) => effectsIn(order({ refunded_amount }))[1]);
    expect(first).toMatchObject({ key: 'order-11-refund:succeeded', amount: 100n });
    expect(second).toMatchObject({ key: 'order-11-refund:succeeded', amount: 300n });
  });

  it('move no money while they are not paid', () => {
    for (const [status, expected] of [
      ['pending', 'deferred: object'],
      ['failed', 'no_effect'],
      ['fraudulent', 'deferred: adapter'],
      ['constructor', 'deferred: adapter'],
    ] as const)
      expect(outcomeOf(order({ status })), status).toBe(expected);
  });

  it('wait or fail where an amount is not to be read', () => {
    for (const currency of ['JPY', 'KWD', 'XTS', ''])
      expect(outcomeOf(order({ currency })), currency).toBe('deferred: currency');
    expect(outcomeOf(order({ total: null }))).toBe('deferred: object');
    for (const total of [-1, 9.999, '1e2'])
      expect(() => order({ total }), `${total}`).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
  });
});

describe('subscription invoices', () => {
  it('are captured after the first, which its order tells', () => {
    expect(effectsIn(invoice())).toMatchObject([{ key: 'subscription-invoice-11:captured', amount: 1200n }]);
    expect(effectsIn(invoice({}, 'subscription_payment_recovered'))).toEqual(effectsIn(invoice()));
    expect(effectsIn(invoice({ billing_reason: 'updated' }))).toEqual(effectsIn(invoice()));
    expect(outcomeOf(invoice({ billing_reason: 'initial' }))).toBe('no_effect');
    expect(outcomeOf(invoice({ billing_reason: 'initial', status: 'refunded' }, 'subscription_payment_refunded'))).toBe(
      'no_effect',
    );
  });

  it('go by their status, not by the name of the event', () => {
    expect(outcomeOf(invoice({ status: 'refunded', refunded_amount: 1200 }))).toBe('payment.captured refund.succeeded');
    expect(outcomeOf(invoice({ status: 'void' }))).toBe('no_effect');
    expect(outcomeOf(invoice({ status: 'pending' }, 'subscription_payment_failed'))).toBe('no_effect');
  });
});

const folder = samplesFolder('webhooks', 'lemonsqueezy', 'samples');
describe.skipIf(!existsSync(folder))('the samples', () => {
  it('end as they say', () => {
    const outcomes = Object.fromEntries(
      readdirSync(folder).map((name) => [name, outcomeOf(meaningOf(lemonsqueezy, readFileSync(`${folder}/${name}`)))]),
    );
    expect(outcomes).toEqual({
      'order_created.json': 'payment.captured',
      'subscription_created.json': 'no_effect',
      'subscription_payment_refunded.json': 'no_effect',
      'subscription_payment_success.json': 'no_effect',
      'subscription_updated.json': 'no_effect',
    });
  });
});
