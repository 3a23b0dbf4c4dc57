import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { zoneOfDay } from '../../../src/ledger/accounting-day.ts';
import { type AccountRef, chart, pathPart } from '../../../src/ledger/chart.ts';
import { type Draft, draft, isFeeLook, type Look, lookedAt } from '../../../src/ledger/draft.ts';
import { contentOf, type Leg, leg, mirrored, reversalOf, summed, withoutZeros } from '../../../src/ledger/entry.ts';
import { RULE_VERSION } from '../../../src/ledger/rules.ts';
import { fromEvent, fromLine, fromMatch, fromPerson } from '../../../src/ledger/source.ts';
import { AT } from '../books.ts';
import { legShown } from './shown.ts';

/* What the rules are made of. */

const OF = { provider: 'p:x', account: 'a%1' };

describe('the chart of accounts', () => {
  const OPEN: readonly [AccountRef, string][] = [
    [chart.bankInTransit(OF), 'asset:bank_in_transit'],
    [chart.processorPending(OF), 'asset:processor_pending'],
    [chart.processorBalance(OF), 'asset:processor_balance'],
    [chart.processorReserve(OF), 'asset:processor_reserve'],
    [chart.disputesReceivable(OF), 'asset:disputes_receivable'],
    [chart.refundsPayable(OF), 'liability:refunds_payable'],
    [chart.suspense(OF), 'liability:suspense'],
    [chart.authorisations(OF), 'memo:authorisations'],
  ];
  it.each(OPEN)('%j has open items, of a provider and its account', (account, role) => {
    const type = role.slice(0, role.indexOf(':'));
    expect(account).toEqual({ path: `${role}:p%3Ax:a%251`, type, openItem: true });
  });

  const SUMS: readonly [AccountRef, string][] = [
    [chart.bank('DE:1'), 'asset:bank:DE%3A1'],
    [chart.taxRecoverable, 'asset:tax_recoverable'],
    [chart.fxPosition, 'asset:fx_position'],
    [chart.client('c%'), 'asset:client:c%25'],
    [chart.sellerPayable('s:1'), 'liability:seller_payable:s%3A1'],
    [chart.taxPayable, 'liability:tax_payable'],
    [chart.openingBalances, 'equity:opening_balances'],
    [chart.revenue, 'income:revenue'],
    [chart.platformFees, 'income:platform_fees'],
    [chart.refunds, 'income:refunds'],
    [chart.fxGainLoss, 'income:fx_gain_loss'],
    [chart.processingFees(OF), 'expense:processing_fees:p%3Ax:a%251'],
    [chart.disputeFees, 'expense:dispute_fees'],
    [chart.disputeLosses, 'expense:dispute_losses'],
    [chart.payoutFees, 'expense:payout_fees'],
    [chart.rounding, 'expense:rounding'],
    [chart.reconciliationDifferences, 'expense:reconciliation_differences'],
    [chart.authorisationsContra, 'memo:authorisations_contra'],
  ];
  it.each(SUMS)('%j is a sum', (account, path) => {
    expect(account).toEqual({ path, type: path.slice(0, path.indexOf(':')), openItem: false });
  });

  it('knows no other account', () => expect(Object.keys(chart)).toHaveLength(OPEN.length + SUMS.length));

  it('keeps names apart that only their colons tell apart', () => {
    expect(pathPart('a:b:c')).toBe('a%3Ab%3Ac');
    expect(pathPart('a%3Ab%')).toBe('a%253Ab%25');
  });
});

const BANK = chart.bank('b');

describe('legs', () => {
  it('carry null for what they do not name', () => {
    expect(leg(BANK, 'EUR', 1n)).toEqual({
      account: BANK,
      currency: 'EUR',
      amount: 1n,
      reference: null,
      component: null,
    });
    expect(leg(BANK, 'EUR', 1n, '', '')).toMatchObject({ reference: '', component: '' });
  });

  it('of nothing are left out', () => {
    expect(
      withoutZeros([leg(BANK, 'EUR', 0n), leg(BANK, 'EUR', -1n), leg(BANK, 'EUR', 1n)]).map(({ amount }) => amount),
    ).toEqual([-1n, 1n]);
  });

  it('are mirrored in their amount alone', () => {
    const one = leg(BANK, 'EUR', 5n, 'r', 'fee');
    expect(mirrored([one, leg(BANK, 'USD', -7n)])).toEqual([{ ...one, amount: -5n }, leg(BANK, 'USD', 7n)]);
  });

  it('are summed where all but the amount is the same', () => {
    const other = chart.bank('c');
    const legs = [
      leg(BANK, 'EUR', 5n, 'r', 'fee'),
      leg(BANK, 'EUR', 1n, 'r', 'gross'),
      leg(BANK, 'EUR', 2n, 'q', 'fee'),
      leg(BANK, 'USD', 3n, 'r', 'fee'),
      leg(other, 'EUR', 4n, 'r', 'fee'),
      leg(BANK, 'EUR', -7n, 'r', 'fee'),
      leg(other, 'EUR', -4n, 'r', 'fee'),
    ];
    expect(summed(legs).map(legShown)).toEqual([
      '  asset:bank:b [r fee] EUR -2',
      '  asset:bank:b [r gross] EUR 1',
      '  asset:bank:b [q fee] EUR 2',
      '  asset:bank:b [r fee] USD 3',
    ]);
  });
});

