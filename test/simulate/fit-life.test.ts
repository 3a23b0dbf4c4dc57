import { describe, expect, it } from 'vitest';
import { type Abilities, fitLife } from '../../src/simulate/fit-life.ts';
import { type Life, liveOnce } from '../../src/simulate/life.ts';
import { createRandom } from '../../src/simulate/random.ts';

const ALL: Abilities = {
  captures: 'parts',
  captureFailure: 'any',
  fees: true,
  refunds: 'many',
  refundFailure: 'later',
  disputes: 'cycles',
  payouts: 'may_fail',
};
const NONE: Abilities = {
  captures: 'at_once',
  captureFailure: 'none',
  fees: false,
  refunds: 'none',
  refundFailure: 'none',
  disputes: 'none',
  payouts: 'none',
};

const lives = Array.from({ length: 500 }, (_, n) => liveOnce(n, 0, createRandom(`fit${n}`)));
const capturedOf = ({ captures, amount }: Life): bigint => (captures ?? [amount]).reduce((sum, part) => sum + part, 0n);

describe('a life fitted to what a processor can tell', () => {
  it('stays as it is where all can be told', () => {
    for (const life of lives) expect(fitLife(life, ALL)).toEqual(life);
  });

  it('is a payment and nothing else where no more can be told', () => {
    for (const life of lives) {
      expect(fitLife(life, NONE)).toMatchObject({ captures: null, captureFails: false, refunds: [], dispute: null });
      expect(fitLife(life, NONE)).toMatchObject({ payout: null, fee: { told: 'never' } });
    }
  });

  it('is captured whole, and disputes and payouts are of the whole', () => {
    for (const life of lives) {
      const fitted = fitLife(life, { ...ALL, captures: 'whole' });
      expect(capturedOf(fitted)).toBe(life.amount);
      if (fitted.dispute !== null) expect(fitted.dispute.amount).toBe(life.amount);
      if (fitted.payout !== null) expect(fitted.payout.amount).toBe(life.amount);
    }
  });

  it('never gives more back than one capture held, where a refund names one', () => {
    for (const life of lives) {
      const { captures, amount, refunds } = fitLife(life, { ...ALL, refunds: 'of_first_capture' });
      expect(refunds.reduce((sum, one) => sum + one.amount, 0n)).toBeLessThanOrEqual(captures?.[0] ?? amount);
    }
  });

  it('takes an authorised payment back only where captures fail apart', () => {
    const failing = lives.filter(({ captureFails }) => captureFails);
    expect(failing.length).toBeGreaterThan(10);
    for (const life of failing)
      expect(fitLife(life, { ...ALL, captureFailure: 'apart' }).captureFails).toBe(life.captures !== null);
  });

  it.each([
    ['at_once', ['failed', 'succeeded']],
    ['none', ['succeeded']],
  ] as const)('has refunds that fail %s end as %j', (refundFailure, outcomes) => {
    const refunds = lives.flatMap((life) => fitLife(life, { ...ALL, refundFailure }).refunds);
    expect([...new Set(refunds.map(({ outcome }) => outcome))].sort()).toEqual(outcomes);
  });

  it.each([
    ['endless', ['withdrawn', 'withdrawn reinstated', 'withdrawn reinstated withdrawn']],
    ['outcome', ['withdrawn', 'withdrawn reinstated']],
    ['return', ['withdrawn', 'withdrawn reinstated']],
    ['withdrawal', ['withdrawn']],
    ['loss', ['', 'withdrawn']],
    ['words', ['']],
  ] as const)('has money of disputes move as %s tells it', (disputes, movements) => {
    const fitted = lives.flatMap((life) => fitLife(life, { ...ALL, disputes }).dispute ?? []);
    expect([...new Set(fitted.map((one) => one.movements.join(' ')))].sort()).toEqual(movements);
    // Whoever has the money in the end has won.
    for (const { movements: moved, outcome } of fitted)
      if (disputes !== 'words' && outcome === 'lost') expect(moved).toHaveLength(1);
    if (disputes === 'endless' || disputes === 'return')
      expect(fitted.some(({ outcome }) => outcome === 'lost')).toBe(false);
  });
});
