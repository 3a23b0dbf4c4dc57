import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mollie } from '../../../src/providers/mollie/index.ts';
import { paypal } from '../../../src/providers/paypal/index.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import { derivedDifferences } from '../../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { openReports } from '../../support/reports.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  expect(await derivedDifferences(database)).toEqual([]);
  await database.drop();
});

const file = (...parts: readonly object[]) => parts.map((part) => JSON.stringify(part)).join('\n');

describe('a day of Stripe', () => {
  const settings = { settlement_mode: 'balance', time_zone: 'Europe/Berlin' } as const;
  const created = Date.UTC(2026, 0, 1, 23) / 1000;
  const txn = (id: string, category: string, amount: number, source: string) => ({
    id,
    amount,
    fee: 0,
    net: amount,
    currency: 'eur',
    created,
    reporting_category: category,
    source,
    status: 'pending',
  });
  const rows = [txn('txn_2', 'payout', -600, 'po_1'), txn('txn_1', 'charge', 1000, 'ch_1')];
  const day = (data: readonly object[]) =>
    file({ period: { day: '2026-01-02', time_zone: 'Europe/Berlin' } }, { object: 'list', data, has_more: false });

  it('posts once, told again and as the two halves of the balance report', async () => {
    const reports = await openReports(database, settings, stripe);
    expect(await reports.file(day(rows))).toMatchObject({ kind: 'imported', linesNew: 2 });
    const balances = await reports.balances();
    expect(balances).toMatchObject({ 'asset:bank_in_transit [po_1] EUR': '600' });
    const later = rows.map((row) => ({ ...row, status: 'available' }));
    expect(await reports.file(day(later))).toMatchObject({ kind: 'imported', linesNew: 0 });
    const head = 'balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category';
    const activity = `${head},source_id\ntxn_1,2026-01-01 23:00:00,eur,10.00,0.00,10.00,charge,ch_1\n`;
    const payouts = `${head},payout_id\ntxn_2,2026-01-01 23:00:00,eur,-6.00,0.00,-6.00,payout,po_1\n`;
    expect(await reports.file(activity)).toMatchObject({ kind: 'imported', linesNew: 0, removed: 0 });
    expect(await reports.file(payouts)).toMatchObject({ kind: 'imported', linesNew: 0, removed: 0 });
    expect(await reports.balances()).toEqual(balances);
  });
});

it("a day of PayPal's search is kept, once, and moves nothing", async () => {
  const reports = await openReports(database, {}, paypal);
  const info = {
    transaction_id: 'A1',
    transaction_event_code: 'T0006',
    transaction_updated_date: '2026-01-02T12:00:00Z',
    transaction_amount: { currency_code: 'USD', value: '10.00' },
    transaction_status: 'S',
  };
  const day = file(
    { period: { day: '2026-01-02', time_zone: 'UTC' } },
    { transaction_details: [{ transaction_info: info }], page: 1, total_pages: 1 },
  );
  expect(await reports.file(day)).toMatchObject({ kind: 'imported', linesNew: 1 });
  expect(await reports.file(day)).toMatchObject({ kind: 'repeated' });
  expect(await reports.balances()).toEqual({});
});

it('days of a balance of Mollie come together in their month, each posted once', async () => {
  const reports = await openReports(database, { settlement_mode: 'balance' }, mollie);
  const eur = (value: string) => ({ value, currency: 'EUR' });
  const txn = (id: string, createdAt: string, value: string) => ({
    id,
    type: 'payment',
    resultAmount: eur(value),
    initialAmount: eur(value),
    createdAt,
    context: { paymentId: `tr_${id}` },
  });
  const day = (...balance_transactions: readonly object[]) => file({ _embedded: { balance_transactions } });
  const [first, second] = [txn('b1', '2026-01-02T12:00:00Z', '10.00'), txn('b2', '2026-01-03T12:00:00Z', '5.00')];
  expect(await reports.file(day(first))).toMatchObject({ kind: 'imported', linesNew: 1 });
  expect(await reports.file(day(second))).toMatchObject({ kind: 'imported', linesNew: 1, removed: 0 });
  const apart = await reports.balances();
  const whole = await openReports(database, { settlement_mode: 'balance' }, mollie);
  await whole.file(day(second, first));
  expect(apart).toEqual(await whole.balances());
  expect(await reports.file(day(second, first))).toMatchObject({ kind: 'imported', linesNew: 0, removed: 0 });
  expect(await reports.balances()).toEqual(apart);
});
