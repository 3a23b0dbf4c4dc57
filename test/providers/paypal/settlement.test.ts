import { describe, expect, it } from 'vitest';
import { paypal } from '../../../src/providers/paypal/index.ts';
import { settlement } from '../../../src/providers/paypal/settlement.ts';
import type { ReportItem } from '../../../src/providers/settlement-format.ts';
import type { PeriodBalance } from '../../../src/settlement-line.ts';
import { openItems } from '../../support/open-items.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { batchesOf, differenceOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import {
  expectedInvariants,
  expectOthersRefused,
  expectSameHoweverCut,
  fixture,
  sample,
} from '../../support/settlement-fixtures.ts';

const NAME = 'STL-20260302.01.009.CSV';
const REPORT = fixture('paypal', NAME);
const PARTS = [1, 2, 3].map((n) => fixture('paypal', `STL-20260302.A.0${n}.03.009.CSV`));
const read = (text: string, context = {}) => itemsOf(settlement, text, { fileName: NAME, ...context });
const balancesOf = (items: readonly ReportItem[]): PeriodBalance[] =>
  items.flatMap((item) => (item.type === 'settlement.opening' || item.type === 'settlement.closing' ? [item] : []));
/** The report with one text in it changed, which must be there. */
const changed = (from: string | RegExp, to: string): string => {
  const text = REPORT.replace(from, to);
  expect(text).not.toBe(REPORT);
  return text;
};
const BATCH = '2026-03-02.A';

