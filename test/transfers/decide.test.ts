import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chart } from '../../src/ledger/chart.ts';
import { type Asked, type Request, requestOf } from '../../src/transfers/asked.ts';
import { type BooksNow, balanceKey, decide } from '../../src/transfers/decide.ts';
import { readMajor } from '../../src/transfers/major-amount.ts';
import { serviceAccount } from '../../src/transfers/service-account.ts';

const asked: Asked = {
  id: '0190f000-0000-7000-8000-000000000000',
  idempotencyKey: 'k',
  actor: 'token:t',
  at: 0,
  wish: { kind: 'refund', of: 'x', amount: null },
};
const request = (from: string, to: string, amount: bigint | null, refunds: string | null = null): Request =>
  requestOf(asked, {
    source: chart.client(from),
    destination: chart.client(to),
    currency: 'EUR',
    amount,
    refunds,
    transactionId: 't',
  });
const refused = { open: true, overdraft: 'refused' } as const;
const none: BooksNow = { accounts: new Map(), balances: new Map(), remaining: new Map() };
const outcomes = (requests: readonly Request[], now: BooksNow) =>
  decide(requests, now).map(({ amount, failure }) => failure?.code ?? amount);

describe('one after the other', () => {
  it('lets an account spend what came in before it in the same group', () => {
    const now = { ...none, accounts: new Map([['asset:client:a', refused]]) };
    expect(
      outcomes([request('a', 'b', 1n), request('x', 'a', 5n), request('a', 'b', 5n), request('a', 'b', 1n)], now),
    ).toEqual(['insufficient_funds', 5n, 5n, 'insufficient_funds']);
  });

  it('takes nothing of another currency', () => {
    const now = {
      ...none,
      accounts: new Map([['asset:client:a', refused]]),
      balances: new Map([[balanceKey('asset:client:a', 'USD'), 100n]]),
    };
    expect(outcomes([request('a', 'b', 1n)], now)).toEqual(['insufficient_funds']);
  });

  it('gives back what is left, once', () => {
    const now = { ...none, remaining: new Map([['o', 10n]]) };
    expect(
      outcomes(
        [
          request('a', 'b', 4n, 'o'),
          request('a', 'b', 7n, 'o'),
          request('a', 'b', null, 'o'),
          request('a', 'b', null, 'o'),
        ],
        now,
      ),
    ).toEqual([4n, 'exceeds_remaining', 6n, 'exceeds_remaining']);
    expect(decide([request('a', 'b', null, 'gone')], now)[0]).toMatchObject({ amount: null });
  });

  it('does not count a refund that fails for another reason', () => {
    const now = {
      accounts: new Map([['asset:client:a', refused]]),
      balances: new Map(),
      remaining: new Map([['o', 10n]]),
    };
    expect(outcomes([request('a', 'b', 10n, 'o'), request('x', 'b', 10n, 'o')], now)).toEqual([
      'insufficient_funds',
      10n,
    ]);
  });

  it('never takes what may not be overdrawn below zero, whatever comes', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const orders = fc.array(fc.record({ from: name, to: name, amount: fc.bigInt(1n, 50n) }), { maxLength: 40 });
    fc.assert(
      fc.property(orders, fc.bigInt(0n, 60n), (list, filled) => {
        const paths = ['a', 'b', 'c'].map((n) => `asset:client:${n}`);
        const balances = new Map(paths.map((path) => [path, filled]));
        const now = {
          accounts: new Map(paths.map((path) => [path, refused])),
          balances: new Map([...balances].map(([path, b]) => [balanceKey(path, 'EUR'), b])),
          remaining: new Map<string, bigint>(),
        };
        for (const { request: one, amount, failure } of decide(
          list.map((o) => request(o.from, o.to, o.amount)),
          now,
        )) {
          const has = balances.get(one.source.path) ?? 0n;
          expect(failure === null).toBe(has >= (amount ?? 0n));
          if (failure !== null || amount === null) continue;
          balances.set(one.source.path, has - amount);
          balances.set(one.destination.path, (balances.get(one.destination.path) ?? 0n) + amount);
          expect([...balances.values()].every((b) => b >= 0n)).toBe(true);
        }
      }),
    );
  });
});

it('reads every amount of minor units back from its major units', () => {
  fc.assert(
    fc.property(
      fc.bigInt(1n, 2n ** 63n - 1n),
      fc.constantFrom<[string, number]>(['JPY', 0], ['EUR', 2], ['KWD', 3], ['CLF', 4]),
      (amount, [currency, exponent]) => {
        const digits = amount.toString().padStart(exponent + 1, '0');
        const point = digits.length - exponent;
        const text = exponent === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
        expect(readMajor(text, currency)).toEqual({ amount });
        expect(readMajor(`${text}${exponent === 0 ? '.' : ''}0`, currency)).toMatchObject({ field: 'amount' });
        expect(readMajor(`-${text}`, currency)).toMatchObject({ field: 'amount' });
      },
    ),
  );
});

it('names an account by its bare id and by its path alike, and no two by one name', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 30 }), (id) => {
      const account = serviceAccount(id);
      if ('fault' in account) return;
      expect(account.path.startsWith('asset:client:') || account.path === 'equity:opening_balances').toBe(true);
      expect(serviceAccount(account.path)).toEqual(account);
      if (!id.startsWith('asset:')) expect(account.path).toBe(chart.client(id).path);
    }),
  );
});
