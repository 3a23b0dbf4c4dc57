import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger, type PostRequest } from '../../src/ledger/post.ts';
import { fromEvent, fromLine, fromPerson } from '../../src/ledger/source.ts';
import type { Told } from '../../src/ledger/told.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { type Tx, withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { AT, type Books, captured, derivedDifferences, eur, line, openBooks } from './books.ts';

/* What one call of the ledger says of each event of its batch, and what it leaves. */

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  expect(await derivedDifferences(database)).toEqual([]);
  await database.drop();
});

const fee = (key: string, amount: bigint): PaymentEvent => ({
  type: 'platform_fee.created',
  key: `${key}:created`,
  fee: key,
  ...eur(amount),
});
const tax = (key: string, amount: bigint): PaymentEvent => ({
  type: 'payment.tax_known',
  key: `${key}:tax`,
  payment: 'p',
  ...eur(amount),
});
const cancelled: PaymentEvent = {
  type: 'payment.cancelled',
  key: 'p:cancelled',
  payment: 'p',
  currency: 'EUR',
  at: AT,
};
const payout = (amount: bigint, settled?: bigint): PaymentEvent => ({
  type: 'payout.created',
  key: 'po:created',
  payout: 'po',
  ...(settled === undefined ? {} : { settled: { amount: settled, currency: 'USD' } }),
  ...eur(amount),
});
const paidOut = (gross: bigint): Told => line('payout', 'l', { payout: 'po', gross });

async function keysOf(books: Books, orderBy: 'effect_key' | 'ctid' = 'effect_key'): Promise<string[]> {
  const { rows } = await database.sql.query<{ key: string }>(
    `select replace(effect_key, $1, '') as key from postern.transactions where starts_with(effect_key, $1) order by ${orderBy}`,
    [`test:${books.account}:`],
  );
  return rows.map(({ key }) => key);
}

describe('a batch', () => {
  it('of nothing asks the database nothing', async () => {
    const never = { query: () => Promise.reject(new Error('asked')) } as unknown as Tx;
    expect(await createLedger({ clock: { now: () => AT } }).post(never, [])).toEqual([]);
  });

  it('says of what tells nothing that it moves no money, and posts its neighbours', async () => {
    const books = openBooks(database);
    const results = await books.post([], [captured('p', 5n)], []);
    const nothing = { kind: 'nothing', reason: 'moves no money' };
    expect(results).toEqual([
      nothing,
      { kind: 'posted', transactions: [expect.any(String)], replayed: false },
      nothing,
    ]);
  });

  it('says of a mark that it moves no money, and told again that it stands', async () => {
    const books = openBooks(database);
    expect(await books.post([cancelled])).toEqual([{ kind: 'nothing', reason: 'moves no money' }]);
    expect(await keysOf(books)).toEqual(['p:memo_final']);
    expect(await books.post([cancelled])).toEqual([
      { kind: 'posted', transactions: [expect.any(String)], replayed: true },
    ]);
    expect(await keysOf(books)).toEqual(['p:memo_final']);
  });

  it('posts the rest of an event of which a part is of zero', async () => {
    const books = openBooks(database);
    const [result] = await books.post([fee('f1', 0n), fee('f2', 2n)]);
    expect(result).toEqual({ kind: 'posted', transactions: [expect.any(String)], replayed: false });
    expect(await keysOf(books)).toEqual(['f2:created']);
  });

  it('posts once, and as its own, what an adapter tells and a rule implies anyway', async () => {
    const books = openBooks(database);
    const refund = { refund: 'r', ...eur(5n) };
    const [result] = await books.post([
      { type: 'refund.created', key: 'r:created', ...refund },
      { type: 'refund.succeeded', key: 'r:succeeded', ...refund },
    ]);
    if (result?.kind !== 'posted') throw new Error('not posted');
    expect(result).toEqual({ kind: 'posted', transactions: [expect.any(String), expect.any(String)], replayed: false });
    const { rowCount } = await database.sql.query(
      'select from postern.transaction_evidence where transaction_id = any($1::uuid[])',
      [result.transactions],
    );
    expect(rowCount).toBe(0);
  });

  it('posts two effects of one event that say the same under two keys', async () => {
    const books = openBooks(database);
    const [result] = await books.post([tax('in_1', 190n), tax('in_2', 190n)]);
    expect(result).toMatchObject({ transactions: [expect.any(String), expect.any(String)], replayed: false });
    expect(await books.balances()).toEqual({ 'income:revenue EUR': '380', 'liability:tax_payable EUR': '-380' });
  });

  it('claims its effects in the order of their keys, whatever order they are told in: others would deadlock', async () => {
    const books = openBooks(database);
    await books.post([fee('c', 1n)], [fee('a', 1n), fee('d', 1n)], [fee('b', 1n)]);
    expect(await keysOf(books, 'ctid')).toEqual(['a:created', 'b:created', 'c:created', 'd:created']);
  });

  it('keeps each in the days of its request, and a line in its own', async () => {
    const books = openBooks(database);
    const ledger = createLedger({ clock: { now: () => AT } });
    const request = (events: Told[], zone?: string | null): PostRequest => ({
      source: events[0]?.type === 'settlement.line' ? fromLine(uuidv7(AT)) : fromEvent(uuidv7(AT)),
      provider: 'test',
      account: books.account,
      marketplace: null,
      ...(zone === undefined ? {} : { zone }),
      events,
    });
    const away = 'Pacific/Kiritimati';
    await withTransaction(database.appPool, (tx) =>
      ledger.post(tx, [
        request([fee('a', 1n)], away),
        request([fee('b', 1n)], null),
        request([fee('c', 1n)]),
        request([line('rounding', 'd', { gross: 1n, zone: 'UTC' })], away),
        request([line('rounding', 'e', { gross: 1n, zone: away })], 'UTC'),
      ]),
    );
    const { rows } = await database.sql.query<{ day: string }>(
      'select accounting_date::text as day from postern.transactions where starts_with(effect_key, $1) order by effect_key',
      [`test:${books.account}:`],
    );
    expect(rows.map(({ day }) => day)).toEqual(['2026-03-06', '2026-03-05', '2026-03-05', '2026-03-05', '2026-03-06']);
  });

  it('asks once for the accounts that it has seen committed', async () => {
    const books = openBooks(database);
    const ledger = createLedger({ clock: { now: () => AT } });
    const opened = async (key: string): Promise<number> => {
      let count = 0;
      await withTransaction(database.appPool, (tx) => {
        const query = (...args: Parameters<Tx['query']>) => {
          if (JSON.stringify(args[0]).includes('account')) count += 1;
          return tx.query(...args);
        };
        const [provider, marketplace, source] = ['test', null, fromEvent(uuidv7(AT))];
        const request = { source, provider, account: books.account, marketplace, events: [fee(key, 1n)] };
        return ledger.post({ ...tx, query } as Tx, [request]);
      });
      return count;
    };
    const [made, found, known] = [await opened('f1'), await opened('f2'), await opened('f3')];
    expect(found).toBe(made);
    expect(known).toBe(made - 1);
  });
});

