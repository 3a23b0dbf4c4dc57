import { describe, expect, it } from 'vitest';
import { transactionSearch } from '../../../src/providers/paypal/transaction-search.ts';
import { faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';

const DAY = { period: { day: '2026-01-02', time_zone: 'America/Los_Angeles' } };
const usd = (value: string) => ({ currency_code: 'USD', value });
const row = (change: object = {}, beside: object = {}) => ({
  transaction_info: {
    paypal_account_id: 'PAYERPAYER123',
    transaction_id: 'A1',
    transaction_event_code: 'T0006',
    transaction_initiation_date: '2026-01-02T12:00:00+0000',
    transaction_updated_date: '2026-01-02T13:00:00+0000',
    transaction_amount: usd('10.00'),
    fee_amount: usd('-0.59'),
    transaction_status: 'S',
    transaction_note: 'for Ada Invented',
    invoice_id: 'R-1',
    ...change,
  },
  ...beside,
});
const page = (rows: readonly object[], n = 1, pages = 1) => ({
  transaction_details: rows,
  page: n,
  total_items: rows.length,
  total_pages: pages,
});
const read = (...parts: readonly object[]) =>
  itemsOf(transactionSearch, parts.map((part) => JSON.stringify(part)).join('\n'));
const reasons = async (...parts: readonly object[]) => faultsOf(await read(...parts)).map(({ reason }) => reason);

describe('the transaction search', () => {
  it('tells what the transaction detail report tells, and nothing of people', async () => {
    const payer = { payer_info: { email_address: 'ada@invented.example' } };
    const items = await read(DAY, page([row({}, payer)], 1, 2), page([row({ transaction_id: 'A2' })], 2, 2));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toMatchObject([
      {
        line: {
          identity: 'A1:T0006:CR:USD',
          kind: 'charge',
          batch: '2026-01-02.A',
          zone: 'America/Los_Angeles',
          gross: 1000n,
          fee: 59n,
          at: Date.UTC(2026, 0, 2, 13),
        },
        keys: { source: 'A1', merchant: 'R-1' },
        occurredAt: Date.UTC(2026, 0, 2, 12),
      },
      { line: { identity: 'A2:T0006:CR:USD' } },
    ]);
    const raw = linesOf(items)
      .map((line) => line.raw)
      .join();
    expect(raw).not.toMatch(/Ada|ada@|PAYERPAYER/);
    expect(raw).toContain('"value":"10.00"');
  });

  it('takes the direction by the sign, and yen without decimals', async () => {
    const yen = (value: string) => ({ currency_code: 'JPY', value });
    const change = { transaction_event_code: 'T1107', transaction_amount: yen('-500'), fee_amount: yen('15') };
    const [line] = linesOf(await read(DAY, page([row(change)])));
    expect(line?.line).toMatchObject({ identity: 'A1:T1107:DR:JPY', kind: 'refund', gross: -500n, fee: -15n });
  });

  it.each(['P', 'D', 'F'])('what is %s moved nothing', async (transaction_status) => {
    expect(linesOf(await read(DAY, page([row({ transaction_status })])))).toEqual([]);
  });

  it('belongs to the days of its rows where it says no other', async () => {
    const [line] = linesOf(await read(page([row()])));
    expect(line?.line.batch).toBe('2026-01-02.UTC');
  });

  it.each([
    [{ transaction_amount: usd('10.001') }, 'such as -12.34'],
    [{ transaction_amount: null }, 'is missing'],
    [{ transaction_amount: { currency_code: 'XXZ', value: '1' } }, 'ISO 4217'],
    [{ fee_amount: usd('much') }, 'such as -12.34'],
    [{ transaction_updated_date: 'today' }, 'must be a time'],
    [{ transaction_updated_date: null, transaction_initiation_date: null }, 'is missing'],
  ])('a row that cannot be read is told: %j', async (change, reason) => {
    expect(await reasons(DAY, page([row(change)]))).toEqual([expect.stringContaining(reason)]);
  });

  it('that is cut short, is of two days or has no pages is refused', async () => {
    expect(await reasons(DAY, page([row()], 1, 2))).toEqual([expect.stringContaining('more pages')]);
    expect(await reasons(DAY, page([row()]), DAY)).toEqual([expect.stringContaining('stands twice')]);
    expect(await reasons(DAY, { transaction_details: [row()] })).toEqual([expect.stringContaining('total_pages')]);
    expect(await reasons(DAY, page([{}]))).toEqual([expect.stringContaining('transaction_info')]);
  });
});