describe('a settlement report', () => {
  it('is known by its columns, and by its name where there was no activity', () => {
    expect(settlement.recognises(REPORT, null)).toBe(true);
    expect(settlement.recognises(`\uFEFF${REPORT}`, null)).toBe(true);
    expect(settlement.recognises('"RH",2026/03/03 03:28:59 -0800,"A","X",009,\n"FH",01\n', NAME)).toBe(true);
    for (const name of ['TRR-20260302.01.008.CSV', 'SAR-20260302.01.001.CSV', 'activity-de.csv'])
      expect(settlement.recognises(fixture('paypal', name), name)).toBe(false);
    expect(settlement.recognises('type;amount\n', null)).toBe(false);
  });

  it('closes: what each row settles, and the balance before and after', async () => {
    const items = await read(REPORT);
    expect(faultsOf(items)).toEqual([]);
    const lines = linesOf(items).map(({ line }) => line);
    expect(lines.map(({ kind, gross, fee, net, currency }) => [kind, currency, gross, fee, net])).toEqual([
      ['charge', 'USD', 10_000n, 349n, 9651n],
      ['charge', 'JPY', 1500n, 94n, 1406n],
      ['refund', 'USD', -2500n, -30n, -2470n],
      ['transfer', 'USD', -3000n, 60n, -3060n],
      ['chargeback', 'USD', -4000n, 0n, -4000n],
      ['chargeback', 'USD', 0n, 1500n, -1500n],
      ['chargeback_reversal', 'USD', 4000n, 0n, 4000n],
      ['charge', 'BRL', 2200n, 360n, 1840n],
      ['fx_conversion', 'BRL', -1840n, 0n, -1840n],
      ['fx_conversion', 'USD', 327n, 0n, 327n],
      ['reserve_hold', 'USD', -500n, 0n, -500n],
      ['reserve_release', 'USD', 500n, 0n, 500n],
      ['payout', 'USD', -5000n, 0n, -5000n],
      ['other', 'USD', 7n, 0n, 7n],
    ]);
    expect(new Set(lines.map(({ batch, zone }) => `${batch} ${zone}`))).toEqual(
      new Set([`${BATCH} America/Los_Angeles`]),
    );
    expect(balancesOf(items)).toMatchObject([
      { type: 'settlement.opening', batch: BATCH, neighbour: '2026-03-01.A', currency: 'USD', amount: 50_000n },
      { type: 'settlement.closing', batch: BATCH, neighbour: '2026-03-03.A', currency: 'USD', amount: 47_955n },
      { type: 'settlement.opening', currency: 'JPY', amount: 0n },
      { type: 'settlement.closing', currency: 'JPY', amount: 1406n },
    ]);
    expect(batchesOf(items)).toMatchObject([
      { currency: 'USD', sequence: { kind: 'day', series: 'A', value: '2026-03-02' }, opening: 50_000n },
      { currency: 'JPY' },
    ]);
    for (const currency of ['USD', 'JPY', 'BRL']) expect(differenceOf(items, BATCH, currency)).toBe(0n);
  });

  it('names each thing as the webhooks do, and keeps what else names it', async () => {
    const lines = linesOf(await read(REPORT));
    expect(lines.map(({ line, keys }) => [line.identity.split(':')[0], { ...line }, keys])).toMatchObject([
      ['1CAPTURE00000001A', { reference: '1CAPTURE00000001A' }, { merchant: 'INV-1' }],
      ['1CAPTURE00000002A', {}, {}],
      ['2REFUND000000001A', { reference: '2REFUND000000001A' }, { payment: '1CAPTURE00000001A' }],
      ['3PAYOUTITEM00001A', { reference: '3PAYOUTITEM00001A' }, {}],
      ['4CHARGEBACK00001A', { reference: '1CAPTURE00000009A', component: 'dispute' }, {}],
      ['5CHARGEFEE000001A', { reference: '4CHARGEBACK00001A', component: 'dispute' }, {}],
      ['6REVERSAL0000001A', { reference: '1CAPTURE00000009A', component: 'dispute' }, {}],
      ['1CAPTURE00000003A', {}, {}],
      ['7CONVERT00000001A', {}, { payment: '1CAPTURE00000003A' }],
      ['7CONVERT00000002A', {}, {}],
      ['8HOLD0000000001AA', { hold: '1CAPTURE00000008A' }, {}],
      ['8RELEASE00000001A', { hold: '1CAPTURE00000008A' }, {}],
      ['9WITHDRAW0000001A', { payout: '9WITHDRAW0000001A' }, { bank: '1047428557493' }],
      ['0UNKNOWN0000001AA', { word: 'T8877' }, {}],
    ]);
    expect(lines[0]?.keys).toEqual({ source: '1CAPTURE00000001A', merchant: 'INV-1' });
    expect(lines[0]?.line.identity).toBe('1CAPTURE00000001A:T0006:CR:USD');
    expect(JSON.stringify(lines.map(({ raw }) => raw))).not.toContain('PAYERPAYER234');
  });

  it('settles what the webhooks announced, to nothing but what is under way', async () => {
    const event = (type: string, resourceType: string, resource: object) => {
      const body = { id: 'WH-1', event_type: type, resource_type: resourceType, resource };
      const meaning = meaningOf(paypal, Buffer.from(JSON.stringify(body)));
      return meaning.kind === 'effects' ? meaning.effects : [];
    };
    const usd = (value: string) => ({ currency_code: 'USD', value });
    const announced = [
      ...event('PAYMENT.CAPTURE.COMPLETED', 'capture', {
        id: '1CAPTURE00000001A',
        amount: usd('100.00'),
        seller_receivable_breakdown: { paypal_fee: usd('3.49') },
      }),
      ...event('PAYMENT.CAPTURE.COMPLETED', 'capture', {
        id: '1CAPTURE00000002A',
        amount: { currency_code: 'JPY', value: '1500' },
      }),
      ...event('PAYMENT.CAPTURE.REFUNDED', 'refund', {
        id: '2REFUND000000001A',
        status: 'COMPLETED',
        amount: usd('25.00'),
        seller_payable_breakdown: { paypal_fee: usd('0.30') },
        links: [{ rel: 'up', href: 'https://api.paypal.com/v2/payments/captures/1CAPTURE00000001A' }],
      }),
      ...event('PAYMENT.PAYOUTS-ITEM.SUCCEEDED', 'payouts_item', {
        payout_item_id: 'ITEM',
        transaction_id: '3PAYOUTITEM00001A',
        payout_item: { receiver: 'seller@invented.example', recipient_type: 'EMAIL', amount: usd('30.00') },
        payout_item_fee: usd('0.60'),
      }),
    ];
    expect(announced).toHaveLength(7);
    const items = await read(REPORT);
    const lines = linesOf(items).flatMap(({ line }) =>
      line.currency === 'BRL' || line.kind === 'fx_conversion' ? [] : [line],
    );
    const open = openItems('paypal', [...announced, ...lines]);
    expect(Object.keys(open).filter((name) => name.startsWith('asset:processor_pending'))).toEqual([]);
    expect(open).toMatchObject({ 'asset:bank_in_transit[9WITHDRAW0000001A] - USD': 5000n });
    // With the balances told, the period closes.
    const all = openItems('paypal', [...announced, ...linesOf(items).map(({ line }) => line), ...balancesOf(items)]);
    expect(Object.keys(all).filter((name) => name.includes(`[${BATCH}]`))).toEqual([]);
    expect(all).toMatchObject({ [`asset:processor_balance[carry:${BATCH}>2026-03-03.A] - USD`]: 47_955n });
  });

  it('is the same in three files as in one', async () => {
    const items = await read(PARTS.join(''), { fileName: 'STL-20260302.A.01.03.009.CSV' });
    expect(faultsOf(items)).toEqual([]);
    const told = (all: readonly ReportItem[]) => linesOf(all).map(({ line }) => line);
    expect(told(items)).toEqual(told(await read(REPORT)));
    expect(balancesOf(items)).toEqual(balancesOf(await read(REPORT)));
  });

  it('is the same however its bytes are cut', () => expectSameHoweverCut(settlement, REPORT, { fileName: NAME }));
  it('is no workbook and no web page', () => expectOthersRefused(settlement));

  it('is of the account it is handed in for, where the report has several', async () => {
    const [head = '', ...rest] = REPORT.split(/^(?="SF")/m);
    const section = head.slice(head.indexOf('"SH"'));
    const second = section.replaceAll('MERCHANT2345X', 'MERCHANT9999X').replaceAll('"1CAPTURE', '"2CAPTURE');
    const [usd = '', jpy = '', ...end] = rest;
    const footers = usd + jpy.slice(0, jpy.indexOf('"RF"'));
    const doubled = (jpy.slice(jpy.indexOf('"RF"')) + end.join('')).replaceAll(',14\n', ',28\n');
    const text = head + footers.replace('"SC",14', '"SC",14') + second + footers + doubled;
    const items = await read(text, { account: 'MERCHANT2345X' });
    expect(linesOf(items)).toHaveLength(14);
    expect(balancesOf(items)).toHaveLength(4);
    const unnamed = await read(text);
    expect(faultsOf(unnamed).filter(({ kind }) => kind === 'unreadable')).toMatchObject([{ field: 'SH' }]);
    expect(faultsOf(await read(REPORT, { account: 'MERCHANT3333X' }))).toMatchObject([
      { kind: 'unreadable', field: 'SH' },
    ]);
  });
});

