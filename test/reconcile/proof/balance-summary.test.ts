import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTransaction } from '../../../src/postgres/sql.ts';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import { listBooks, listKnownAccounts } from '../../../src/reconcile/proof/books-store.ts';
import { type AccountProof, prove } from '../../../src/reconcile/proof/prove.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { openReports, type Reports } from '../../support/reports.ts';
import { fixture } from '../../support/settlement-fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const NAME = 'EUR_2026-02-01_to_2026-02-03_Europe-Berlin.csv';
const ACTIVITY = `Itemized_balance_change_from_activity_${NAME}`;
const PAYOUTS = `Itemized_payouts_${NAME}`;
const SUMMARY = `Balance_Summary_${NAME}`;
const FEBRUARY = { from: '2026-02-01', to: '2026-02-28', knownAt: null };
const BY_HAND = { settlement_mode: 'balance', time_zone: 'Europe/Berlin' } as const;
const PAID = fixture('stripe', PAYOUTS).replace(/"po_M0".*\n/, '');
/** The account began with nothing, and what was paid out never came back. */
const STATED = fixture('stripe', SUMMARY)
  .replace('"5.00"', '"0.00"')
  .replace('"-13.20"', '"-20.20"')
  .replace('"15.88"', '"3.88"');

async function itemised(settings: EndpointSettings = BY_HAND): Promise<Reports> {
  const reports = await openReports(database, settings, stripe);
  const files: [string, string][] = [
    [ACTIVITY, fixture('stripe', ACTIVITY)],
    [PAYOUTS, PAID],
  ];
  for (const [fileName, text] of files)
    expect(await reports.file(text, { fileName })).toMatchObject({ kind: 'imported' });
  return reports;
}

async function stated({ account }: Reports, span = FEBRUARY): Promise<Pick<AccountProof, 'stated' | 'holds'>[]> {
  const accounts = await withTransaction(database.appPool, async (tx) => {
    const selection = { provider: 'stripe', account };
    const [books, known] = [await listBooks(tx, selection), await listKnownAccounts(tx, selection)];
    return (await prove(tx, { books, known, selection }, span)).accounts;
  });
  return accounts
    .filter(({ currency }) => currency === 'EUR')
    .map(({ stated: one, holds }) => ({ stated: one, holds }));
}

describe("Stripe's balance summary", () => {
  const summary = (reports: Reports, text: string, fileName = SUMMARY) => reports.file(text, { fileName });

  it('proves the itemised rows of an account that is paid out by hand, and posts nothing', async () => {
    const reports = await itemised();
    expect(await stated(reports)).toEqual([{ stated: null, holds: true }]);
    const before = await reports.balances();
    expect(await summary(reports, STATED)).toMatchObject({ kind: 'imported', linesNew: 0 });
    expect(await reports.balances()).toEqual(before);
    expect(await stated(reports)).toEqual([{ stated: { closing: 388n, difference: 0n }, holds: true }]);
  });

  it('that contradicts them is a difference of the proof', async () => {
    const reports = await itemised();
    const text = STATED.replace('"24.08"', '"24.01"').replace('"3.88"', '"3.81"');
    expect(await summary(reports, text)).toMatchObject({ kind: 'imported' });
    expect(await stated(reports)).toEqual([{ stated: { closing: 381n, difference: -7n }, holds: false }]);
    // What is downloaded again counts.
    expect(await summary(reports, STATED)).toMatchObject({ kind: 'imported' });
    expect(await stated(reports)).toEqual([{ stated: { closing: 388n, difference: 0n }, holds: true }]);
  });

  it('that contradicts itself is refused', async () => {
    const reports = await itemised();
    expect(await summary(reports, STATED.replace('"24.08"', '"24.01"'))).toMatchObject({ kind: 'failed' });
    expect(await stated(reports)).toEqual([{ stated: null, holds: true }]);
  });

  it('proves no other period, and none in which more moved after it', async () => {
    const reports = await itemised();
    await summary(reports, STATED);
    expect(await stated(reports, { ...FEBRUARY, from: '2026-02-04' })).toEqual([{ stated: null, holds: true }]);
    const later = PAID.replaceAll('2026-02-02', '2026-02-05').replaceAll(/(txn|po)_/g, '$1_later_');
    expect(await reports.file(later, { fileName: PAYOUTS })).toMatchObject({ kind: 'imported' });
    expect(await stated(reports)).toEqual([{ stated: null, holds: true }]);
    expect(await stated(reports, { ...FEBRUARY, to: '2026-02-03' })).toMatchObject([{ holds: true }]);
  });

  it('is nothing to hold the books against where payouts name their lines', async () => {
    const reports = await openReports(database, { time_zone: 'Europe/Berlin' }, stripe);
    expect(await reports.file(fixture('stripe', 'payout_reconciliation.csv'))).toMatchObject({ kind: 'imported' });
    expect(await summary(reports, STATED)).toMatchObject({ kind: 'imported' });
    for (const { stated: one } of await stated(reports)) expect(one).toBeNull();
  });
});
