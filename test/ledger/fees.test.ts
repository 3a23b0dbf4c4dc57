import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostResult } from '../../src/ledger/post.ts';
import { reverseTransaction } from '../../src/ledger/reversal.ts';
import type { Told } from '../../src/ledger/told.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import {
  AT,
  type Books,
  derivedDifferences,
  eur,
  expectNoConflict,
  expectSameInAnyOrder,
  line,
  openBooks,
} from './books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const announced = (
  key: string,
  amount: bigint,
  { reference = 'p', of = 'payment' }: { reference?: string; of?: 'payment' | 'refund' | 'dispute' } = {},
): Told => ({ type: 'payment.fee_known', key: `${key}:fee`, reference, of, ...eur(amount) });
const charge = (identity: string, fee: bigint, reference = 'p'): Told =>
  line('charge', identity, { reference, gross: 1000n, fee });

describe('a fee', () => {
  it('that was announced is the expense, and its line clears it', async () => {
    await expectSameInAnyOrder(database, [announced('t', 29n), charge('l', 29n)], {
      'asset:processor_balance [B1] EUR': '971',
      'asset:processor_pending [p gross] EUR': '-1000',
      'expense:processing_fees EUR': '29',
    });
  });

  it('that nobody announced is the report’s', async () => {
    await expectSameInAnyOrder(database, [charge('l1', 29n), charge('l2', 11n)], {
      'asset:processor_balance [B1] EUR': '1960',
      'asset:processor_pending [p gross] EUR': '-2000',
      'expense:processing_fees EUR': '40',
    });
  });

  it('that was announced otherwise is the expense as announced, and the difference is open', async () => {
    await expectSameInAnyOrder(database, [announced('t', 25n), charge('l', 29n)], {
      'asset:processor_balance [B1] EUR': '971',
      'asset:processor_pending [p gross] EUR': '-1000',
      'asset:processor_pending [p fee] EUR': '4',
      'expense:processing_fees EUR': '25',
    });
  });

  it('that is announced in parts over several lines, in any order', async () => {
    const told = [announced('t1', 20n), charge('l1', 29n), announced('t2', 9n), charge('l2', 3n)];
    await expectSameInAnyOrder(database, told, {
      'asset:processor_balance [B1] EUR': '1968',
      'asset:processor_pending [p gross] EUR': '-2000',
      'asset:processor_pending [p fee] EUR': '3',
      'expense:processing_fees EUR': '29',
    });
  });

  it('of a dispute is a dispute’s, announced or not, and given back', async () => {
    const lost = line('chargeback', 'l1', { reference: 'd', gross: -1000n, fee: 1500n });
    const won = line('chargeback_reversal', 'l2', { reference: 'd', gross: 1000n, fee: -1500n });
    await expectSameInAnyOrder(database, [lost, announced('t1', 1500n, { reference: 'd', of: 'dispute' })], {
      'asset:processor_balance [B1] EUR': '-2500',
      'asset:processor_pending [d gross] EUR': '1000',
      'expense:dispute_fees EUR': '1500',
    });
    await expectSameInAnyOrder(database, [lost, won], {});
  });

  it('that is settled in another currency than it was announced in is open in both', async () => {
    const settled = line('charge', 'l', {
      reference: 'p',
      currency: 'USD',
      payer: { amount: 1000n, currency: 'EUR' },
      gross: 1080n,
      fee: 31n,
    });
    await expectSameInAnyOrder(database, [settled, announced('t', 29n)], {
      'asset:processor_pending [p gross] EUR': '-1000',
      'asset:fx_position EUR': '1000',
      'asset:processor_balance [B1] USD': '1049',
      'asset:fx_position USD': '-1080',
      'asset:processor_pending [p fee] USD': '31',
      'asset:processor_pending [p fee] EUR': '-29',
      'expense:processing_fees EUR': '29',
    });
  });

  it('of another reference takes nothing back', async () => {
    await expectSameInAnyOrder(database, [charge('l', 29n), announced('t', 7n, { reference: 'q' })], {
      'asset:processor_balance [B1] EUR': '971',
      'asset:processor_pending [p gross] EUR': '-1000',
      'asset:processor_pending [q fee] EUR': '-7',
      'expense:processing_fees EUR': '36',
    });
  });

  it('of nothing announces nothing', async () => {
    await expectSameInAnyOrder(database, [charge('l', 29n), announced('t', 0n)], {
      'asset:processor_balance [B1] EUR': '971',
      'asset:processor_pending [p gross] EUR': '-1000',
      'expense:processing_fees EUR': '29',
    });
  });
});

