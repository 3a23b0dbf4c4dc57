import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adyen } from '../../../src/providers/adyen/index.ts';
import { checkout } from '../../../src/providers/checkout/index.ts';
import { klarna } from '../../../src/providers/klarna/index.ts';
import { paypal } from '../../../src/providers/paypal/index.ts';
import { worldpay } from '../../../src/providers/worldpay/index.ts';
import { derivedDifferences } from '../../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { openReports, type Reports } from '../../support/reports.ts';
import { expectedInvariants, fixture, sample } from '../../support/settlement-fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  expect(await derivedDifferences(database)).toEqual([]);
  await database.drop();
});

const STL = 'STL-20260302.01.009.CSV';
const BATCH = '2026-03-02.A';
/** What is not zero on the processor's balance: batches, payouts and what one hands on to the next. */
async function balance(reports: Reports): Promise<Record<string, string>> {
  const found = Object.entries(await reports.balances());
  return Object.fromEntries(found.filter(([place]) => place.startsWith('asset:processor_balance')));
}
const CARRIED = {
  [`asset:processor_balance [carry:2026-03-01.A>${BATCH}] USD`]: '-50000',
  [`asset:processor_balance [carry:${BATCH}>2026-03-03.A] USD`]: '47955',
  [`asset:processor_balance [carry:${BATCH}>2026-03-03.A] JPY`]: '1406',
};

