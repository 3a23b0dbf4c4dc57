import { describe, expect, it } from 'vitest';
import { isoAmount, stripeCurrency } from '../../../src/providers/stripe/currency.ts';
import { effects, normalise } from './normalise.ts';
import { stripeCharge } from './samples.ts';

const iso = (text: string, code: string): bigint => isoAmount(text, stripeCurrency(code));

describe('Stripe amounts', () => {
  it('are ISO minor units, the exceptions converted', () => {
    const cases: [string, string, bigint][] = [
      ['1050', 'eur', 1050n],
      ['12345', 'jpy', 12345n],
      ['500000', 'isk', 5000n],
      ['500000', 'ugx', 5000n],
      ['7', 'mga', 700n],
      ['100000', 'huf', 100000n],
      ['2500', 'twd', 2500n],
      ['1000', 'clp', 1000n],
      ['1234', 'idr', 1234n],
      ['1230', 'kwd', 1230n],
      ['-100', 'isk', -1n],
    ];
    for (const [text, code, wanted] of cases) expect(iso(text, code), code).toBe(wanted);
  });

  it('are parked where the currency is unknown, or its scale at Stripe is', () => {
    for (const code of ['usdc', 'xau', 'iqd', 'clf', 'eur ', '', '__proto__']) {
      expect(() => stripeCurrency(code), code).toThrowError(expect.objectContaining({ code: 'currency_unknown' }));
    }
    const meaning = normalise('charge.succeeded', stripeCharge({ currency: 'usdc' }));
    expect(meaning).toMatchObject({ kind: 'deferred', waitingFor: 'currency', until: null, amount: null });
    expect(meaning.references).toContainEqual({ kind: 'payment', id: 'ch_1' });
  });

  it('are parked, not rounded, where they do not convert exactly', () => {
    expect(
      normalise('charge.succeeded', stripeCharge({ currency: 'isk', amount_captured: 500_050, amount: 500_050 })),
    ).toMatchObject({
      kind: 'deferred',
      waitingFor: 'currency',
    });
    expect(
      effects('charge.succeeded', stripeCharge({ currency: 'isk', amount_captured: 500_000, amount: 500_000 })),
    ).toMatchObject([{ amount: 5_000n, currency: 'ISK', key: 'ch_1:captured:5000' }]);
  });
});
