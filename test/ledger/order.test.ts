import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { AT, type Books, derivedDifferences, eur, openBooks, permutations } from './books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const authorised: PaymentEvent = { type: 'payment.authorised', key: 'p:authorised', payment: 'p', ...eur(1000n) };
const cancelled: PaymentEvent = {
  type: 'payment.cancelled',
  key: 'p:cancelled',
  payment: 'p',
  currency: 'EUR',
  at: AT,
};
const part = (id: string, amount: bigint, final: boolean): PaymentEvent => ({
  type: 'payment.captured',
  key: `${id}:captured`,
  payment: 'p',
  authorisation: { amount, final },
  ...eur(amount),
});
const total = (amount: bigint, passedOn: bigint, tax: bigint, final = false): PaymentEvent => ({
  type: 'payment.captured',
  key: `p:captured:${amount}`,
  payment: 'p',
  runningTotal: true,
  seller: { id: 's1', amount: passedOn },
  tax,
  authorisation: { amount, final },
  ...eur(amount),
});
const assumed: PaymentEvent = {
  type: 'payment.captured',
  key: 'p:captured',
  payment: 'p',
  captureMode: 'assumed',
  ...eur(1000n),
};
const manualPart = (amount: bigint, final: boolean): PaymentEvent => ({
  type: 'payment.captured',
  key: 'c1:captured',
  payment: 'p',
  captureMode: 'proves_manual',
  authorisation: { amount, final },
  ...eur(amount),
});
const manualCancel: PaymentEvent = { ...cancelled, captureMode: 'proves_manual' } as PaymentEvent;
const refund = (id: string, type: 'created' | 'succeeded' | 'failed', amount: bigint): PaymentEvent => ({
  type: `refund.${type}`,
  key: `${id}:${type}`,
  refund: id,
  payment: 'p',
  ...eur(amount),
});
const dispute = (type: 'withdrawn' | 'reinstated' | 'lost', key: string): PaymentEvent => ({
  type: `dispute.${type}`,
  key,
  dispute: 'd',
  ...eur(1000n),
});

const CASES: readonly [name: string, events: readonly PaymentEvent[], balances: Record<string, string>][] = [
  [
    'an authorisation captured in two parts, the second final',
    [authorised, part('c1', 300n, false), part('c2', 500n, true)],
    {
      'asset:processor_pending [p gross] EUR': '800',
      'income:revenue EUR': '-800',
    },
  ],
  [
    'an authorisation captured in part and still open',
    [authorised, part('c1', 300n, false)],
    {
      'asset:processor_pending [p gross] EUR': '300',
      'income:revenue EUR': '-300',
      'memo:authorisations [p] EUR': '700',
      'memo:authorisations_contra EUR': '-700',
    },
  ],
  [
    'an authorisation captured in part and then let go',
    [authorised, part('c1', 300n, false), cancelled],
    { 'asset:processor_pending [p gross] EUR': '300', 'income:revenue EUR': '-300' },
  ],
  [
    'running totals, of which the seller’s part does not grow in proportion',
    [authorised, total(300n, 100n, 7n), total(500n, 100n, 11n), total(900n, 333n, 11n)],
    {
      'asset:processor_pending [p gross] EUR': '900',
      'liability:seller_payable:s1 EUR': '-333',
      'liability:tax_payable EUR': '-11',
      'income:revenue EUR': '-556',
      'memo:authorisations [p] EUR': '100',
      'memo:authorisations_contra EUR': '-100',
    },
  ],
  [
    'running totals of which the highest is final',
    [authorised, total(300n, 0n, 0n), total(900n, 0n, 0n, true)],
    { 'asset:processor_pending [p gross] EUR': '900', 'income:revenue EUR': '-900' },
  ],
  [
    'an assumed capture that a partial capture proves manual',
    [assumed, manualPart(400n, false)],
    {
      'asset:processor_pending [p gross] EUR': '400',
      'income:revenue EUR': '-400',
      'memo:authorisations [p] EUR': '600',
      'memo:authorisations_contra EUR': '-600',
    },
  ],
  [
    'an assumed capture that a final capture proves manual, told twice',
    [assumed, manualPart(1000n, true), assumed, manualPart(1000n, true)],
    { 'asset:processor_pending [p gross] EUR': '1000', 'income:revenue EUR': '-1000' },
  ],
  ['an assumed capture that a cancellation proves manual', [assumed, manualCancel, assumed], {}],
  [
    'a refund that fails after it succeeded',
    [
      part('p', 1000n, true),
      refund('r1', 'created', 300n),
      refund('r1', 'succeeded', 300n),
      refund('r1', 'failed', 300n),
    ],
    { 'asset:processor_pending [p gross] EUR': '1000', 'income:revenue EUR': '-1000' },
  ],
  [
    'several refunds of one payment, some before its capture, one that fails',
    [
      part('p', 1000n, true),
      refund('r1', 'succeeded', 300n),
      refund('r2', 'created', 200n),
      refund('r3', 'failed', 100n),
    ],
    {
      'asset:processor_pending [p gross] EUR': '1000',
      'asset:processor_pending [r1 gross] EUR': '-300',
      'liability:refunds_payable [r2] EUR': '-200',
      'income:revenue EUR': '-1000',
      'income:refunds EUR': '500',
    },
  ],
  [
    'a capture that fails after it succeeded, told with what it takes back',
    [
      part('p', 1000n, true),
      { type: 'payment.reversed', key: 'p:reversed', payment: 'p', captureKey: 'p:captured', ...eur(1000n) },
    ],
    {},
  ],
  [
    'a dispute withdrawn, reinstated, withdrawn again and lost',
    [dispute('withdrawn', 'd:1'), dispute('reinstated', 'd:2'), dispute('withdrawn', 'd:3'), dispute('lost', 'd:lost')],
    { 'asset:processor_pending [d gross] EUR': '-1000', 'expense:dispute_losses EUR': '1000' },
  ],
  [
    'a payout that fails',
    [
      { type: 'payout.created', key: 'po:created', payout: 'po', ...eur(900n) },
      { type: 'payout.failed', key: 'po:failed', payout: 'po', ...eur(900n) },
    ],
    {},
  ],
];