describe('a report that contradicts itself', () => {
  it.each([
    ['gross credits', '"SF","USD",14834', '"SF","USD",14835', ['gross credits', 'ending balance']],
    ['a count', /("SF","JPY".*),1\n/, '$1,2\n', ['record count']],
    ['an ending balance', /("RF","USD".*"CR",47955,"CR",50000,"CR",)47955/, '$147954', ['ending balance']],
    ['a side', /("RF","USD".*"CR",47955,)"CR",50000/, '$1"DR",50000', ['ending balance']],
  ])('%s that is wrong is told, and everything is read', async (_, from, to, fields) => {
    const items = await read(changed(from, to));
    expect(linesOf(items)).toHaveLength(14);
    expect(faultsOf(items).map(({ kind, field }) => [kind, field?.replace(/^(?:SF|RF) [A-Z]{3} /, '')])).toEqual(
      fields.map((field) => ['contradiction', field]),
    );
    expect(faultsOf(items)[0]).toMatchObject({ batch: BATCH, row: expect.any(Number), expected: expect.any(String) });
  });

  it('a row that is cut out is missed by the footers and every count', async () => {
    const items = await read(changed(/"SB","9WITHDRAW.*\n/, ''));
    expect(faultsOf(items).map(({ field }) => field)).toEqual([
      'SF USD gross debits',
      'SF USD record count',
      'SC',
      'RF USD gross debits',
      'RF USD record count',
      'FF',
      'RC',
    ]);
    expect(faultsOf(items)[0]).toMatchObject({ expected: '16500', found: '11500' });
  });

  it.each([
    ['the footers of a currency', /"[SR]F","USD".*\n/g, ['RF USD']],
    ['the report’s header', /"RH".*\n/, ['RH']],
    ['the report’s end', /"RC".*\n/, ['RC']],
    ['the file’s end', /"FF".*\n/, ['FF']],
    ['all after its rows', /"SF"[\s\S]*/, ['RC', 'FF', 'RF USD', 'RF JPY']],
  ])('%s that is missing is told', async (_, missing, fields) => {
    const faults = faultsOf(await read(changed(missing, '')));
    expect(faults.map(({ kind, field }) => [kind, field])).toEqual(fields.map((field) => ['contradiction', field]));
  });

  it.each([
    ['first', [1, 2], ['RH', 'FH']],
    ['second', [0, 2], ['FH']],
    ['last', [0, 1], ['RC']],
  ])('the %s file of three that is missing is told', async (_, kept, fields) => {
    const text = kept.map((n) => PARTS[n]).join('');
    const faults = faultsOf(await read(text));
    expect(faults.every(({ kind }) => kind === 'contradiction')).toBe(true);
    expect(faults.map(({ field }) => field)).toEqual(expect.arrayContaining(fields));
  });

  it('files in another order, and two reports in one', async () => {
    const [first = '', second = '', third = ''] = PARTS;
    expect(faultsOf(await read(first + third + second)).map(({ field }) => field)).toEqual(
      expect.arrayContaining(['FH']),
    );
    expect(faultsOf(await read(REPORT + REPORT)).map(({ field }) => field)).toEqual(
      expect.arrayContaining(['RH', 'FH']),
    );
  });
});

describe('a row that cannot be read', () => {
  it.each([
    ['Gross Transaction Amount', '"CR",10000,"USD"', '"CR",100.00,"USD"'],
    ['Gross Transaction Amount', '"CR",10000,"USD"', '"CR",-10000,"USD"'],
    ['Gross Transaction Amount', '"CR",10000,"USD"', '"CR",,"USD"'],
    ['Gross Transaction Amount', '"CR",150000,"JPY"', '"CR",150050,"JPY"'],
    ['Transaction Debit or Credit', '"CR",10000,"USD"', '"XX",10000,"USD"'],
    ['Gross Transaction Currency', '"CR",10000,"USD"', '"CR",10000,"USX"'],
    ['Fee Amount', '"DR",349,"USD"', '"DR",3.49,"USD"'],
    ['Fee Debit or Credit', '"DR",349,"USD"', '"",349,"USD"'],
    ['Fee Currency', '"DR",349,"USD"', '"DR",349,"XXX"'],
    ['Transaction Completion Date', '10:00:00 -0800,"CR",10000', '10:00:00,"CR",10000'],
    ['Transaction Completion Date', '2026/03/02 10:00:00 -0800,"CR",10000', '2026/02/30 10:00:00 -0800,"CR",10000'],
  ])('%s: %s as %s is named with its line', async (field, from, to) => {
    const items = await read(changed(from, to));
    const unreadable = faultsOf(items).filter(({ kind }) => kind === 'unreadable');
    expect(unreadable).toMatchObject([{ field, row: from.includes('JPY') ? 6 : 5 }]);
    expect(linesOf(items)).toHaveLength(13);
  });

  it('a missing column, a record of another kind and rows before any header are named', async () => {
    const faults = async (text: string) =>
      faultsOf(await read(text)).map(({ kind, row, reason }) => [kind, row, reason]);
    expect(await faults(changed('"Fee Amount"', '"Fee"'))).toContainEqual([
      'unreadable',
      4,
      'The column Fee Amount or Montant de la commission is missing',
    ]);
    expect((await faults(changed('"SB","0UNKNOWN', '"XX","0UNKNOWN')))[0]?.slice(0, 2)).toEqual(['unreadable', 18]);
    const [first] = await faults(REPORT.slice(REPORT.indexOf('"SB"')));
    expect(first).toEqual(['unreadable', 1, expect.stringContaining('column header')]);
    expect((await faults(changed('"RC",14', '"RC",many')))[0]?.slice(0, 2)).toEqual(['unreadable', 24]);
    expect((await faults(changed('"SH",2026/03/02', '"SH",2026/02/31')))[0]?.slice(0, 2)).toEqual(['unreadable', 3]);
    expect((await faults(changed('"A","MERCHANT', '"","MERCHANT')))[0]?.slice(0, 2)).toEqual(['unreadable', 1]);
  });
});

describe.skipIf(expectedInvariants === null)('the samples', () => {
  type Body = Record<string, { rows: number; gross_cr: number; gross_dr: number; fee_cr: number; fee_dr: number }>;
  type Expected = {
    record_counts: Record<string, number>;
    body_by_currency: Body;
    footer_agrees: Record<string, boolean>;
  };
  const names = Object.keys(expectedInvariants ?? {}).filter((name) => name.startsWith('paypal/stl'));

  it('are all there', () => expect(names).toHaveLength(5));

  it.each(names)('%s gives its rows and sums', async (name) => {
    const expected = expectedInvariants?.[name] as Expected;
    const items = await itemsOf(settlement, sample(name));
    const sums: Body = {};
    // The samples' currencies all have two decimals, so that minor units are the file's own.
    for (const { line } of linesOf(items)) {
      const { gross, fee, currency } = line;
      sums[currency] ??= { rows: 0, gross_cr: 0, gross_dr: 0, fee_cr: 0, fee_dr: 0 };
      const own = line.kind === 'fee' ? -fee : gross;
      const cost = line.kind === 'fee' ? 0n : fee;
      sums[currency].rows += 1;
      sums[currency][own < 0n ? 'gross_dr' : 'gross_cr'] += Math.abs(Number(own));
      sums[currency][cost < 0n ? 'fee_cr' : 'fee_dr'] += Math.abs(Number(cost));
    }
    expect(sums).toEqual(expected.body_by_currency);
    expect(linesOf(items)).toHaveLength(expected.record_counts.SB ?? 0);
    expect(faultsOf(items).filter(({ kind }) => kind === 'unreadable')).toEqual([]);
    for (const [currency, agrees] of Object.entries(expected.footer_agrees)) {
      const wrong = faultsOf(items).filter(
        ({ field }) => /gross|fee/.test(field ?? '') && field?.startsWith(`SF ${currency}`),
      );
      expect(wrong.length === 0).toBe(agrees);
    }
    // Excerpts: each says that it is one.
    expect(faultsOf(items).map(({ field }) => field)).toContain('RC');
  });
});