describe("PayPal's settlement report", () => {
  it('closes its period, whether it comes in one file or in three, in any order', async () => {
    const one = await openReports(database, {}, paypal);
    expect(await one.file(fixture('paypal', STL), { fileName: STL })).toMatchObject({ kind: 'imported', linesNew: 14 });
    expect(await balance(one)).toEqual(CARRIED);
    const three = await openReports(database, {}, paypal);
    const part = (n: number) => `STL-20260302.A.0${n}.03.009.CSV`;
    const bring = (n: number) => three.file(fixture('paypal', part(n)), { fileName: part(n) });
    expect(await bring(3)).toMatchObject({ kind: 'waiting', missing: '1, 2' });
    expect(await bring(1)).toMatchObject({ kind: 'waiting', missing: '2' });
    expect(await balance(three)).toEqual({});
    expect(await bring(2)).toMatchObject({ kind: 'imported', linesNew: 14 });
    expect(await three.balances()).toEqual(await one.balances());
    // The same lines in other bytes change nothing.
    expect(await three.file(fixture('paypal', STL), { fileName: STL })).toMatchObject({
      kind: 'imported',
      linesNew: 0,
    });
    expect(await three.balances()).toEqual(await one.balances());
  });

  it('is put together by the ends of its files where their names do not count them, however long they are', async () => {
    const one = await openReports(database, {}, paypal);
    await one.file(fixture('paypal', STL), { fileName: STL });
    const long = (text: string) => text.replace(/(?="SB",)/, '\n'.repeat(100_000));
    const bring = (reports: Awaited<ReturnType<typeof openReports>>, n: number) =>
      reports.file(long(fixture('paypal', `STL-20260302.A.0${n}.03.009.CSV`)), {
        fileName: `STL-20260302.0${n}.009.CSV`,
      });
    const three = await openReports(database, {}, paypal);
    expect(await bring(three, 1)).toMatchObject({ kind: 'waiting', missing: 'the last one' });
    expect(await bring(three, 3)).toMatchObject({ kind: 'waiting', missing: '2' });
    expect(await bring(three, 2)).toMatchObject({ kind: 'imported', linesNew: 14 });
    expect(await three.balances()).toEqual(await one.balances());
    const whole = await openReports(database, {}, paypal);
    expect(await whole.file(long(fixture('paypal', STL)), { fileName: STL })).toMatchObject({ kind: 'imported' });
    expect(await whole.balances()).toEqual(await one.balances());
  });

  it('posts nothing of a file that lost a row, and what is missing stays open where it is taken all the same', async () => {
    const reports = await openReports(database, {}, paypal);
    const text = fixture('paypal', STL).replace(/"SB","9WITHDRAW.*\n/, '');
    expect(await reports.file(text, { fileName: STL })).toMatchObject({ kind: 'failed' });
    expect(await reports.balances()).toEqual({});
    const accepted = await reports.file(text, { fileName: STL, acceptDifference: 'PayPal is asked' });
    expect(accepted).toMatchObject({ kind: 'imported', linesNew: 13 });
    expect(await balance(reports)).toEqual({ ...CARRIED, [`asset:processor_balance [${BATCH}] USD`]: '5000' });
  });

  it('its controls post nothing', async () => {
    const reports = await openReports(database, {}, paypal);
    for (const name of ['TRR-20260302.01.008.CSV', 'SAR-20260302.01.001.CSV', 'activity-de.csv'])
      expect(await reports.file(fixture('paypal', name), { fileName: name })).toMatchObject({ kind: 'imported' });
    expect(await reports.balances()).toEqual({});
  });
});

describe("Checkout.com's reports", () => {
  const BREAKDOWN = fixture('checkout', 'settlement-breakdown_ent_made_20260303_0000MADE01_1.csv');
  const ACTIONS = fixture('checkout', 'financial-actions_ent_made_20260303_0000MADE01_1.csv');
  const PAYOUTS = fixture('checkout', 'payouts_ent_made_20260302_20260303_1.csv');

  it('the breakdown and its payout close each other, in either order', async () => {
    const settings = { settlement_report: 'settlement_breakdown' };
    for (const files of [
      [BREAKDOWN, PAYOUTS],
      [PAYOUTS, BREAKDOWN],
    ]) {
      const reports = await openReports(database, settings, checkout);
      for (const text of files) expect(await reports.file(text)).toMatchObject({ kind: 'imported' });
      expect(await balance(reports)).toEqual({});
      expect(await reports.balances()).toMatchObject({ 'asset:bank_in_transit [0000MADE01] EUR': '5950' });
      // As a control the financial actions change nothing.
      const before = await reports.balances();
      expect(await reports.file(ACTIONS)).toMatchObject({ kind: 'imported' });
      expect(await reports.balances()).toEqual(before);
    }
  });

  const BY_BREAKDOWN = { settlement_report: 'settlement_breakdown' };
  const [HEAD = '', ...ROWS] = BREAKDOWN.trimEnd().split('\n');
  const part = (...rows: readonly string[]): string => `${[HEAD, ...rows].join('\n')}\n`;
  const paying = (amount: string): string => PAYOUTS.replace(',59.5,', `,${amount},`);

  /** Standing lines of rounding. */
  async function roundings(reports: Reports): Promise<bigint[]> {
    const { rows } = await database.sql.query<{ net: bigint }>(
      `select net from postern.settlement_lines where account = $1 and kind = 'rounding' and removed_by is null`,
      [reports.account],
    );
    return rows.map(({ net }) => net);
  }

  it('what rounding leaves between a payout and its lines is a line of its own, in whichever files and order they come', async () => {
    const [first, second] = [part(...ROWS.slice(0, 2)), part(...ROWS.slice(2))];
    const files = [paying('59.51'), first, second];
    const ends: unknown[] = [];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [2, 0, 1],
    ]) {
      const reports = await openReports(database, BY_BREAKDOWN, checkout);
      for (const n of order) expect(await reports.file(files[n] ?? '')).toMatchObject({ kind: 'imported' });
      expect(await balance(reports)).toEqual({});
      expect(await roundings(reports)).toHaveLength(1);
      // The same rows again change nothing.
      await reports.file(BREAKDOWN);
      expect(await roundings(reports)).toHaveLength(1);
      ends.push(await reports.balances());
    }
    expect(new Set(ends.map((end) => JSON.stringify(Object.entries(end as object).sort()))).size).toBe(1);
    expect(ends[0]).toMatchObject({ 'asset:bank_in_transit [0000MADE01] EUR': '5951' });
  });

  it('more than half a cent a line is no rounding, and stays open on the payout', async () => {
    const reports = await openReports(database, BY_BREAKDOWN, checkout);
    await reports.file(BREAKDOWN);
    expect(await roundings(reports)).toEqual([]);
    await reports.file(paying('59.55'));
    expect(await roundings(reports)).toEqual([]);
    expect(Object.keys(await balance(reports))).toEqual(['asset:processor_balance [0000MADE01] EUR']);
  });

  it('a payout told otherwise later is rounded anew, or no longer', async () => {
    const reports = await openReports(database, BY_BREAKDOWN, checkout);
    await reports.file(BREAKDOWN);
    await reports.file(paying('59.52'));
    const [before = 0n] = await roundings(reports);
    await reports.file(paying('59.51'));
    expect(await roundings(reports)).toEqual([before - 1n]);
    expect(await balance(reports)).toEqual({});
    expect(await reports.balances()).toMatchObject({ 'asset:bank_in_transit [0000MADE01] EUR': '5951' });
    await reports.file(paying('70'));
    expect(await roundings(reports)).toEqual([]);
    expect(await reports.balances()).not.toHaveProperty(['expense:rounding EUR']);
  });

  it('the financial actions close, and the payouts report tells the same payout', async () => {
    const reports = await openReports(database, {}, checkout);
    expect(await reports.file(ACTIONS)).toMatchObject({ kind: 'imported', linesNew: 9 });
    expect(await balance(reports)).toEqual({});
    const before = await reports.balances();
    expect(await reports.file(PAYOUTS.replace(',59.5,', ',62.39,'))).toMatchObject({ kind: 'imported', linesNew: 0 });
    expect(await reports.balances()).toEqual(before);
  });
});

