import { describe, expect, it } from 'vitest';
import { balanceDay } from '../../../src/providers/stripe/balance-day.ts';
import { batchesOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';

/** Midnight in Berlin. */
const FROM = Date.UTC(2026, 0, 1, 23) / 1000;
const DAY = { period: { day: '2026-01-02', time_zone: 'Europe/Berlin' } };
const txn = (id: string, category: string, amount: number, source: unknown, change: object = {}) => ({
  id: `txn_${id}`,
  object: 'balance_transaction',
  amount,
  created: FROM,
  currency: 'eur',
  exchange_rate: null,
  fee: 0,
  net: amount,
  reporting_category: category,
  source,
  ...change,
});
const page = (data: readonly object[], has_more = false) => ({ object: 'list', data, has_more });
const read = (...parts: readonly object[]) => itemsOf(balanceDay, parts.map((part) => JSON.stringify(part)).join('\n'));
const reasons = async (...parts: readonly object[]) => faultsOf(await read(...parts)).map(({ reason }) => reason);

describe('balance transactions of a day', () => {
  it('belong to it, in its own zone, and state no balance', async () => {
    const charge = txn('1', 'charge', 1000, { id: 'ch_1', object: 'charge', currency: 'eur', receipt_email: 'a@b.c' });
    const items = await read(DAY, page([charge], true), page([txn('2', 'fee', -30, null, { created: FROM + 86_399 })]));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items).map(({ line }) => [line.identity, line.kind, line.batch, line.zone])).toEqual([
      ['txn_1', 'charge', '2026-01-02', 'Europe/Berlin'],
      ['txn_2', 'fee', '2026-01-02', 'Europe/Berlin'],
    ]);
    expect(batchesOf(items)).toEqual([]);
    expect(linesOf(items)[0]?.raw).not.toContain('a@b.c');
  });

  it('tell of a payout what the bank will say, and in which currency it came there', async () => {
    const payout = { id: 'po_1', object: 'payout', amount: 1100, currency: 'usd', trace_id: { value: 'TRACE1' } };
    const [line] = linesOf(await read(DAY, page([txn('po', 'payout', -1000, payout)])));
    expect(line).toMatchObject({
      line: { kind: 'payout', payout: 'po_1', net: -1000n, settled: { amount: 1100n, currency: 'USD' } },
      keys: { source: 'po_1', bank: 'TRACE1' },
    });
  });

  it.each([FROM - 1, FROM + 86_400])('one made at %i is of another day', async (created) => {
    expect(await reasons(DAY, page([txn('1', 'charge', 1, 'ch_1', { created })]))).toEqual([
      'created is not on 2026-01-02 in Europe/Berlin',
    ]);
  });

  it('are refused without their day, with two, and with none that ever was', async () => {
    const rows = page([txn('1', 'charge', 1, 'ch_1')]);
    expect(await reasons(rows)).toEqual([expect.stringContaining('without its day')]);
    expect(await reasons(DAY, rows, DAY)).toEqual([expect.stringContaining('stands twice')]);
    for (const day of ['2026-02-30', 'today', ''])
      expect(await reasons({ period: { ...DAY.period, day } })).toEqual([expect.stringContaining('must be a day')]);
    expect(await reasons({ period: { ...DAY.period, time_zone: 'CET+1' } })).toEqual([
      expect.stringContaining('time zone'),
    ]);
  });

  it('that are cut short are none', async () => {
    expect(await reasons(DAY, page([txn('1', 'charge', 1, 'ch_1')], true))).toEqual([
      expect.stringContaining('there are more transactions'),
    ]);
  });
});
