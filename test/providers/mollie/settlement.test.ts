import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mollie } from '../../../src/providers/mollie/index.ts';
import { settlements } from '../../../src/providers/mollie/settlement.ts';
import { openItems } from '../../support/open-items.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { differenceOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { mollieEvent, molliePayment, mollieRefund } from './samples.ts';

const eur = (value: string) => ({ value, currency: 'EUR' });
const revenue = (value: string) => ({
  description: 'iDEAL',
  method: 'ideal',
  count: 1,
  amountNet: eur(value),
  amountVat: null,
});
const costs = (net: string, vat: string) => ({
  description: 'iDEAL',
  method: 'ideal',
  count: 1,
  amountNet: eur(net),
  amountVat: eur(vat),
});
const settlement = (amount: string, month: object, change: object = {}): object => ({
  resource: 'settlement',
  id: 'stl_MADE1',
  reference: '1234567.2601.01',
  createdAt: '2026-01-05T06:00:01.0Z',
  settledAt: '2026-01-06T09:41:44.0Z',
  status: 'paidout',
  amount: eur(amount),
  periods: { '2025': { '12': month } },
  ...change,
});
const settled = { settlementAmount: eur('20.00'), settlementId: 'stl_MADE1' };
const PAYMENT = molliePayment({ ...settled, description: 'Order 7', details: { consumerName: 'A. Person' } });
const REFUND = mollieRefund({ settlementAmount: eur('-5.95'), settlementId: 'stl_MADE1' });
const page = (name: string, elements: readonly object[], next: object | null = null): object => ({
  count: elements.length,
  _embedded: { [name]: elements },
  _links: { next },
});
const file = (...parts: readonly object[]) => parts.map((part) => JSON.stringify(part)).join('\n');
const read = (...parts: readonly object[]) => itemsOf(settlements, file(...parts));

const MONTH = { revenue: [revenue('20.0000'), revenue('-5.9500')], costs: [costs('0.3250', '0.0683')] };

