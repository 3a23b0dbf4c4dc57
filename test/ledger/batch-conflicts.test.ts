import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { captured, derivedDifferences, eur, line, openBooks } from './books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('two of one batch that contradict each other', () => {
  it('are judged by what stands, not by which came first', async () => {
    const books = openBooks(database);
    await books.post([captured('p', 5n)]);
    const results = await books.post([captured('p', 6n)], [captured('p', 5n)], [captured('p', 7n)]);
    expect(results).toMatchObject([{ kind: 'conflict' }, { kind: 'posted', replayed: true }, { kind: 'conflict' }]);
  });

  it('do not both fall when the first falls for another reason', async () => {
    const books = openBooks(database);
    await books.post([captured('other', 1n)]);
    const results = await books.post([captured('p', 6n), captured('other', 2n)], [captured('p', 5n)]);
    expect(results).toMatchObject([
      { kind: 'conflict', effectKey: `test:${books.account}:other:captured` },
      { kind: 'posted', replayed: false },
    ]);
    expect(await books.balances()).toMatchObject({ 'income:revenue EUR': '-6' });
  });

  it('leave each other alone where only a neighbour is wrong', async () => {
    const books = openBooks(database);
    const results = await books.post(
      [captured('a', 1n)],
      [captured('a', 2n)],
      [captured('b', 4n)],
      [captured('b', 8n)],
      [captured('a', 1n)],
    );
    expect(results.map((r) => r.kind)).toEqual(['posted', 'conflict', 'posted', 'conflict', 'posted']);
    expect(await books.balances()).toMatchObject({ 'income:revenue EUR': '-5' });
  });
});

describe('a payout that its line and its webhook tell differently', () => {
  const paid = line('payout', 'l', { payout: 'po', gross: -100n });
  const announced: PaymentEvent = { type: 'payout.created', key: 'po:created', payout: 'po', ...eur(250n) };

  it('is a conflict of the webhook’s where the line stands first, in one batch as one by one', async () => {
    const together = openBooks(database);
    expect(await together.post([paid], [announced])).toMatchObject([{ kind: 'posted' }, { kind: 'conflict' }]);
    const apart = openBooks(database);
    expect([...(await apart.post([paid])), ...(await apart.post([announced]))]).toMatchObject([
      { kind: 'posted' },
      { kind: 'conflict' },
    ]);
    expect(await together.balances()).toEqual(await apart.balances());
  });

  it('is as the webhook told where that comes first, and the line stands beside it', async () => {
    const books = openBooks(database);
    expect(await books.post([announced], [paid])).toMatchObject([{ kind: 'posted' }, { kind: 'posted' }]);
    expect(await books.balances()).toMatchObject({ 'asset:bank_in_transit [po] EUR': '250' });
  });
});

describe('amounts at the edge of 64 bits', () => {
  const most = 2n ** 63n - 1n;

  it('post, and sums beyond them too', async () => {
    const books = openBooks(database);
    await books.post([captured('p', most)], [captured('q', most)]);
    expect(await books.balances()).toMatchObject({
      'asset:processor_pending [p gross] EUR': most.toString(),
      'income:revenue EUR': (-2n * most).toString(),
    });
  });

  it('are refused whole where one reference would hold more', async () => {
    const books = openBooks(database);
    const second = { ...captured('p', most), key: 'p2:captured' } as PaymentEvent;
    await expect(books.post([captured('p', most)], [second])).rejects.toMatchObject({ code: '22003' });
    expect(await books.balances()).toEqual({});
  });

  it('keep what is derived equal to the postings', async () => {
    expect(await derivedDifferences(database)).toEqual([]);
  });
});
