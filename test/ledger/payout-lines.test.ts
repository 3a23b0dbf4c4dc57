import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Told } from '../../src/ledger/told.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { bankLine, eur, expectSameInAnyOrder, line, openBooks, period } from './books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const expectAnyOrder = (told: readonly Told[], expected: Record<string, string>): Promise<void> =>
  expectSameInAnyOrder(database, told, expected);

describe('a payout and its line', () => {
  const created: Told = { type: 'payout.created', key: 'po:created', payout: 'po', ...eur(900n) };
  const end = (name: 'failed' | 'cancelled' | 'returned'): Told => ({
    type: `payout.${name}`,
    key: `po:${name}`,
    payout: 'po',
    ...eur(900n),
  });
  const paid = line('payout', 'l1', { payout: 'po', gross: -900n });
  const back = line('payout_reversal', 'l2', { payout: 'po', gross: 900n });

  it('are one payout, whoever tells it first', async () => {
    await expectAnyOrder([created, paid, bankLine('b1', 'po', 900n)], {
      'asset:processor_balance [B1] EUR': '-900',
      'asset:bank:main EUR': '900',
    });
  });

  it.each(['failed', 'cancelled', 'returned'] as const)('come back once where the webhook says %s', async (name) => {
    await expectAnyOrder([created, paid, end(name), back], {});
  });

  it('come back once where the webhook uses two words for it', async () => {
    await expectAnyOrder([created, end('cancelled'), end('returned')], {});
    const books = openBooks(database);
    await books.post([end('failed')]);
    expect(await books.post([{ ...end('returned'), amount: 899n } as Told])).toMatchObject([{ kind: 'conflict' }]);
  });

  it('that fails after its bank line leaves the bank’s own return open until that comes', async () => {
    await expectAnyOrder([created, paid, bankLine('b1', 'po', 900n), end('failed'), back], {
      'asset:bank:main EUR': '900',
      'asset:bank_in_transit [po] EUR': '-900',
    });
    await expectAnyOrder([paid, bankLine('b1', 'po', 900n), back, bankLine('b2', 'po', -900n)], {});
  });

  it('take back what was told of the bank’s currency, which the report may not know', async () => {
    const books = openBooks(database);
    const settled = { amount: 970n, currency: 'USD' };
    await books.post([{ ...created, settled } as Told]);
    await books.post([paid]);
    await books.post([back]);
    expect(await books.balances()).toEqual({});
    expect(await books.post([{ ...end('failed'), settled } as Told])).toMatchObject([{ replayed: true }]);
  });

  it('that differ leave the difference open on the payout, and the report still posts', async () => {
    const books = openBooks(database);
    await books.post([created]);
    expect(await books.post([line('payout', 'l1', { payout: 'po', gross: -901n })])).toMatchObject([
      { kind: 'posted' },
    ]);
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '-901',
      'asset:processor_balance [po] EUR': '1',
      'asset:bank_in_transit [po] EUR': '900',
    });
  });
});

describe('the three ways to be paid', () => {
  it('payout: every line names its payout, which is zero when they make it up', async () => {
    const books = openBooks(database);
    await books.post(
      [line('charge', 'l1', { batch: 'po', reference: 'p', gross: 1000n, fee: 29n })],
      [line('refund', 'l2', { batch: 'po', reference: 'r', gross: -100n })],
      [line('payout', 'l3', { batch: 'po', payout: 'po', gross: -871n })],
      [bankLine('b', 'po', 871n)],
    );
    expect(await books.balances()).toEqual({
      'asset:processor_pending [p gross] EUR': '-1000',
      'asset:processor_pending [r gross] EUR': '100',
      'expense:processing_fees EUR': '29',
      'asset:bank:main EUR': '871',
    });
  });

  it('batch: what is not paid out is carried, and both batches say the same of it', async () => {
    const lines = [
      line('charge', 'l1', { batch: '238', reference: 'p', gross: 70n }),
      line('carry_forward', 'l2', { batch: '238', from: '238', to: '239', gross: -70n }),
      line('carry_forward', 'l3', { batch: '239', from: '238', to: '239', gross: 70n }),
      line('charge', 'l4', { batch: '239', reference: 'q', gross: 30n }),
      line('payout', 'l5', { batch: '239', payout: 'TX1XT', gross: -100n }),
    ];
    await expectAnyOrder(lines, {
      'asset:processor_pending [p gross] EUR': '-70',
      'asset:processor_pending [q gross] EUR': '-30',
      'asset:bank_in_transit [TX1XT] EUR': '100',
    });
  });

  const january = [
    period('settlement.opening', '2026-01', null, 500n),
    line('charge', 'l1', { batch: '2026-01', reference: 'p', gross: 1000n }),
    line('payout', 'l2', { batch: '2026-01', payout: 'po', gross: -1200n }),
    period('settlement.closing', '2026-01', '2026-02', 300n),
  ];

  it('balance: a manual payout names no lines; opening, activity and closing prove the period', async () => {
    await expectAnyOrder([...january, period('settlement.opening', '2026-02', '2026-01', 300n)], {
      'equity:opening_balances EUR': '-500',
      'asset:processor_pending [p gross] EUR': '-1000',
      'asset:bank_in_transit [po] EUR': '1200',
      'asset:processor_balance [2026-02] EUR': '300',
    });
  });

  it('balance: the newest carry is the money at the processor', async () => {
    const books = openBooks(database);
    await books.post(...january.map((one) => [one]));
    expect(await books.balances()).toMatchObject({ 'asset:processor_balance [carry:2026-01>2026-02] EUR': '300' });
    expect(await books.balances()).not.toHaveProperty(['asset:processor_balance [2026-01] EUR']);
  });

  it('balance: a closing that does not follow, and an opening that is not the last closing, stay open', async () => {
    const books = openBooks(database);
    await books.post(
      ...january.slice(0, 3).map((one) => [one]),
      [period('settlement.closing', '2026-01', '2026-02', 301n)],
      [period('settlement.opening', '2026-02', '2026-01', 299n)],
    );
    expect(await books.balances()).toMatchObject({
      'asset:processor_balance [2026-01] EUR': '-1',
      'asset:processor_balance [carry:2026-01>2026-02] EUR': '2',
    });
  });

  it('balance: an opening of nothing posts nothing, and another amount is a conflict', async () => {
    const books = openBooks(database);
    expect(await books.post([period('settlement.opening', '2026-01', null, 0n)])).toMatchObject([{ kind: 'nothing' }]);
    await books.post([period('settlement.closing', '2026-01', '2026-02', 5n)]);
    expect(await books.post([period('settlement.closing', '2026-01', '2026-02', 6n)])).toMatchObject([
      { kind: 'conflict', effectKey: `test:${books.account}:period:2026-01:closing:EUR` },
    ]);
  });
});
