import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PaymentCaptured, PaymentEvent } from '../../src/payment-event.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Books, derivedDifferences, eur, openBooks, permutations } from './books.ts';

/*
 * What the sellers give back of a refund depends on all that was captured, and a capture may come after the refund: in the
 * end s = r × S/G over everything, whatever came first.
 */

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A capture that is an object of its own, as Adyen's and PayPal's are. */
const capture = (id: string, amount: bigint, passedOn: bigint, seller = 's1'): PaymentCaptured => ({
  type: 'payment.captured',
  key: `${id}:captured`,
  payment: 'p',
  seller: { id: seller, amount: passedOn },
  ...eur(amount),
});
/** A capture told as the sum of all, as Stripe's are. */
const total = (amount: bigint, passedOn: bigint): PaymentCaptured => ({
  ...capture('p', amount, passedOn),
  key: `p:captured:${amount}`,
  runningTotal: true,
});
const refund = (id: string, type: 'created' | 'succeeded' | 'failed', amount: bigint): PaymentEvent => ({
  type: `refund.${type}`,
  key: `${id}:${type}`,
  refund: id,
  payment: 'p',
  ...eur(amount),
});

/** As a worker does: an event that waits for its capture comes again later. */
async function postAll(books: Books, events: readonly PaymentEvent[]): Promise<void> {
  let left = [...events];
  for (let round = 0; left.length > 0 && round < 3; round += 1) {
    const waiting: PaymentEvent[] = [];
    for (const event of left) {
      const [result] = await books.post([event]);
      expect(result?.kind, event.key).not.toBe('conflict');
      if (result?.kind === 'waits') waiting.push(event);
    }
    left = waiting;
  }
  expect(left).toEqual([]);
}

describe('a refund of a payment captured in parts', () => {
  it('is split by all captures, also by one that comes after it', async () => {
    // S/G is 0 of 400 when the refund is told, and 600 of 1000 in the end.
    const events = [capture('c1', 400n, 0n), refund('r1', 'succeeded', 100n), capture('c2', 600n, 600n)];
    for (const order of permutations(events)) {
      const books = openBooks(database, 'on_capture');
      await postAll(books, order);
      expect(await books.balances(), order.map((e) => e.key).join()).toEqual({
        'asset:processor_pending [p gross] EUR': '1000',
        'asset:processor_pending [r1 gross] EUR': '-100',
        'income:revenue EUR': '-400',
        'liability:seller_payable:s1 EUR': '-540',
        'income:refunds EUR': '40',
      });
    }
  });

  it('posts what a later capture changes once, under a key of its own', async () => {
    const books = openBooks(database, 'on_capture');
    await postAll(books, [capture('c1', 400n, 0n), refund('r1', 'created', 100n)]);
    for (let told = 0; told < 3; told += 1) await postAll(books, [capture('c2', 600n, 600n)]);
    const { rows } = await database.sql.query<{ key: string; kind: string; amount: bigint }>(
      `select replace(t.effect_key, 'test:' || $1 || ':', '') as key, t.kind, p.amount from postern.transactions t
       join postern.postings p on p.transaction_id = t.id join postern.accounts a on a.id = p.account_id
       where starts_with(t.effect_key, 'test:' || $1 || ':') and a.path = 'income:refunds' order by 1`,
      [books.account],
    );
    expect(rows).toEqual([
      { key: 'p:split:c2:captured', kind: 'refund.split', amount: -60n },
      { key: 'r1:created', kind: 'refund.created', amount: 100n },
    ]);
  });

  it('follows a running total, and a refund told before it was known that so much was captured', async () => {
    const events = [total(400n, 100n), refund('r1', 'created', 800n), total(1000n, 900n), refund('r2', 'failed', 50n)];
    for (const order of permutations(events)) {
      const books = openBooks(database, 'on_capture');
      await postAll(books, order);
      expect(await books.balances(), order.map((e) => e.key).join()).toMatchObject({
        // 900 − 800 × 900/1000
        'liability:seller_payable:s1 EUR': '-180',
        'income:refunds EUR': '80',
        'liability:refunds_payable [r1] EUR': '-800',
      });
    }
  });

  it('is split anew where an assumed capture turns out to be none', async () => {
    const assumed: PaymentEvent = { ...capture('p', 1000n, 800n), captureMode: 'assumed' };
    const authorisation = { amount: 500n, final: true };
    const manual: PaymentEvent = { ...capture('c1', 500n, 100n), captureMode: 'proves_manual', authorisation };
    for (const order of permutations([assumed, refund('r1', 'created', 100n), manual])) {
      const books = openBooks(database, 'on_capture');
      await postAll(books, order);
      expect(await books.balances(), order.map((e) => e.key).join()).toMatchObject({
        'asset:processor_pending [p gross] EUR': '500',
        'liability:seller_payable:s1 EUR': '-80',
        'income:refunds EUR': '80',
      });
    }
  });

  it('is split over several sellers, each by what was passed on to them', async () => {
    const books = openBooks(database, 'on_capture');
    const events = [capture('c1', 500n, 300n, 'a'), refund('r1', 'created', 333n), capture('c2', 500n, 400n, 'b')];
    await postAll(books, events);
    expect(await books.balances()).toMatchObject({
      // 300 − ⌊333 × 0.3⌋ and 400 − ⌊333 × 0.4⌋; the rest of 333 is ours.
      'liability:seller_payable:a EUR': '-201',
      'liability:seller_payable:b EUR': '-267',
      'income:refunds EUR': '101',
    });
  });
});