describe('any order ends the same', () => {
  it.each(CASES)('%s', async (_name, events, expected) => {
    for (const order of permutations(events)) {
      const apart = openBooks(database);
      for (const event of order) expectNoConflict(await apart.post([event]));
      expect(await apart.balances(), keysOf(order)).toEqual(expected);
      const together = openBooks(database);
      expectNoConflict(await together.post(...order.map((event) => [event])));
      expect(await together.balances(), `in one batch: ${keysOf(order)}`).toEqual(expected);
    }
  });

  it('keeps what is derived equal to the postings', async () => {
    expect(await derivedDifferences(database)).toEqual([]);
  });

  it('reverses an assumed capture once, by a transaction that names it', async () => {
    const books = openBooks(database);
    await books.post([assumed]);
    await books.post([manualPart(400n, false)]);
    await books.post([manualCancel]);
    const { rows } = await database.sql.query<{ reversed: string }>(
      `select o.effect_key as reversed from postern.transactions t join postern.transactions o on o.id = t.reverses
       where starts_with(t.effect_key, $1)`,
      [`test:${books.account}:`],
    );
    expect(rows).toEqual([{ reversed: `test:${books.account}:p:captured` }]);
  });
});

it('takes back an assumed capture by its transaction, also where the batch told it twice', async () => {
  const books = openBooks(database);
  const known: PaymentEvent = { type: 'payment.captured', key: 'p:captured', payment: 'p', ...eur(1000n) };
  const results = await books.post([known], [assumed], [manualPart(400n, true)]);
  expect(results.map((r) => r.kind)).toEqual(['posted', 'posted', 'posted']);
  expect(await books.balances()).toMatchObject({ 'asset:processor_pending [p gross] EUR': '400' });
});

