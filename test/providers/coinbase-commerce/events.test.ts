import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { coinbaseCommerce } from '../../../src/providers/coinbase-commerce/index.ts';
import { effectsIn, outcomeOf } from '../../support/meaning-outcome.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { chargeEvent, cryptoPayment, madeCharge } from './samples.ts';

const charge = (type: string, change: object = {}) =>
  meaningOf(coinbaseCommerce, chargeEvent(type, madeCharge(change)));
const paid = (transaction: string, amount: string, status = 'CONFIRMED') =>
  cryptoPayment({ transaction_id: transaction, status, value: { local: { amount, currency: 'EUR' } } });

describe('a charge', () => {
  it('is captured by each confirmed payment, in the local currency', () => {
    expect(effectsIn(charge('charge:confirmed'))).toEqual([
      {
        type: 'payment.captured',
        key: 'MADECODE:captured:0xmade1',
        at: Date.UTC(2025, 11, 31, 23, 59),
        payment: 'MADECODE',
        amount: 10000n,
        currency: 'USD',
      },
    ]);
  });

  it('posts one payment once, whichever events tell it', () => {
    const told = effectsIn(charge('charge:confirmed'));
    for (const type of ['charge:resolved', 'charge:delayed', 'charge:failed', 'charge:pending'])
      expect(effectsIn(charge(type)), type).toEqual(told);
  });

  it('posts what came in, not what was asked', () => {
    const payments = [paid('0xa', '60.00'), paid('0xb', '70.00'), paid('0xc', '1.00', 'PENDING')];
    expect(effectsIn(charge('charge:resolved', { payments }))).toMatchObject([
      { key: 'MADECODE:captured:0xa', amount: 6000n, currency: 'EUR' },
      { key: 'MADECODE:captured:0xb', amount: 7000n },
    ]);
    expect(effectsIn(charge('charge:failed', { payments: [paid('0xd', '0.01', 'confirmed')] }))).toMatchObject([
      { amount: 1n },
    ]);
  });

  it('without confirmed payments moves no money, or waits where money is said to be there', () => {
    for (const [type, expected] of [
      ['charge:created', 'no_effect'],
      ['charge:pending', 'no_effect'],
      ['charge:failed', 'no_effect'],
      ['charge:confirmed', 'deferred: object'],
      ['charge:resolved', 'deferred: object'],
      ['charge:delayed', 'deferred: object'],
    ] as const)
      expect(outcomeOf(charge(type, { payments: [paid('0xa', '1.00', 'PENDING')] })), type).toBe(expected);
  });

  it('is paid as priced where the layout lists no payments, and only if confirmed', () => {
    expect(effectsIn(charge('charge:confirmed', { payments: undefined }))).toMatchObject([
      { key: 'MADECODE:captured', amount: 10000n, currency: 'USD' },
    ]);
    expect(outcomeOf(charge('charge:resolved', { payments: undefined }))).toBe('deferred: object');
    expect(outcomeOf(charge('charge:confirmed', { payments: undefined, pricing: undefined }))).toBe('deferred: object');
    expect(outcomeOf(charge('charge:confirmed', { code: undefined, id: undefined }))).toBe('deferred: object');
  });

  it('is parked in coins, and never rounded', () => {
    const inCoins = { value: { local: { amount: '1.0', currency: 'USDC' } } };
    expect(outcomeOf(charge('charge:confirmed', { payments: [cryptoPayment(inCoins)] }))).toBe('deferred: currency');
    expect(outcomeOf(charge('charge:confirmed', { payments: [cryptoPayment({ value: undefined })] }))).toBe(
      'deferred: object',
    );
    for (const amount of ['100.005', '-1.00', '1e2'])
      expect(() => charge('charge:confirmed', { payments: [paid('0xa', amount)] }), amount).toThrow(
        expect.objectContaining({ code: 'amount_invalid' }),
      );
  });

  it('tells invoices as evidence', () => {
    expect(outcomeOf(charge('invoice:paid'))).toBe('no_effect');
    expect(outcomeOf(charge('charge:refunded'))).toBe('deferred: adapter');
  });
});

const folder = samplesFolder('webhooks');
describe.skipIf(!existsSync(folder))('the samples', () => {
  it('end as they say', () => {
    const read = (path: string) => JSON.parse(readFileSync(`${folder}/${path}`, 'utf8'));
    const outcomes = new Set<string>();
    for (const { body_base64: body } of read('coinbase-commerce/vectors.json') as { body_base64: string }[])
      outcomes.add(outcomeOf(meaningOf(coinbaseCommerce, Buffer.from(body, 'base64'))));
    expect([...outcomes]).toEqual(['no_effect']);
    const cases = read('_robustness/cases.json') as { name: string; requests: { body_base64: string }[] }[];
    const attempts = cases.find(({ name }) => name === 'coinbase-attempts')?.requests ?? [];
    const told = attempts.map(({ body_base64: body }) => meaningOf(coinbaseCommerce, Buffer.from(body, 'base64')));
    expect(told.map(outcomeOf)).toEqual(['payment.captured', 'payment.captured']);
    expect(told[0]).toEqual(told[1]);
  });
});