describe('a recognition', () => {
  async function kindsOf(books: Books): Promise<string[]> {
    const { rows } = await database.sql.query<{ what: string }>(
      `select replace(t.effect_key, $1, '') || coalesce(' reverses ' || replace(o.effect_key, $1, ''), '') as what
       from postern.transactions t left join postern.transactions o on o.id = t.reverses
       where starts_with(t.effect_key, $1) order by t.effect_key`,
      [`test:${books.account}:`],
    );
    return rows.map(({ what }) => what);
  }

  const transactionsOf = ([result]: readonly PostResult[]): readonly string[] => {
    if (result?.kind !== 'posted') throw new Error(`not posted: ${JSON.stringify(result)}`);
    return result.transactions;
  };

  async function reverseByHand(id = ''): Promise<void> {
    const order = { id, actor: 'cli:test', reason: 'test' };
    const result = await withTransaction(database.appPool, (tx) =>
      reverseTransaction(tx, order, { clock: { now: () => AT } }),
    );
    expect(result).toMatchObject({ kind: 'reversed' });
  }

  it('is made again by the next line once the announcement was taken back, and stays when that is told again', async () => {
    const books = openBooks(database);
    const [told] = transactionsOf(await books.post([announced('t', 25n)]));
    await reverseByHand(told);
    await books.post([charge('l', 29n)]);
    expect(await books.balances()).toMatchObject({ 'expense:processing_fees EUR': '29' });
    // A processor tells an event for days: that it was taken back is ours to know.
    expect(await books.post([announced('t', 25n)])).toEqual([{ kind: 'posted', transactions: [told], replayed: true }]);
    expect(await books.balances()).toMatchObject({ 'expense:processing_fees EUR': '29' });
    expectNoConflict(await books.post([announced('t2', 7n)]));
    expect(await books.balances()).toMatchObject({ 'expense:processing_fees EUR': '7' });
  });

  it('is taken back as it stands where its line comes again with the announcement', async () => {
    const books = openBooks(database);
    const [settled, recognised] = transactionsOf(await books.post([charge('l', 29n)]));
    const [again, announcement] = await books.post([charge('l', 29n)], [announced('t', 25n)]);
    expect(again).toEqual({ kind: 'posted', transactions: [settled, recognised], replayed: true });
    expect(announcement).toMatchObject({ kind: 'posted', replayed: false });
    expect(await kindsOf(books)).toContain('line:l:fee_recognised:reversed reverses line:l:fee_recognised');
    // With the announcement the line is evidence of the line alone.
    expect(await books.post([charge('l', 29n)])).toEqual([{ kind: 'posted', transactions: [settled], replayed: true }]);
  });

  it('is taken back by the first of two announcements, and the second is about itself alone', async () => {
    const books = openBooks(database);
    await books.post([charge('l', 29n)]);
    const results = await books.post([announced('t1', 20n)], [announced('t2', 9n)]);
    expect(results.map((result) => transactionsOf([result]).length)).toEqual([2, 1]);
    const { rows } = await database.sql.query<{ kind: string }>(
      'select kind from postern.transactions where starts_with(effect_key, $1) and reverses is not null',
      [`test:${books.account}:`],
    );
    expect(rows).toEqual([{ kind: 'fee.recognition_reversed' }]);
  });

  it('is reversed once, by the announcement, and told again stays so', async () => {
    const books = openBooks(database);
    await books.post([charge('l', 29n)]);
    await books.post([announced('t', 25n)]);
    for (const again of [charge('l', 29n), announced('t', 25n), announced('t2', 1n), charge('l', 29n)]) {
      expectNoConflict(await books.post([again]));
    }
    expect(await kindsOf(books)).toEqual([
      'line:l',
      'line:l:fee_recognised',
      'line:l:fee_recognised:reversed reverses line:l:fee_recognised',
      't2:fee',
      't:fee',
    ]);
  });

  it('is not made where the announcement was first', async () => {
    const books = openBooks(database);
    await books.post([announced('t', 25n)]);
    await books.post([charge('l', 29n)]);
    expect(await kindsOf(books)).toEqual(['line:l', 't:fee']);
  });

  it('that a person reversed is not reversed again', async () => {
    const books = openBooks(database);
    await reverseByHand(transactionsOf(await books.post([charge('l', 29n)]))[1]);
    expectNoConflict(await books.post([announced('t', 25n)]));
    expect(await books.balances()).toMatchObject({ 'expense:processing_fees EUR': '25' });
  });

  it.each([['later'], ['in one batch']])('is reversed on the day it was accounted on, %s', async (when) => {
    const books = openBooks(database);
    // 20:00 in Los Angeles on the fourth.
    const at = Date.UTC(2026, 2, 5, 4);
    const settled = line('charge', 'l', { reference: 'p', gross: 9n, fee: 1n, at, zone: 'America/Los_Angeles' });
    if (when === 'later') {
      await books.post([settled]);
      await books.post([announced('t', 1n)]);
    } else await books.post([settled], [announced('t', 1n)]);
    const { rows } = await database.sql.query<{ day: string }>(
      `select accounting_date::text as day from postern.transactions
       where starts_with(effect_key, $1) and effect_key like '%fee_recognised%'`,
      [`test:${books.account}:`],
    );
    expect(rows).toEqual([{ day: '2026-03-04' }, { day: '2026-03-04' }]);
  });

  it('and an announcement that come at once do not both stay', async () => {
    for (let turn = 0; turn < 15; turn += 1) {
      const books = openBooks(database);
      await Promise.all([books.post([charge('l', 29n)]), books.post([announced('t', 25n)])]);
      expect(await books.balances()).toMatchObject({
        'expense:processing_fees EUR': '25',
        'asset:processor_pending [p fee] EUR': '4',
      });
    }
  });
});