describe('refunds of an account that passes money on', () => {
  const sold: PaymentEvent = {
    type: 'payment.captured',
    key: 'p:captured',
    payment: 'p',
    seller: { id: 's1', amount: 667n },
    ...eur(1000n),
  };

  it('wait for the capture, and none of the event posts until then', async () => {
    const books = openBooks(database, 'on_capture');
    const [waits] = await books.post([refund('r1', 'succeeded', 300n)]);
    expect(waits).toEqual({ kind: 'waits', effectKey: `test:${books.account}:p:captured` });
    expect(await books.balances()).toEqual({});
    expect(await books.post([sold], [refund('r1', 'succeeded', 300n)])).toMatchObject([
      { kind: 'posted' },
      { kind: 'posted' },
    ]);
  });

  it('leave no trace in what their neighbours of the same batch see', async () => {
    const books = openBooks(database, 'on_capture');
    const results = await books.post(
      [authorised, refund('r1', 'created', 300n)],
      [{ ...authorised, amount: 999n } as PaymentEvent],
    );
    expect(results.map((r) => r.kind)).toEqual(['waits', 'posted']);
    expect(await books.balances()).toMatchObject({ 'memo:authorisations [p] EUR': '999' });
  });

  it('give the seller’s part back to the last minor unit, in any order and with one that fails', async () => {
    const refunds = [
      refund('r1', 'succeeded', 333n),
      refund('r2', 'succeeded', 333n),
      refund('r3', 'failed', 101n),
      refund('r4', 'succeeded', 334n),
    ];
    for (const order of permutations(refunds)) {
      const books = openBooks(database, 'on_capture');
      await books.post([sold]);
      expectNoConflict(await books.post(...order.slice(0, 2).map((event) => [event])));
      for (const event of [...order.slice(2), ...order]) expectNoConflict(await books.post([event]));
      // All is given back: nothing is left for the seller, and income:refunds bears exactly our own part.
      expect(await books.balances(), keysOf(order)).toEqual({
        'asset:processor_pending [p gross] EUR': '1000',
        'asset:processor_pending [r1 gross] EUR': '-333',
        'asset:processor_pending [r2 gross] EUR': '-333',
        'asset:processor_pending [r4 gross] EUR': '-334',
        'income:revenue EUR': '-333',
        'income:refunds EUR': '333',
      });
    }
  });

  it('are the seller’s alone where all was', async () => {
    const books = openBooks(database, 'on_capture');
    await books.post(
      [{ ...sold, seller: { id: 's1', amount: 1000n } } as PaymentEvent],
      [refund('r1', 'created', 10n)],
    );
    expect(await books.balances()).toMatchObject({ 'liability:seller_payable:s1 EUR': '-990' });
  });
});

it('keeps apart payments whose id is part of the account’s name', async () => {
  const books = openBooks(database);
  // `1` also ends the account's name: a key cut at the first `1:` would be cut inside the account.
  const id = books.account.slice(-1);
  await books.post(
    [{ ...cancelled, payment: id, key: `${id}:cancelled` } as PaymentEvent],
    [{ ...authorised, payment: id, key: `${id}:authorised` } as PaymentEvent],
  );
  expect(await books.balances()).toEqual({});
});

it('balances whatever is told, in any order, with duplicates', async () => {
  const pool: readonly PaymentEvent[] = CASES.flatMap(([, events]) => events);
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(pool.length - 1), { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(7), { maxLength: 4 }),
      fc.bigInt(1n, 2n ** 61n),
      async (chosen, again, factor) => {
        const books = openBooks(database);
        const events = chosen.map((n) => scaled(pool[n] ?? authorised, factor % 2n === 0n ? 1n : factor / 1000n + 1n));
        await books.post(...events.map((event) => [event]));
        for (const n of again) await books.post([events[n % events.length] ?? authorised]);
        expect(await derivedDifferences(database)).toEqual([]);
        await expectZeroInAll(books);
      },
    ),
    { numRuns: 40 },
  );
});

function scaled(event: PaymentEvent, factor: bigint): PaymentEvent {
  return 'amount' in event && !('authorisation' in event) ? { ...event, amount: event.amount * factor } : event;
}

async function expectZeroInAll(books: Books): Promise<void> {
  const sums = new Map<string, bigint>();
  for (const [place, amount] of Object.entries(await books.balances())) {
    const currency = place.slice(-3);
    sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(amount));
  }
  for (const sum of sums.values()) expect(sum).toBe(0n);
}

function expectNoConflict(results: readonly { kind: string }[]): void {
  expect(results.map((r) => r.kind)).not.toContain('conflict');
}

const keysOf = (events: readonly PaymentEvent[]): string => events.map((event) => event.key).join(', ');