describe('settlements', () => {
  it('are their objects less their costs, rounded once', async () => {
    const items = await read(settlement('13.66', MONTH), page('payments', [PAYMENT]), page('refunds', [REFUND]));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toMatchObject([
      { line: { kind: 'payout', payout: 'stl_MADE1', gross: -1366n }, keys: { bank: '1234567.2601.01' } },
      {
        raw: JSON.stringify(MONTH.costs[0]),
        line: { kind: 'fee', gross: 0n, fee: 32n, tax: 7n, net: -39n },
        residue: '-0.33',
        paymentMethod: 'ideal',
      },
      {
        line: {
          identity: 'tr_MADE1',
          kind: 'charge',
          reference: 'tr_MADE1',
          batch: 'stl_MADE1',
          gross: 2000n,
          at: Date.parse('2026-01-06T09:41:44Z'),
          zone: 'Europe/Amsterdam',
        },
        occurredAt: Date.parse('2025-12-31T23:00:00Z'),
        keys: { payment: 'tr_MADE1', merchant: 'Order 7' },
      },
      { line: { kind: 'refund', reference: 're_MADE1', gross: -595n }, keys: { payment: 'tr_MADE1' } },
    ]);
    expect(differenceOf(items, 'stl_MADE1', 'EUR')).toBe(0n);
  });

  it('rounds what its lines gave up at its end', async () => {
    const month = { ...MONTH, costs: [costs('0.3250', '0.0000'), costs('0.3250', '0.0000')] };
    const items = await read(settlement('13.40', month), page('payments', [PAYMENT]), page('refunds', [REFUND]));
    expect(linesOf(items).at(-1)).toMatchObject({ line: { kind: 'rounding', net: -1n } });
    expect(differenceOf(items, 'stl_MADE1', 'EUR')).toBe(0n);
    const more = await read(settlement('13.30', month), page('payments', [PAYMENT]), page('refunds', [REFUND]));
    expect(differenceOf(more, 'stl_MADE1', 'EUR')).toBe(11n);
  });

  it('keep nothing of who paid', async () => {
    const items = await read(settlement('20.00', { revenue: [revenue('20.0000')] }), page('payments', [PAYMENT]));
    expect(linesOf(items)[1]?.raw).toContain('"details":"[removed]"');
    expect(linesOf(items)[1]?.raw).not.toContain('Person');
  });

  it('settle what the webhooks announced, in the payer’s currency too', async () => {
    const usd = { amount: { value: '30.00', currency: 'USD' } };
    const bodies = [
      mollieEvent('payment.paid', molliePayment(usd)),
      mollieEvent('refund.refunded', mollieRefund()),
      mollieEvent('chargeback.created', {
        resource: 'chargeback',
        id: 'chb_MADE1',
        amount: eur('3.00'),
        paymentId: 'tr_MADE1',
        createdAt: '2026-01-01T00:00:00+00:00',
      }),
      // What it cost is in the settlement, without a payment: an item of its own would stay open.
      mollieEvent('balance-transaction.created', {
        resource: 'balance-transaction',
        id: 'baltr_MADE1',
        type: 'payment',
        initialAmount: eur('27.00'),
        deductions: eur('-0.31'),
        context: { paymentId: 'tr_MADE1' },
      }),
    ];
    const events = bodies.flatMap((body) => {
      const meaning = meaningOf(mollie, body);
      return meaning.kind === 'effects' ? meaning.effects : [];
    });
    const chargeback = {
      id: 'chb_MADE1',
      amount: eur('3.00'),
      settlementAmount: eur('-3.00'),
      settlementId: 'stl_MADE1',
      paymentId: 'tr_MADE1',
      createdAt: '2026-01-01T00:00:00+00:00',
    };
    const items = await read(
      settlement('11.05', { revenue: [revenue('20.0000'), revenue('-8.9500')] }),
      page('payments', [{ ...PAYMENT, ...usd }]),
      page('refunds', [REFUND]),
      page('chargebacks', [chargeback]),
    );
    expect(faultsOf(items)).toEqual([]);
    const open = openItems('mollie', [...events, ...linesOf(items).map(({ line }) => line)]);
    expect(open).toEqual({
      'asset:bank_in_transit[stl_MADE1] - EUR': 1105n,
      'asset:disputes_receivable[chb_MADE1] - EUR': 300n,
    });
  });

  it('of a payment that is captured apart, each capture', async () => {
    const apart = { ...PAYMENT, captureMode: 'manual', settlementAmount: null };
    const capture = {
      id: 'cpt_1',
      amount: eur('12.00'),
      settlementAmount: eur('12.00'),
      settlementId: 'stl_MADE1',
      paymentId: 'tr_MADE1',
      createdAt: '2026-01-01T00:00:00+00:00',
    };
    const items = await read(
      settlement('12.00', { revenue: [revenue('12.0000')] }),
      page('payments', [apart]),
      page('captures', [capture]),
    );
    expect(linesOf(items).slice(1)).toMatchObject([
      { line: { identity: 'cpt_1', kind: 'charge', reference: 'tr_MADE1', gross: 1200n } },
    ]);
    expect(faultsOf(items)).toEqual([]);
  });

  it('that failed give the money back to the balance', async () => {
    const items = await read(
      settlement('20.00', { revenue: [revenue('20.0000')] }, { status: 'failed' }),
      page('payments', [PAYMENT]),
    );
    expect(linesOf(items).at(-1)).toMatchObject({ line: { kind: 'payout_reversal', payout: 'stl_MADE1', net: 2000n } });
    expect(differenceOf(items, 'stl_MADE1', 'EUR')).toBe(0n);
  });
});

