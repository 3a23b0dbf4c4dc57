import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { balancesOf, trialBalance } from '../../src/ledger/balance-store.ts';
import { createLedger } from '../../src/ledger/post.ts';
import {
  findAccount,
  findTransaction,
  historyOf,
  listAccounts,
  listOpenItems,
  transactionsOfEvent,
} from '../../src/ledger/queries-store.ts';
import { fromEvent } from '../../src/ledger/source.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const DAY = 86_400_000;
const FIRST = Date.UTC(2026, 2, 1, 12);

let database: TestDatabase;
const eventIds: string[] = [];

/** Ten captures, one a day, of which the last was told again; then a refund that is open. */
beforeAll(async () => {
  database = await createTestDatabase();
  const ledger = createLedger({ clock: { now: () => FIRST } });
  const post = (event: PaymentEvent) =>
    withTransaction(database.appPool, (tx) => {
      const eventId = uuidv7(FIRST);
      eventIds.push(eventId);
      return ledger.post(tx, [
        { source: fromEvent(eventId), provider: 'test', account: 'a', marketplace: null, events: [event] },
      ]);
    });
  const captured = (n: number): PaymentEvent => ({
    type: 'payment.captured',
    key: `p${n}:captured`,
    payment: `p${n}`,
    amount: 100n + BigInt(n),
    currency: n % 2 === 0 ? 'EUR' : 'JPY',
    at: FIRST + n * DAY,
  });
  for (let n = 0; n < 10; n += 1) await post(captured(n));
  await post(captured(9));
  await post({
    type: 'refund.created',
    key: 'r:created',
    refund: 'r',
    amount: 7n,
    currency: 'EUR',
    at: FIRST + 3 * DAY,
  });
});
afterAll(() => database.drop());

async function idOf(path: string): Promise<number> {
  const account = await findAccount(database.app, path);
  if (account === null) throw new Error(`there is no ${path}`);
  return account.id;
}

describe('accounts', () => {
  it('come in pages by path, with their currencies', async () => {
    const first = await listAccounts(database.app, { after: null, limit: 2 });
    const rest = await listAccounts(database.app, { after: first.at(-1)?.path ?? '', limit: 50 });
    expect([...first, ...rest].map((a) => a.path)).toEqual([
      'asset:processor_pending:test:a',
      'income:refunds',
      'income:revenue',
      'liability:refunds_payable:test:a',
    ]);
    expect(first[0]).toMatchObject({ type: 'asset', openItem: true, open: true, currencies: ['EUR', 'JPY'] });
  });

  it('take a prefix as it is, not as a pattern', async () => {
    expect(await listAccounts(database.app, { prefix: 'income%', after: null, limit: 5 })).toEqual([]);
    expect(await listAccounts(database.app, { prefix: 'income:', after: null, limit: 5 })).toHaveLength(2);
  });

  it('are null where there is none', async () => {
    expect(await findAccount(database.app, 'income:none')).toBeNull();
  });
});

describe('a balance', () => {
  it('is debits less credits, so that revenue is negative', async () => {
    expect(await balancesOf(database.app, await idOf('income:revenue'), { at: null, knownAt: null })).toEqual([
      { currency: 'EUR', debits: 0n, credits: 520n, balance: -520n },
      { currency: 'JPY', debits: 0n, credits: 525n, balance: -525n },
    ]);
  });

  it('as of a moment counts what had happened by then, that moment included', async () => {
    const id = await idOf('income:revenue');
    expect(await balancesOf(database.app, id, { at: new Date(FIRST + DAY), knownAt: null })).toMatchObject([
      { currency: 'EUR', balance: -100n },
      { currency: 'JPY', balance: -101n },
    ]);
    expect(await balancesOf(database.app, id, { at: new Date(FIRST - 1), knownAt: null })).toEqual([]);
  });

  it('as known at a moment leaves out what was recorded later, whenever it happened', async () => {
    const id = await idOf('income:revenue');
    expect(await balancesOf(database.app, id, { at: null, knownAt: new Date(0) })).toEqual([]);
    expect(await balancesOf(database.app, id, { at: null, knownAt: new Date('2100-01-01') })).toHaveLength(2);
  });
});

describe('the history of an account', () => {
  it('comes newest first, in pages that miss and repeat nothing', async () => {
    const id = await idOf('asset:processor_pending:test:a');
    const seen: string[] = [];
    let before: { transactionId: string; line: number } | null = null;
    for (let page = 0; page < 10; page += 1) {
      const lines = await historyOf(database.app, id, { before, limit: 3 });
      const last = lines.at(-1);
      if (last === undefined) break;
      seen.push(...lines.map((l) => l.transaction.effectKey));
      before = { transactionId: last.transaction.id, line: last.posting.line };
    }
    expect(seen).toEqual(Array.from({ length: 10 }, (_, n) => `test:a:p${9 - n}:captured`));
  });
});

describe('the trial balance', () => {
  it('is zero in every currency, now and on every day', async () => {
    for (const at of [null, ...Array.from({ length: 12 }, (_, n) => new Date(FIRST + (n - 1) * DAY))]) {
      const sums = new Map<string, bigint>();
      for (const row of await trialBalance(database.app, { at })) {
        sums.set(row.currency, (sums.get(row.currency) ?? 0n) + row.balance);
      }
      expect([...sums.values()].every((sum) => sum === 0n)).toBe(true);
    }
  });

  it('of a day holds that day whole', async () => {
    const morning = new Date(Date.UTC(2026, 2, 1));
    expect(await trialBalance(database.app, { at: morning })).toMatchObject([
      { account: 'asset:processor_pending:test:a', balance: 100n },
      { account: 'income:revenue', balance: -100n },
    ]);
  });
});

describe('what an event did', () => {
  it('are its transactions with their postings', async () => {
    const [found, ...more] = await transactionsOfEvent(database.app, eventIds[0] ?? '');
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      evidence: false,
      transaction: { kind: 'payment.captured', accountingDate: '2026-03-01' },
    });
    expect(found?.postings.map((p) => [p.account, p.amount, p.reference, p.component])).toEqual([
      ['asset:processor_pending:test:a', 100n, 'p0', 'gross'],
      ['income:revenue', -100n, null, null],
    ]);
    expect(await findTransaction(database.app, found?.transaction.id ?? '')).toMatchObject({
      transaction: { source: { event: eventIds[0] } },
      postings: [{ line: 0 }, { line: 1 }],
    });
  });

  it('are those of another event where that had posted it', async () => {
    const [told] = await transactionsOfEvent(database.app, eventIds[10] ?? '');
    expect(told).toMatchObject({ evidence: true, transaction: { source: { event: eventIds[9] } } });
  });

  it('is nothing for an event that is not known', async () => {
    expect(await transactionsOfEvent(database.app, uuidv7(FIRST))).toEqual([]);
    expect(await findTransaction(database.app, uuidv7(FIRST))).toBeNull();
  });
});

describe('open items', () => {
  it('come by account or reference, in pages', async () => {
    expect(await listOpenItems(database.app, { reference: 'r', after: null, limit: 5 })).toMatchObject([
      { account: 'liability:refunds_payable:test:a', reference: 'r', component: null, amount: -7n },
    ]);
    const all = { account: 'asset:processor_pending:test:a' };
    const first = await listOpenItems(database.app, { ...all, after: null, limit: 4 });
    const rest = await listOpenItems(database.app, { ...all, after: first.at(-1) ?? null, limit: 50 });
    expect([...first, ...rest].map((item) => item.reference)).toEqual(Array.from({ length: 10 }, (_, n) => `p${n}`));
  });
});
