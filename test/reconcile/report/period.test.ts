import { afterAll, beforeAll, expect, it } from 'vitest';
import { captured, openBooks } from '../../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { madeReport } from '../../support/made-report.ts';
import { addDiscrepancy } from '../../support/settlement-rows.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const DAY = 86_400_000;
/** The first of April in Auckland, the 31st of March in London and Los Angeles. */
const NOON = Date.parse('2026-03-31T12:00:00Z');

async function openAccount(zone?: string): Promise<string> {
  const books = openBooks(database);
  await books.post([captured('p1', 1n)]);
  if (zone !== undefined)
    await database.sql.query(
      `insert into postern.endpoints (provider, name, account, settings) values ('test', $1, $1, $2)`,
      [books.account, JSON.stringify({ time_zone: zone })],
    );
  return books.account;
}

type Report = {
  readonly cover: { readonly run: string; readonly previous_run: unknown; readonly period: unknown };
  readonly discrepancies: unknown;
};
const report = async (account: string, period: string | null, now: number): Promise<Report> =>
  (await madeReport(database, { account, period, now })) as Report;

it('all tells what came since the day before, of which the last day was another', async () => {
  const account = await openAccount();
  const { cover } = await report(account, 'all', NOON);
  const seenAt = NOON + 60_000;
  const of = { provider: 'test', account, currency: 'EUR', at: NOON, seenAt };
  await addDiscrepancy(database, { ...of, class: 'amount_mismatch', reference: 'p1', delta: -1n });
  const next = await report(account, 'all', NOON + DAY);
  expect(next.cover.previous_run).toEqual({ run: cover.run, as_of: new Date(NOON).toISOString() });
  expect(next.discrepancies).toMatchObject([{ count: 1, seen_since: 1 }]);
  // Days that are written are others than all.
  expect((await report(account, '1970-01-01/2026-04-01', NOON + DAY)).cover.previous_run).toBeNull();
});

it.each([
  [undefined, '2026-03-31', '2026-03-01'],
  ['Pacific/Auckland', '2026-04-01', '2026-04-01'],
  ['America/Los_Angeles', '2026-03-31', '2026-03-01'],
])('today is the account’s: %s', async (zone, today, month) => {
  const account = await openAccount(zone);
  expect((await report(account, 'all', NOON)).cover.period).toMatchObject({ from: '1970-01-01', to: today });
  expect((await report(account, null, NOON)).cover.period).toMatchObject({ from: month });
});

it('this month is that of the account’s day, also where UTC is ahead of it', async () => {
  const account = await openAccount('America/Los_Angeles');
  const { cover } = await report(account, null, Date.parse('2026-04-01T03:00:00Z'));
  expect(cover.period).toMatchObject({ from: '2026-03-01', to: '2026-03-31' });
});
