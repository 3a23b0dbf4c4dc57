import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { balancesOf, trialBalance } from '../../src/ledger/balance-store.ts';
import { sealStep } from '../../src/ledger/log-store.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { findAccount } from '../../src/ledger/queries-store.ts';
import { fromEvent } from '../../src/ledger/source.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seal } from '../support/sealed.ts';
import { AT, captured } from './books.ts';

/*
 * Balances at two times are made of days, the two days cut through and what is not sealed. Whatever was posted when, in what
 * order, and however much of it is sealed: they must be what adding up every line gives.
 */
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const HOUR = 3_600_000;
const ledger = createLedger({ clock: { now: () => AT } });

/** Moves a transaction's recording, as only the server's clock may. */
async function recordedAt(payment: string, at: number): Promise<void> {
  await database.sql.query('set session_replication_role = replica');
  await database.sql.query(
    `update postern.transactions set recorded_at = $2 where effect_key = 'test:two:' || $1 || ':captured'`,
    [payment, new Date(at)],
  );
  await database.sql.query('set session_replication_role = origin');
}

const step = fc.record({
  happened: fc.integer({ min: 0, max: 96 }),
  recorded: fc.integer({ min: 0, max: 96 }),
  amount: fc.integer({ min: 1, max: 1_000_000 }),
  currency: fc.constantFrom('EUR', 'JPY'),
  seal: fc.boolean(),
});

it('are the sums of the lines, at any two times', async () => {
  let made = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.array(
        fc.tuple(
          fc.option(fc.integer({ min: -1, max: 98 })),
          fc.option(fc.integer({ min: -1, max: 98 })),
          fc.boolean(),
        ),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
      async (steps, times) => {
        for (const { happened, recorded, amount, currency, seal } of steps) {
          made += 1;
          const payment = `p${made}`;
          const event = { ...captured(payment, BigInt(amount)), at: AT + happened * HOUR, currency };
          await withTransaction(database.appPool, (tx) =>
            ledger.post(tx, [
              { source: fromEvent(uuidv7(AT)), provider: 'test', account: 'two', marketplace: null, events: [event] },
            ]),
          );
          await recordedAt(payment, AT + recorded * HOUR);
          // One that may end within the batch.
          if (seal) await withTransaction(database.appPool, (tx) => sealStep(tx, 3));
        }
        const account = await findAccount(database.app, 'income:revenue');
        for (const [at, knownAt, before] of times) {
          const asked = {
            // The last millisecond of a day, too.
            at: at === null ? null : new Date(AT + at * HOUR - (before ? 1 : 0)),
            knownAt: knownAt === null ? null : new Date(AT + knownAt * HOUR),
          };
          expect(await balancesOf(database.app, account?.id ?? 0, asked)).toEqual(await addedUp(asked));
          if (asked.at !== null)
            expect(await trialBalance(database.app, { at: asked.at })).toEqual(await trialAddedUp(asked.at));
        }
      },
    ),
    { numRuns: 25 },
  );
});

async function addedUp({ at, knownAt }: { at: Date | null; knownAt: Date | null }) {
  const { rows } = await database.app.query<{ currency: string; debits: string; credits: string }>(
    `select p.currency, sum(greatest(p.amount, 0))::text as debits, (-sum(least(p.amount, 0)))::text as credits
     from postern.postings p join postern.transactions t on t.id = p.transaction_id join postern.accounts a on a.id = p.account_id
     where a.path = 'income:revenue' and t.effective_at <= coalesce($1::timestamptz, 'infinity') and t.recorded_at <= coalesce($2::timestamptz, 'infinity')
     group by 1 order by 1`,
    [at, knownAt],
  );
  return rows.map(balance);
}

async function trialAddedUp(at: Date) {
  const { rows } = await database.app.query<{ account: string; currency: string; debits: string; credits: string }>(
    `select a.path as account, p.currency, sum(greatest(p.amount, 0))::text as debits, (-sum(least(p.amount, 0)))::text as credits
     from postern.postings p join postern.transactions t on t.id = p.transaction_id join postern.accounts a on a.id = p.account_id
     where t.accounting_date <= ($1::timestamptz at time zone 'utc')::date group by 1, 2 order by 1, 2`,
    [at],
  );
  return rows.map(({ account, ...row }) => ({ account, ...balance(row) }));
}

const balance = (row: { currency: string; debits: string; credits: string }) => ({
  currency: row.currency,
  debits: BigInt(row.debits),
  credits: BigInt(row.credits),
  balance: BigInt(row.debits) - BigInt(row.credits),
});

it('are made anew from what is sealed', async () => {
  const days =
    'select * from postern.balance_days order by account_id, currency, effective_day, recorded_day, accounting_date';
  await seal(database);
  await database.app.query('select postern.rebuild_balance_days()');
  const before = await database.app.query(days);
  expect(before.rowCount).toBeGreaterThan(5);
  await database.sql.query('update postern.balance_days set debits = debits + 1');
  await database.app.query('select postern.rebuild_balance_days()');
  expect((await database.app.query(days)).rows).toEqual(before.rows);
});

it('a late event adds to one day and changes no other', async () => {
  await seal(database);
  const account = (await findAccount(database.app, 'income:revenue'))?.id ?? 0;
  const days = `select * from postern.balance_days where account_id = ${account} order by 1, 2, 3, 4, 5`;
  const before = await database.app.query<{ effective_day: Date }>(days);
  const event = { ...captured('very late', 7n), at: AT - 400 * 24 * HOUR };
  await withTransaction(database.appPool, (tx) =>
    ledger.post(tx, [
      { source: fromEvent(uuidv7(AT)), provider: 'test', account: 'two', marketplace: null, events: [event] },
    ]),
  );
  await seal(database);
  const [added, ...others] = (await database.app.query(days)).rows;
  expect(others.length).toBe(before.rows.length);
  expect([...others].map((row) => JSON.stringify(row, plain)).sort()).toEqual(
    before.rows.map((row) => JSON.stringify(row, plain)).sort(),
  );
  expect(added).toMatchObject({ debits: '0', credits: '7' });
});

const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? value.toString() : value);