it('ends the same for any captures, refunds and failures of them, in any order and any batches', async () => {
  const amounts = fc.tuple(fc.bigInt(1n, 10_000n), fc.nat(1000), fc.constantFrom('s1', 's2'));
  const refunds = fc.tuple(fc.bigInt(1n, 5_000n), fc.constantFrom('created', 'succeeded', 'failed'));
  await fc.assert(
    fc.asyncProperty(
      fc.array(amounts, { minLength: 1, maxLength: 4 }),
      fc.array(refunds, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
      async (captured, given, running, chances) => {
        let sum = 0n;
        let passed = 0n;
        const captures = captured.map(([amount, permille, seller], n) => {
          const passedOn = (amount * BigInt(permille)) / 1000n;
          sum += amount;
          passed += passedOn;
          return running ? total(sum, passed) : capture(`c${n}`, amount, passedOn, seller);
        });
        const events = [...captures, ...given.map(([amount, type], n) => refund(`r${n}`, type as 'created', amount))];
        const inOrder = openBooks(database, 'on_capture');
        await postAll(inOrder, events);

        const mixed = openBooks(database, 'on_capture');
        const shuffled = events
          .map((event, n) => ({ event, at: chances[n % chances.length] ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ event }) => [event]);
        const cut = (chances[19] ?? 0) % (shuffled.length + 1);
        await mixed.post(...shuffled.slice(0, cut));
        await mixed.post(...shuffled.slice(cut));
        await postAll(mixed, events);

        const balances = await mixed.balances();
        expect(balances).toEqual(await inOrder.balances());
        expectSplit(balances, { captures, gross: sum, live: given });
      },
    ),
    { numRuns: 60 },
  );
  expect(await derivedDifferences(database)).toEqual([]);
}, 240_000);

/** The end state by the formula, computed from the events alone. */
function expectSplit(
  balances: Record<string, string>,
  told: { captures: readonly PaymentCaptured[]; gross: bigint; live: readonly (readonly [bigint, string])[] },
): void {
  const refunded = told.live.reduce((all, [amount, type]) => (type === 'failed' ? all : all + amount), 0n);
  const counted = [refunded, told.gross].sort((a, b) => (a < b ? -1 : 1))[0] ?? 0n;
  const passedOn = new Map<string, bigint>();
  for (const event of told.captures) {
    if (event.seller === undefined) continue;
    const { id, amount } = event.seller;
    passedOn.set(id, event.runningTotal === true ? amount : (passedOn.get(id) ?? 0n) + amount);
  }
  let sellers = 0n;
  for (const [id, amount] of passedOn) {
    const part = (counted * amount) / told.gross;
    sellers += part;
    expect(BigInt(balances[`liability:seller_payable:${id} EUR`] ?? '0'), id).toBe(part - amount);
  }
  expect(BigInt(balances['income:refunds EUR'] ?? '0')).toBe(refunded - sellers);
}
