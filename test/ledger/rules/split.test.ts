import { describe, expect, it } from 'vitest';
import { chart } from '../../../src/ledger/chart.ts';
import { type Leg, leg } from '../../../src/ledger/entry.ts';
import { liveRefunds, movedParts, refundMarker, sellersParts, withParts } from '../../../src/ledger/split.ts';
import { legShown } from './shown.ts';

const OF = { provider: 't', account: 'a' };
const A = 'liability:seller_payable:a';
const B = 'liability:seller_payable:b';

/** A capture of `amount`, of which `parts` are the sellers'. */
function capture(amount: bigint, parts: Record<string, bigint>): Leg[] {
  const sellers = Object.entries(parts).map(([id, part]) => leg(chart.sellerPayable(id), 'EUR', -part));
  const passedOn = Object.values(parts).reduce((sum, part) => sum + part, 0n);
  return [
    leg(chart.processorPending(OF), 'EUR', amount, 'p', 'gross'),
    leg(chart.processorPending(OF), 'EUR', -7n, 'p', 'fee'),
    ...sellers,
    leg(chart.revenue, 'EUR', passedOn - amount),
  ];
}

describe('the refunds counted under a payment', () => {
  it('are marked by what they give back, and whether they still do', () => {
    expect(refundMarker('r', 100n, true)).toBe('refunded:r:100');
    expect(refundMarker('r:1', 100n, false)).toBe('unrefunded:r:1:100');
  });

  it('are summed, less those that failed, whatever their names', () => {
    const names = ['r', 'r:7', '', 'refunded:5', 'unrefunded:r:5', 'line\nbreak', '7:'];
    const live = names.map((name) => refundMarker(name, 100n, true));
    expect(liveRefunds(live)).toBe(700n);
    expect(liveRefunds([...live, refundMarker('r', 100n, false), refundMarker('line\nbreak', 30n, false)])).toBe(570n);
    expect(liveRefunds([])).toBe(0n);
  });

  it.each([
    'captured',
    'refunded',
    'refunded:r',
    'refunded:r:',
    'refunded:r:x',
    'refunded:r:1x',
    'xrefunded:r:1',
    'split:refunded:r:1',
    'refunded:r:-1',
  ])('are not %s', (key) => expect(liveRefunds([key])).toBe(0n));
});

describe('the sellers’ parts', () => {
  it('are what was refunded by what was passed on, rounded down', () => {
    expect(sellersParts([capture(1000n, { a: 300n, b: 401n })], 333n)).toEqual(
      new Map([
        [A, 99n],
        [B, 133n],
      ]),
    );
  });

  it('are of all captures together', () => {
    const captures = [capture(500n, { a: 300n }), capture(500n, { a: 100n, b: 50n })];
    expect(sellersParts(captures, 100n)).toEqual(
      new Map([
        [A, 40n],
        [B, 5n],
      ]),
    );
  });

  it('are all of it and no more where all or more is refunded', () => {
    for (const refunded of [1000n, 1001n, 9999n]) {
      expect(sellersParts([capture(1000n, { a: 300n })], refunded)).toEqual(new Map([[A, 300n]]));
    }
    expect(sellersParts([capture(1000n, { a: 300n })], 999n)).toEqual(new Map([[A, 299n]]));
  });

  it('are nothing where nothing was captured or refunded', () => {
    expect(sellersParts([], 100n)).toEqual(new Map());
    expect(sellersParts([capture(0n, { a: 300n })], 100n)).toEqual(new Map([[A, 0n]]));
    expect(sellersParts([capture(1000n, { a: 300n })], 0n)).toEqual(new Map([[A, 0n]]));
  });

  it('move as legs that balance, from our own part of the refunds', () => {
    const moved = movedParts(
      new Map([
        [A, 10n],
        [B, 5n],
      ]),
      new Map([
        [A, 30n],
        [B, 5n],
      ]),
      'EUR',
    );
    expect(moved.map(legShown)).toEqual(['  income:refunds EUR -20', `  ${A} EUR 20`]);
    expect(moved[1]?.account).toEqual({ path: A, type: 'liability', openItem: false });
    const back = movedParts(new Map([[A, 10n]]), new Map([[B, 5n]]), 'USD');
    expect(back.map(legShown)).toEqual(['  income:refunds USD 5', `  ${A} USD -10`, `  ${B} USD 5`]);
    expect(movedParts(new Map([[A, 10n]]), new Map([[A, 10n]]), 'EUR')).toEqual([]);
    expect(movedParts(new Map([[A, 10n]]), new Map([[B, 10n]]), 'EUR').map(legShown)).toEqual([
      `  ${A} EUR -10`,
      `  ${B} EUR 10`,
    ]);
  });

  it('become lines of the refund, and its own line what is left of it', () => {
    const refund = [leg(chart.refunds, 'EUR', 100n), leg(chart.refundsPayable(OF), 'EUR', -100n, 'r')];
    const shown = (before: bigint, after: bigint): string[] =>
      withParts(refund, movedParts(new Map([[A, before]]), new Map([[A, after]]), 'EUR')).map(legShown);
    const payable = '  liability:refunds_payable:t:a [r] EUR -100';
    expect(shown(0n, 60n)).toEqual(['  income:refunds EUR 40', payable, `  ${A} EUR 60`]);
    expect(shown(0n, 100n)).toEqual([payable, `  ${A} EUR 100`]);
    expect(shown(5n, 5n)).toEqual(['  income:refunds EUR 100', payable]);
  });
});