describe('the content of an effect', () => {
  const legs = [leg(chart.revenue, 'EUR', -1000n), leg(chart.processorPending(OF), 'EUR', 1000n, 'p', 'gross')];

  it('is a hash that must stay the same for good: with another one every replay is a conflict', () => {
    const lines = [
      '["asset:processor_pending:p%3Ax:a%251","p","gross","EUR","1000"]',
      '["income:revenue",null,null,"EUR","-1000"]',
    ];
    const wanted = createHash('sha256')
      .update(`\n${lines.join('\n')}`)
      .digest()
      .subarray(0, 16);
    expect(contentOf(legs)).toEqual(wanted);
    expect(contentOf(legs)).toHaveLength(16);
    expect(contentOf([...legs].reverse())).toEqual(wanted);
    expect(contentOf([], 'final')).toEqual(createHash('sha256').update('final\n').digest().subarray(0, 16));
  });

  it.each<[string, Partial<Leg>]>([
    ['account', { account: chart.refunds }],
    ['reference', { reference: 'x' }],
    ['component', { component: 'fee' }],
    ['currency', { currency: 'USD' }],
    ['amount', { amount: -999n }],
  ])('is another with another %s', (_name, change) => {
    const [first, second] = legs as [Leg, Leg];
    expect(contentOf([{ ...first, ...change }, second])).not.toEqual(contentOf(legs));
  });
});

describe('a draft', () => {
  const effect = { key: 'p:x', at: AT, type: 'kind' };
  it('has no zeros, and content of what is left and what was told', () => {
    const legs = [leg(BANK, 'EUR', 5n), leg(BANK, 'USD', 0n)];
    const made: Draft = draft(effect, legs);
    expect(made).toEqual({
      key: 'p:x',
      kind: 'kind',
      at: AT,
      legs: [legs[0]],
      content: contentOf([leg(BANK, 'EUR', 5n)]),
      look: null,
    });
    expect(draft(effect, legs, null, 'told').content).toEqual(contentOf([leg(BANK, 'EUR', 5n)], 'told'));
  });

  it('looks at a payment or at a reference', () => {
    const payment: Look = { kind: 'final', payment: 'p' };
    const fee: Look = { kind: 'fee_announced', reference: 'r' };
    expect(draft(effect, [], payment).look).toBe(payment);
    expect([lookedAt(payment), lookedAt(fee)]).toEqual(['p', 'r']);
    expect([payment, fee, null].map(isFeeLook)).toEqual([false, true, false]);
  });
});

it('a reversal is the mirror image, under a key made of the other’s', () => {
  const original = { id: 'one', effectKey: 't:a:p:captured', at: AT, legs: [leg(BANK, 'EUR', 5n, 'r')] };
  const legs = [leg(BANK, 'EUR', -5n, 'r')];
  const expected = {
    id: 'two',
    effectKey: 't:a:p:captured:reversed',
    kind: 'reversal',
    at: AT,
    legs,
    content: contentOf(legs),
    reverses: 'one',
  };
  expect(reversalOf(original, { id: 'two', kind: 'reversal', zone: null })).toStrictEqual(expected);
  expect(reversalOf(original, { id: 'two', kind: 'reversal', zone: 'UTC' })).toStrictEqual({
    ...expected,
    zone: 'UTC',
  });
});

describe('the source of a transaction', () => {
  const none = { event: null, line: null, request: null, cause: null };
  it('is one thing alone', () => {
    expect(fromEvent('e')).toEqual({ ...none, event: 'e' });
    expect(fromLine('l')).toEqual({ ...none, line: 'l' });
  });

  it('is sealed as it stands, so its text must stay the same', () => {
    const more = { pass: 'reference', score: 0.5, actor: 'system', secret: 'x' };
    expect(fromMatch(more)).toEqual({ ...none, cause: '{"pass":"reference","score":0.5,"actor":"system"}' });
    const person = { actor: 'token:1', reason: 'why', secret: 'x' };
    expect(fromPerson(person)).toEqual({ ...none, cause: '{"actor":"token:1","reason":"why"}' });
    expect(fromPerson({ ...person, approver: 'token:2' })).toEqual({
      ...none,
      cause: '{"actor":"token:1","reason":"why","approver":"token:2"}',
    });
  });
});

describe('the zone that gives a day back', () => {
  it.each([
    ['2026-03-05T12:00:00Z', '2026-03-05', null],
    ['2026-03-05T00:00:00Z', '2026-03-05', null],
    ['2026-03-05T23:59:59.999Z', '2026-03-05', null],
    ['2026-03-05T10:00:00Z', '2026-03-06', 'Etc/GMT-14'],
    ['2026-03-05T23:00:00Z', '2026-03-06', 'Etc/GMT-14'],
    ['2026-03-05T00:00:00Z', '2026-03-04', 'Etc/GMT+12'],
    ['2026-03-05T11:59:59Z', '2026-03-04', 'Etc/GMT+12'],
    // A closed period sent it there.
    ['2026-03-05T12:00:00Z', '2026-03-07', null],
    ['2026-03-05T12:00:00Z', '2026-04-01', null],
    ['2026-03-05T12:00:00Z', '2026-03-03', null],
    ['1969-12-31T23:00:00Z', '1970-01-01', 'Etc/GMT-14'],
  ])('%s on %s', (at, day, zone) => expect(zoneOfDay(Date.parse(at), day)).toBe(zone));
});

it('the rules have the version they are posted under', () => expect(RULE_VERSION).toBe(2));