describe('what contradicts itself', () => {
  const whole = [
    settlement('14.05', { revenue: [revenue('14.0500')] }),
    page('payments', [PAYMENT]),
    page('refunds', [REFUND]),
  ];
  it('nothing, where all is there', async () => expect(faultsOf(await read(...whole))).toEqual([]));

  it('a list that is missing', async () => {
    expect(faultsOf(await read(...whole.slice(0, 2)))).toMatchObject([
      { kind: 'contradiction', field: 'periods.revenue', expected: '1405', found: '2000' },
    ]);
  });

  it('a page that is missing', async () => {
    const cut = page('payments', [PAYMENT], {
      href: 'https://api.mollie.com/v2/settlements/stl_MADE1/payments?from=tr_2',
    });
    const faults = faultsOf(await read(...whole.slice(0, 1), cut, ...whole.slice(2)));
    expect(faults).toMatchObject([{ kind: 'contradiction', field: '_embedded.payments _links.next' }]);
  });

  it.each([
    ['settlementAmount', { settlementAmount: null }],
    ['settlementAmount', { settlementAmount: { value: '1,00', currency: 'EUR' } }],
    ['settlementAmount', { settlementAmount: { value: '1.00', currency: 'XXX' } }],
    ['createdAt', { createdAt: 'now' }],
    ['id', { id: null }],
  ])('an object without %s', async (field, change) => {
    const items = await read(whole[0] ?? {}, page('payments', [{ ...PAYMENT, ...change }]), ...whole.slice(2));
    expect(faultsOf(items)[0]).toMatchObject({ kind: 'unreadable', row: 2, field });
  });

  it('a settlement that is open still', async () => {
    const open = settlement('14.05', { revenue: [revenue('14.0500')] }, { status: 'open' });
    expect(faultsOf(await read(open))).toMatchObject([{ kind: 'unreadable', field: 'status' }]);
  });

  it('costs in another currency', async () => {
    const month = { costs: [{ ...costs('1', '0'), amountNet: { value: '1', currency: 'GBP' } }] };
    expect(faultsOf(await read(settlement('1.00', month)))).toMatchObject([
      { kind: 'unreadable', field: 'periods.costs' },
    ]);
  });
});

it('is the same in whatever pieces it comes', async () => {
  const text = file(settlement('13.66', MONTH), page('payments', [PAYMENT]), page('refunds', [REFUND]));
  const whole = await itemsOf(settlements, text, {}, text.length);
  for (const chunk of [1, 2, 3, 17, 500]) expect(await itemsOf(settlements, text, {}, chunk)).toEqual(whole);
});

const samples = samplesFolder('settlements', 'mollie');
describe.skipIf(!existsSync(samples))("Mollie's own examples", () => {
  const text = (name: string) => readFileSync(`${samples}/${name}.json`, 'utf8');

  it.each(['settlement', 'php_fake_settlement', 'settlement_captures', 'settlement_refunds'])('%s is known', (name) => {
    expect(settlements.recognises(text(name), null)).toBe(true);
  });

  it('revenue less costs, each rounded to a cent, is the amount but for the rounding', async () => {
    const items = await itemsOf(settlements, text('settlement'));
    // The example has none of the objects: they would come to 86.10 − 43.20.
    expect(faultsOf(items)).toMatchObject([{ field: 'periods.revenue', expected: '4290', found: '0' }]);
    const taken = linesOf(items).filter(({ line }) => line.kind === 'fee');
    expect(taken.map(({ line: { fee, tax, net }, residue }) => [fee, tax, net, residue])).toEqual([
      [210n, 44n, -254n, '-0.1'],
      [50n, 10n, -60n, '-0.5'],
    ]);
    const paid = { id: 'tr_x', createdAt: '2018-04-01T00:00:00.0Z', settlementId: 'stl_jDk30akdN' };
    const payment = { ...paid, amount: eur('42.90'), settlementAmount: eur('42.90') };
    const closed = await itemsOf(settlements, text('settlement') + JSON.stringify(page('payments', [payment])));
    expect(faultsOf(closed)).toEqual([]);
    expect(linesOf(closed).at(-1)).toMatchObject({ line: { kind: 'rounding', net: -1n } });
    expect(differenceOf(closed, 'stl_jDk30akdN', 'EUR')).toBe(0n);
  });

  it('a capture and a refund are lines of their settlement', async () => {
    const items = await itemsOf(settlements, text('settlement_captures') + text('settlement_refunds'));
    expect(linesOf(items)).toMatchObject([
      { line: { kind: 'charge', reference: 'tr_WDqYK6vllg', batch: 'stl_jDk30akdN', gross: 39_900n } },
      { line: { kind: 'refund', reference: 're_3aKhkUNigy', gross: -1000n } },
    ]);
    // The second refund of the example is {}.
    expect(faultsOf(items)).toMatchObject([{ kind: 'unreadable', row: 3, field: 'id' }]);
  });
});