describe('an event that waits', () => {
  it('names what for, posts nothing, and lets its neighbours post', async () => {
    const books = openBooks(database, 'on_capture');
    const refund: PaymentEvent = { type: 'refund.created', key: 'r:created', refund: 'r', payment: 'p', ...eur(5n) };
    expect(await books.post([refund], [fee('f', 1n)])).toEqual([
      { kind: 'waits', effectKey: `test:${books.account}:p:captured` },
      { kind: 'posted', transactions: [expect.any(String)], replayed: false },
    ]);
    expect(await keysOf(books)).toEqual(['f:created']);
  });
});

describe('what a person or a pass decides', () => {
  const item = { item: 'processor_pending', ...eur(5n) } as const;
  const DECISIONS: readonly [string, Told][] = [
    [
      'an allocation',
      {
        type: 'match.allocated',
        id: 'm',
        debit: { reference: 'x', component: 'gross' },
        credit: { reference: 'y', component: 'gross' },
        ...item,
      },
    ],
    ['a write-off', { type: 'write_off', id: 'w', reference: 'x', component: 'gross', ...item }],
  ];
  it.each(DECISIONS)('%s is refused without its cause, also behind something else', async (_name, told) => {
    const books = openBooks(database);
    const ledger = createLedger({ clock: { now: () => AT } });
    const post = (source: PostRequest['source']) =>
      withTransaction(database.appPool, (tx) =>
        ledger.post(tx, [
          { source, provider: 'test', account: books.account, marketplace: null, events: [fee('f', 1n), told] },
        ]),
      );
    await expect(post(fromEvent(uuidv7(AT)))).rejects.toMatchObject({
      code: 'rule_failed',
      message: 'an allocation or a write-off names who made it and why',
    });
    expect(await keysOf(books)).toEqual([]);
    expect(await post(fromPerson({ actor: 'cli:ada', reason: 'why' }))).toMatchObject([{ kind: 'posted' }]);
  });
});

describe('a conflict', () => {
  it('keeps what was told, its amounts to the last digit', async () => {
    const books = openBooks(database);
    await books.post([captured('p', 5n)]);
    await books.post([captured('p', 9_007_199_254_740_993n), fee('f', 1n)]);
    const { rows } = await database.sql.query<{ told: unknown }>(
      'select told from postern.effect_conflicts where effect_key = $1',
      [`test:${books.account}:p:captured`],
    );
    expect(rows).toEqual([
      {
        told: [
          { ...captured('p', 0n), amount: '9007199254740993' },
          { ...fee('f', 0n), amount: '1' },
        ],
      },
    ]);
  });

  it('of one effect with another of the batch takes its event’s other effects with it', async () => {
    const books = openBooks(database);
    const results = await books.post([captured('p', 5n)], [fee('f', 1n), captured('p', 7n)]);
    expect(results).toEqual([
      { kind: 'posted', transactions: [expect.any(String)], replayed: false },
      { kind: 'conflict', effectKey: `test:${books.account}:p:captured` },
    ]);
    expect(await keysOf(books)).toEqual(['p:captured']);
  });

  it('is none where a report’s line only implies what a webhook told otherwise', async () => {
    for (const together of [true, false]) {
      const books = openBooks(database);
      const results = together
        ? await books.post([payout(900n)], [paidOut(-901n)])
        : [...(await books.post([payout(900n)])), ...(await books.post([paidOut(-901n)]))];
      expect(results).toMatchObject([{ kind: 'posted' }, { kind: 'posted', replayed: false }]);
      expect(await books.balances()).toMatchObject({ 'asset:bank_in_transit [po] EUR': '900' });
    }
  });

  it('is one where a webhook tells otherwise what a line implied, also in one batch with it', async () => {
    for (const together of [false, true]) {
      const books = openBooks(database);
      const results = together
        ? await books.post([paidOut(-901n)], [payout(900n)])
        : [...(await books.post([paidOut(-901n)])), ...(await books.post([payout(900n)]))];
      expect(results, String(together)).toMatchObject([{ kind: 'posted' }, { kind: 'conflict' }]);
    }
  });
});
