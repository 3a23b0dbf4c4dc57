import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { activity } from '../../../src/providers/paypal/activity.ts';
import { paypal } from '../../../src/providers/paypal/index.ts';
import { settlement } from '../../../src/providers/paypal/settlement.ts';
import { subscriptionAgreements } from '../../../src/providers/paypal/subscription-agreements.ts';
import { transactionDetail } from '../../../src/providers/paypal/transaction-detail.ts';
import { faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { expectOthersRefused, expectSameHoweverCut, fixture, sample } from '../../support/settlement-fixtures.ts';

const TRR = fixture('paypal', 'TRR-20260302.01.008.CSV');
const SAR = fixture('paypal', 'SAR-20260302.01.001.CSV');
const ACTIVITY = fixture('paypal', 'activity-de.csv');
/** What the fixtures tell of people. */
const PERSONAL = /Ada|Bo Inv|nvented|Whoville|97211|PAYERPAYER|ring twice|klingeln|Tea|\+49/;

it('only one report of PayPal moves money, and each is known by itself', () => {
  expect(paypal.settlements?.map(({ name, role }) => [name, role({})])).toEqual([
    ['settlement', 'money'],
    ['transaction_detail', 'control'],
    ['transaction_search', 'control'],
    ['subscription_agreements', 'control'],
    ['activity', 'control'],
  ]);
  for (const [text, format] of [
    [TRR, transactionDetail],
    [SAR, subscriptionAgreements],
    [ACTIVITY, activity],
    [fixture('paypal', 'STL-20260302.01.009.CSV'), settlement],
  ] as const)
    expect(paypal.settlements?.filter((one) => one.recognises(text, null))).toEqual([format]);
});

describe('a transaction detail report', () => {
  it('tells what moved as the settlement report does, and nothing of people', async () => {
    const items = await itemsOf(transactionDetail, TRR);
    expect(faultsOf(items)).toEqual([]);
    const settled = linesOf(await itemsOf(settlement, fixture('paypal', 'STL-20260302.01.009.CSV')));
    const lines = linesOf(items);
    expect(lines.map(({ row, line }) => [row, line.identity, line.gross])).toEqual([
      [5, '1CAPTURE00000001A:T0006:CR:USD', 10_000n],
      [9, '2REFUND000000001A:T1107:DR:USD', -2500n],
    ]);
    expect(settled.map(({ line }) => line.identity)).toEqual(
      expect.arrayContaining(lines.map(({ line }) => line.identity)),
    );
    expect(JSON.stringify(lines, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toMatch(
      PERSONAL,
    );
  });

  it('tells nothing of people in its faults either', async () => {
    const cut = TRR.slice(0, TRR.indexOf('ada@invented'));
    const odd = TRR.replace('"A gift for Ada",', '"A gift for Ada"x,');
    for (const text of [cut, odd, TRR.replace('"CR",10000', '"CR",x')]) {
      const faults = faultsOf(await itemsOf(transactionDetail, text));
      expect(faults.filter(({ kind }) => kind === 'unreadable').length).toBeGreaterThan(0);
      expect(JSON.stringify(faults)).not.toMatch(PERSONAL);
    }
  });

  it.each(['SF', 'SC', 'RF', 'RC', 'FF'])('%s states another count', async (code) => {
    const faults = faultsOf(await itemsOf(transactionDetail, TRR.replace(`"${code}",5`, `"${code}",6`)));
    expect(faults).toMatchObject([{ kind: 'contradiction', field: code, expected: '6', found: '5' }]);
  });

  it('is the same however cut', () => expectSameHoweverCut(transactionDetail, TRR));
  it('is no workbook', () => expectOthersRefused(transactionDetail));
});

describe('a subscription agreement report', () => {
  it('is a line of nothing for each row, without the subscriber', async () => {
    const items = await itemsOf(subscriptionAgreements, SAR);
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toMatchObject([
      { line: { kind: 'other', word: 'S0000', net: 0n }, keys: { source: 'S-MADE00000001', merchant: 'ref-9' } },
    ]);
    expect(linesOf(items)[0]?.raw).not.toMatch(PERSONAL);
    expect(faultsOf(await itemsOf(subscriptionAgreements, SAR.replace('"EUR"', '"XXX"')))).toMatchObject([
      { field: 'Subscription Currency', row: 5 },
    ]);
    expect(
      faultsOf(await itemsOf(subscriptionAgreements, SAR.replace('2026/03/02 01:00:00 -0800', 'soon'))),
    ).toMatchObject([{ field: 'Subscription Creation Date', row: 5 }]);
  });
  it('is the same however cut', () => expectSameHoweverCut(subscriptionAgreements, SAR));
});

describe('an activity download', () => {
  it('is read in its own language, without the people in it', async () => {
    const items = await itemsOf(activity, ACTIVITY);
    expect(faultsOf(items)).toEqual([]);
    const lines = linesOf(items);
    expect(lines.map(({ line }) => [line.gross, line.fee, line.net, line.batch])).toEqual([
      [123_456n, 4321n, 119_135n, '2026-03-02.Europe/Amsterdam'],
      [-3456n, 0n, -3456n, '2026-03-04.Europe/Amsterdam'],
    ]);
    expect(lines[0]?.line.at).toBe(Date.parse('2026-03-02T09:00:00Z'));
    expect(JSON.stringify(lines.map(({ raw, keys }) => [raw, keys]))).not.toMatch(PERSONAL);
  });

  const HEADER = 'Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,Net,Transaction ID,Reference Txn ID,Balance\n';
  const row = (date: string, gross: string, balance: string, currency = 'USD') =>
    `${date},10:00:00,PST,Ada,Website Payment,Completed,${currency},"${gross}",0.00,"${gross}",T${balance.replaceAll(/\D/g, '')},,"${balance}"\n`;
  const read = (text: string) => itemsOf(activity, HEADER + text);

  it('finds out whether the day or the month stands first', async () => {
    const days = async (text: string) => linesOf(await read(text)).map(({ line }) => line.batch.slice(0, 10));
    expect(await days(row('3/4/2026', '1.00', '1.00') + row('3/25/2026', '1.00', '2.00'))).toEqual([
      '2026-03-04',
      '2026-03-25',
    ]);
    expect(await days(row('03/04/2026', '1.00', '1.00') + row('25/04/2026', '1.00', '2.00'))).toEqual([
      '2026-04-03',
      '2026-04-25',
    ]);
    expect(await days(row('2026-04-03', '1.00', '1.00'))).toEqual(['2026-04-03']);
    const items = await read(row('3/4/2026', '1.00', '1.00') + row('3/5/2026', '1.00', '2.00'));
    expect(linesOf(items)).toEqual([]);
    expect(faultsOf(items)).toMatchObject([
      { kind: 'unreadable', row: 2, field: 'Date' },
      { row: 3, field: 'Date' },
    ]);
  });

  it.each([
    ['1,653.75', 165_375n],
    ['-1,234,567.89', -123_456_789n],
    ['12.5', 1250n],
    ['1.653,75', 165_375n],
    ['1 653,75', 165_375n],
    ['1’653.75', 165_375n],
    ['−1.00', -100n],
  ])('reads %s', async (text, minor) => {
    const [line] = linesOf(await itemsOf(activity, HEADER + row('2026-03-04', text, '1').replace('0.00', '0')));
    expect(line?.line.gross).toBe(minor);
  });

  it('reads whole yen, in groups of three', async () => {
    const text = row('2026-03-04', '1,500', '1,500', 'JPY').replace('0.00', '0');
    expect(linesOf(await itemsOf(activity, HEADER + text))).toMatchObject([{ line: { gross: 1500n } }]);
  });

  it.each(['1.2.3', '1,23,45', 'abc', '', '1.234.56', '--1', '1,5.0'])('refuses %j for an amount', async (text) => {
    expect(faultsOf(await read(row('2026-03-04', text, '1.00')))).toMatchObject([{ kind: 'unreadable', row: 2 }]);
  });

  it('refuses two ways of writing in one file', async () => {
    const items = await read(row('2026-03-04', '1.50', '1.50') + row('2026-03-05', '1,50', '3.00'));
    expect(faultsOf(items)).toMatchObject([{ kind: 'unreadable', row: 3, field: 'Gross' }]);
  });

  it('follows the balances in either order, and says where they break', async () => {
    const a = row('2026-03-04', '1.00', '1.00');
    const b = row('2026-03-05', '2.00', '3.00');
    const c = row('2026-03-06', '3.00', '6.00');
    expect(faultsOf(await read(a + b + c))).toEqual([]);
    expect(faultsOf(await read(c + b + a))).toEqual([]);
    expect(faultsOf(await read(a + c))).toMatchObject([{ kind: 'contradiction', field: 'Balance USD', row: 3 }]);
    expect(faultsOf(await read(a.replace(',0.00,', ',-0.10,')))).toMatchObject([
      { kind: 'contradiction', field: 'Net' },
    ]);
  });

  it('is the same however cut', () => expectSameHoweverCut(activity, ACTIVITY));
  it('is no workbook', () => expectOthersRefused(activity));
});

const folder = samplesFolder('settlements', 'paypal');
describe.skipIf(!existsSync(folder))('the samples', () => {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  it.each(names.filter((name) => name.startsWith('dashboard')))('%s: every balance follows', async (name) => {
    const text = sample('paypal', name);
    expect(activity.recognises(text, name)).toBe(true);
    const items = await itemsOf(activity, text);
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toHaveLength(text.trim().split('\n').length - 1);
    expect(linesOf(items).some(({ line }) => line.kind === 'other')).toBe(false);
  });

  it.each(names.filter((name) => /^(?:trr|sar)/.test(name)))('%s: each row, or why not', async (name) => {
    const text = sample('paypal', name);
    const format = name.startsWith('trr') ? transactionDetail : subscriptionAgreements;
    expect(format.recognises(text, name)).toBe(true);
    const items = await itemsOf(format, text);
    expect(linesOf(items)).toHaveLength(name.includes('denied') ? 0 : 1);
    expect(faultsOf(items).every(({ kind }) => kind === 'contradiction')).toBe(true);
    expect(JSON.stringify(linesOf(items).map(({ raw }) => raw))).not.toMatch(/Whoville|Cindy|Donantus|generous|Faux/);
  });
});