/** What must be left: the announced fee where there is one, else the report's. */
function feesAfter(told: readonly Told[]): { expense: bigint; open: Map<string, bigint> } {
  const of = (reference: string, type: Told['type']) =>
    told.flatMap((one) => (one.type === type && 'reference' in one && one.reference === reference ? [one] : []));
  const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((all, one) => all + one, 0n);
  let expense = 0n;
  const open = new Map<string, bigint>();
  for (const reference of ['p', 'q']) {
    const known = of(reference, 'payment.fee_known').map((one) => ('amount' in one ? one.amount : 0n));
    const settled = sum(of(reference, 'settlement.line').map((one) => ('fee' in one ? one.fee : 0n)));
    expense += known.length > 0 ? sum(known) : settled;
    if (known.length > 0 && settled !== sum(known)) open.set(reference, settled - sum(known));
  }
  return { expense, open };
}

it('ends the same for any lines and announcements, in any order, any batches and with duplicates', async () => {
  const fee = fc.bigInt(-50n, 50n).filter((amount) => amount !== 0n);
  const reference = fc.constantFrom('p', 'q');
  const scenario = fc.record({
    lines: fc.array(fc.tuple(fee, reference), { minLength: 1, maxLength: 5 }),
    announcements: fc.array(fc.tuple(fee, reference), { maxLength: 4 }),
    order: fc.array(fc.nat(1000), { minLength: 14, maxLength: 14 }),
    batch: fc.integer({ min: 1, max: 5 }),
    again: fc.array(fc.nat(8), { maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ lines, announcements, order, batch, again }) => {
      const told = [
        ...lines.map(([amount, about], n) => charge(`l${n}`, amount, about)),
        ...announcements.map(([amount, about], n) => announced(`t${n}`, amount, { reference: about })),
      ];
      const copies = [...told, ...again.map((n) => told[n % told.length] as Told)];
      const shuffled = copies
        .map((one, n) => ({ one, at: order[n] ?? 0 }))
        .sort((a, b) => a.at - b.at)
        .map(({ one }) => one);
      const books = openBooks(database);
      for (let n = 0; n < shuffled.length; n += batch) {
        expectNoConflict(await books.post(...shuffled.slice(n, n + batch).map((one) => [one])));
      }
      const balances = await books.balances();
      const { expense, open } = feesAfter(told);
      expect(balances['expense:processing_fees EUR'] ?? '0').toBe(expense.toString());
      for (const about of ['p', 'q'])
        expect(balances[`asset:processor_pending [${about} fee] EUR`] ?? '0').toBe((open.get(about) ?? 0n).toString());
    }),
    { numRuns: 60 },
  );
  expect(await derivedDifferences(database)).toEqual([]);
});
