import { afterAll, beforeAll, expect, it } from 'vitest';
import { AT, captured, openBooks } from '../../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { madeReport } from '../../support/made-report.ts';
import { addDiscrepancy, addSettlement } from '../../support/settlement-rows.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Books of an account of their own, with something in them. */
async function openAccount(): Promise<string> {
  const books = openBooks(database);
  await books.post([captured('p1', 1n)]);
  return books.account;
}

async function section(account: string, name: string): Promise<Record<string, unknown>[]> {
  const report = await madeReport(database, { account, period: '2026-03', now: AT });
  return (report as Record<string, Record<string, unknown>[]>)[name] ?? [];
}

it('heads what the bank says with its own name, and what a report says with its', async () => {
  const account = await openAccount();
  const of = { provider: 'test', account, currency: 'EUR', at: AT, delta: -1n };
  const differences = [{ field: 'amount', ledger: '500', settlement: '499' }];
  await addDiscrepancy(database, {
    ...of,
    class: 'bank_amount_mismatch',
    item: 'bank_in_transit',
    reference: 'po_1',
    differences,
  });
  await addDiscrepancy(database, { ...of, class: 'amount_mismatch', reference: 'p1', differences });
  const minor = (amount: string) => expect.objectContaining({ minor: amount });
  expect((await section(account, 'details_bank_amount_mismatch')).map((row) => row['differs amount'])).toEqual([
    { ledger: minor('500'), bank: minor('499') },
  ]);
  expect((await section(account, 'details_amount_mismatch')).map((row) => row['differs amount'])).toEqual([
    { ledger: minor('500'), settlement: minor('499') },
  ]);
});

it('knows the lowest and the highest rate by number, and prints them as they were written', async () => {
  const account = await openAccount();
  const exchanged = (currency: string, rate?: string) => ({
    kind: 'charge',
    batch: 'B1',
    currency: 'EUR',
    gross: 90n,
    reference: 'p1',
    at: AT,
    other: { amount: 100n, currency, ...(rate === undefined ? {} : { rate }) },
  });
  await addSettlement(database, {
    provider: 'test',
    account,
    at: AT,
    batches: [{ batch: 'B1', currency: 'EUR' }],
    lines: [
      ...['9.95', '10.050', '9.95', '10.05e0', '9,1', 'n/a', '8.5e-05'].map((rate) => exchanged('USD', rate)),
      exchanged('GBP', 'n/a'),
      exchanged('GBP'),
    ],
  });
  expect(await section(account, 'fx')).toMatchObject([
    { other_currency: 'GBP', lines: 2, lowest_rate: null, highest_rate: null, gross: { minor: '180' } },
    { other_currency: 'USD', lines: 7, lowest_rate: '8.5e-05', highest_rate: '10.050', gross: { minor: '630' } },
  ]);
});

it('tells what share of what came in was charged, and none of what went back', async () => {
  const account = await openAccount();
  const of = { batch: 'B1', currency: 'EUR', reference: 'p1', at: AT };
  await addSettlement(database, {
    provider: 'test',
    account,
    at: AT,
    batches: [{ batch: 'B1', currency: 'EUR' }],
    lines: [
      { ...of, kind: 'charge', gross: 1_000n, fee: 25n },
      { ...of, kind: 'chargeback', gross: -1_000n, fee: 150n },
    ],
  });
  const fees = await section(account, 'fees');
  expect(fees.map(({ kind, percent }) => [kind, percent])).toEqual([
    ['charge', '2.5000'],
    ['chargeback', null],
  ]);
});