it.each([
  ['Klarna', klarna, 'XISA93DJ.csv', 'asset:bank_in_transit [XISA93DJ] EUR', '22254'],
  ['Worldpay', worldpay, 'transfer-batch-4711.csv', 'asset:bank_in_transit [MADEEUR/4711] EUR', '8400'],
] as const)("%s's report closes with its payout", async (_, provider, name, place, amount) => {
  const reports = await openReports(database, {}, provider);
  expect(await reports.file(fixture(provider.name, name))).toMatchObject({ kind: 'imported' });
  expect(await balance(reports)).toEqual({});
  expect(await reports.balances()).toMatchObject({ [place]: amount });
});

it.each([
  [
    'read in a zone that was corrected',
    worldpay,
    fixture('worldpay', 'transfer-batch-4711.csv'),
    (text: string) => `${text}\n`,
    { time_zone: 'America/New_York' },
  ],
  [
    'fetched without a column that may be left out',
    adyen,
    // What a Balancetransfer is between stands in that column alone.
    fixture('adyen', 'settlement_detail_report_batch_7.csv')
      .replace(/^.*Balancetransfer from.*\n/m, '')
      .replace('EUR,104.73', 'EUR,108.92'),
    (text: string) => text.replace(',Modification Merchant Reference,', ',Reserved,'),
    {},
  ],
])('a batch that is %s is the same batch', async (_, provider, text, changed, settings) => {
  const reports = await openReports(database, {}, provider);
  expect(await reports.file(text)).toMatchObject({ kind: 'imported' });
  const before = await reports.balances();
  expect(changed(text)).not.toBe(text);
  const endpoint = { ...reports.order.endpoint, settings };
  expect(await reports.file(changed(text), { endpoint })).toMatchObject({ kind: 'imported', linesNew: 0, removed: 0 });
  expect(await reports.balances()).toEqual(before);
});

describe.skipIf(expectedInvariants === null)("Checkout.com's samples", () => {
  it('close with a cent of rounding', async () => {
    const reports = await openReports(database, { settlement_report: 'settlement_breakdown' }, checkout);
    const names = Object.keys(expectedInvariants ?? {}).filter((name) => name.startsWith('checkout/'));
    expect(names).toHaveLength(2);
    for (const name of names) expect(await reports.file(sample(name))).toMatchObject({ kind: 'imported' });
    expect(await balance(reports)).toEqual({});
    expect(await reports.balances()).toMatchObject({ 'expense:rounding USD': '-1' });
  });
});
