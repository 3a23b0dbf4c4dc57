import { describe, expect, it } from 'vitest';
import { createLedger } from '../../src/ledger/post.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import type { EndpointSettings } from '../../src/providers/provider.ts';
import { createReconciler } from '../../src/reconcile/engine/reconciler.ts';
import { lockBankImports } from '../../src/reconcile/import/bank-store.ts';
import { AT, eur } from '../ledger/books.ts';
import { type Entered, mt940 } from '../support/bank-files.ts';
import { eventually } from '../support/eventually.ts';
import { useBankWorld } from './bank-world.ts';
import { DAY, type WorldBooks } from './engine-world.ts';

const bank = useBankWorld();

const days = (account: string, ...entries: readonly (readonly Entered[])[]): string[] =>
  entries.map((mine, n) =>
    mt940({
      account,
      no: n + 1,
      day: `2026-03-0${n + 4}`,
      opens: entries.slice(0, n).reduce((sum, day) => day.reduce((all, { amount }) => all + amount, sum), 0),
      entries: mine,
    }),
  );

/** What came of the entries: whose each is, what is posted of it, and what is found; without names that differ between books. */
async function outcome(books: WorldBooks, account: string): Promise<unknown> {
  const { rows: posted } = await bank.database.sql.query(
    `select replace(t.effect_key, $1, '') as effect_key, t.kind, t.accounting_date::text as day, p.line, replace(replace(a.path, $1, ''), $2, '') as path,
       p.amount, p.reference
     from postern.transactions t join postern.postings p on p.transaction_id = t.id join postern.accounts a on a.id = p.account_id
     where exists (select from postern.postings q join postern.accounts b on b.id = q.account_id where q.transaction_id = t.id and b.path like '%' || $1)
     order by 1, p.line`,
    [books.account, account],
  );
  const { rows: lines } = await bank.database.sql.query(
    `select l.identity, l.provider, l.account = $1 as is_ours, l.reference from postern.bank_lines l where l.bank_account = $2 order by 1`,
    [books.account, account],
  );
  const { rows: found } = await bank.database.sql.query(
    `select d.class, d.reference, d.delta from postern.discrepancies d where d.account = $1 and d.cleared_at is null order by 1, 2`,
    [books.account],
  );
  // The keys of matches have the id of the ledger account in them: they have no order that means something.
  const told = (value: unknown): string =>
    JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v))
      .replaceAll(account, 'BANK')
      .replaceAll(/match:[0-9a-f]{32}/g, 'match');
  return {
    posted: posted.map(told).sort(),
    lines: lines.map(told),
    found: found.map(told),
    state: Object.entries(await books.state())
      .map(told)
      .sort(),
  };
}

const bankLines = async (account: string): Promise<Record<string, string | null>> => {
  const { rows } = await bank.database.sql.query<{ text: string; account: string | null; posted: number }>(
    `select l.text, l.account, (select count(*)::int4 from postern.transactions t where t.source_line = l.id) as posted
     from postern.bank_lines l where l.bank_account = $1 order by 1`,
    [account],
  );
  for (const row of rows) expect(row.posted, row.text).toBe(row.account === null ? 0 : 1);
  return Object.fromEntries(rows.map((row) => [row.text, row.account]));
};

describe('entries of before their settings', () => {
  const settings = (account: string): EndpointSettings => ({ bank_account: account, bank_pattern: { text: 'stripe' } });
  const statements = (account: string): string[] =>
    days(
      account,
      [
        { id: 'e1', amount: 90_000, text: 'STRIPE PAYOUT po_named1' },
        { id: 'e2', amount: -120_000, text: 'Rent' },
      ],
      [{ id: 'e3', amount: 4_321, text: 'Stripe' }],
      [
        { id: 'e4', amount: 777, text: 'Str ipe goodwill' },
        { id: 'e5', amount: 888, text: 'po_named2 by somebody' },
      ],
    );
  const tell = async (books: WorldBooks): Promise<void> => {
    for (const [payout, amount] of [
      ['po_named1', 90_000n],
      ['po_plain', 4_321n],
      ['po_named2', 888n],
      ['po_late', 55n],
    ] as const)
      await books.announce({ type: 'payout.created', key: `${payout}:created`, payout, ...eur(amount) });
  };

  it.each([
    ['the statements, then the payouts, then the settings', ['statements', 'payouts', 'settings']],
    ['the payouts, then the statements, then the settings', ['payouts', 'statements', 'settings']],
    ['the statements, then the settings, then the payouts', ['statements', 'settings', 'payouts']],
  ])('end as those of after: %s', async (_, order) => {
    const [first, second] = [bank.newAccount(), bank.newAccount()];
    const before = await bank.world.open(settings(first));
    await bank.receive(...statements(first));
    await tell(before);
    const after = await bank.world.open();
    for (const step of order) {
      if (step === 'statements') await bank.receive(...statements(second));
      if (step === 'payouts') await tell(after);
      if (step === 'settings') await bank.world.change(after, settings(second));
      await bank.world.catchUp();
      bank.world.now += 1_000;
    }
    bank.world.now = AT + 20 * DAY;
    await bank.world.catchUp();
    const expected = await outcome(before, first);
    expect(await outcome(after, second)).toEqual(expected);
    expect(await bankLines(second)).toMatchObject({
      Rent: null,
      Stripe: after.account,
      'Str ipe goodwill': after.account,
    });
    // Again, with nothing that is new.
    await bank.receive(...statements(second).map((text) => text.replaceAll(':20:S', ':20:T')));
    await bank.world.change(after, { ...settings(second), bank_days: 5 });
    await bank.world.catchUp();
    expect(await outcome(after, second)).toEqual(expected);
  });
});

it('gives an entry that fits two to neither, and to the other once one is narrowed', async () => {
  const account = bank.newAccount();
  const one = await bank.world.open({ bank_account: account, bank_pattern: { text: 'payout' } });
  const two = await bank.world.open({ bank_account: account, bank_pattern: { text: 'payout 2' } });
  await bank.receive(
    ...days(account, [
      { id: 'a', amount: 1, text: 'payout 1' },
      { id: 'b', amount: 2, text: 'payout 2' },
    ]),
  );
  await bank.world.catchUp();
  expect(await bankLines(account)).toEqual({ 'payout 1': one.account, 'payout 2': null });
  await bank.world.change(one, { bank_account: account, bank_pattern: { text: 'payout 1' } });
  await bank.world.catchUp();
  expect(await bankLines(account)).toEqual({ 'payout 1': one.account, 'payout 2': two.account });
  // What is posted stays, whoever is paid there now.
  await bank.world.change(two, {});
  await bank.world.change(one, { bank_account: account, bank_pattern: { text: 'payout' } });
  await bank.world.catchUp();
  expect(await bankLines(account)).toEqual({ 'payout 1': one.account, 'payout 2': two.account });
});

it('looks at entries of this bank account alone, and of all of its spellings', async () => {
  const [other, iban, old] = [bank.newAccount(), 'DE02120300000000202051', '12030000/202051'];
  const books = await bank.world.open();
  for (const account of [other, iban, old])
    await bank.receive(...days(account, [{ id: account, amount: 1, text: 'Stripe' }]));
  await bank.world.change(books, { bank_account: old, bank_pattern: { text: 'stripe' } });
  await bank.world.catchUp();
  expect([await bankLines(other), await bankLines(iban), await bankLines(old)]).toEqual([
    { Stripe: null },
    { Stripe: books.account },
    { Stripe: books.account },
  ]);
});

it('comes to the end of many entries, some at a time', async () => {
  const account = bank.newAccount();
  const books = await bank.world.open();
  const many = Array.from({ length: 5_500 }, (_, n) => ({
    id: `m${String(n).padStart(5, '0')}`,
    amount: 1 + n,
    text: n % 1_000 === 499 ? `Stripe ${n}` : `Other ${n}`,
  }));
  await bank.receive(...days(account, many));
  await bank.world.change(books, { bank_account: account, bank_pattern: { text: 'stripe' } });
  await bank.world.catchUp();
  const { rows } = await bank.database.sql.query(
    'select text from postern.bank_lines where bank_account = $1 and account = $2 order by identity',
    [account, books.account],
  );
  expect(rows.map(({ text }) => text)).toEqual([499, 1499, 2499, 3499, 4499, 5499].map((n) => `Stripe ${n}`));
});

it('finds the entry that a payout names behind any number of others', async () => {
  const account = bank.newAccount();
  const books = await bank.world.open({ bank_account: account });
  await bank.receive(
    ...days(account, [{ id: 'first', amount: 1, text: 'Rent' }], [{ id: 'last', amount: 700, text: 'po_behind' }]),
  );
  await bank.database.sql.query(
    `insert into postern.bank_lines (id, bank_statement_id, row_no, bank_account, statement, identity, amount, currency, booked_at, zone, text,
       is_reversal, raw)
     select gen_random_uuid(), bank_statement_id, n, bank_account, statement, 'many' || n, 1, currency, booked_at, zone, 'Rent', false, ''
     from postern.bank_lines cross join generate_series(2, 10_100) as n where bank_account = $1 and text = 'Rent'`,
    [account],
  );
  await books.announce({ type: 'payout.created', key: 'po_behind:created', payout: 'po_behind', ...eur(700n) });
  await bank.world.catchUp();
  expect((await bankLines(account)).po_behind).toBe(books.account);
});

it('waits for an import that began under the settings of before', async () => {
  const account = bank.newAccount();
  const books = await bank.world.open();
  await bank.receive(...days(account, [{ id: 'before', amount: 1, text: 'Stripe 1' }]));
  const gate = Promise.withResolvers<void>();
  const inside = Promise.withResolvers<void>();
  const importing = withTransaction(bank.database.appPool, async (tx) => {
    await lockBankImports(tx);
    inside.resolve();
    await gate.promise;
    await tx.query(
      `insert into postern.bank_lines (id, bank_statement_id, row_no, bank_account, statement, identity, amount, currency, booked_at, zone, text,
         is_reversal, raw)
       select gen_random_uuid(), bank_statement_id, 2, bank_account, statement, 'late', 2, currency, booked_at, zone, 'Stripe 2', false, ''
       from postern.bank_lines where bank_account = $1`,
      [account],
    );
  });
  await inside.promise;
  await bank.world.change(books, { bank_account: account, bank_pattern: { text: 'stripe' } });
  const caughtUp = bank.world.catchUp();
  await eventually(async () => {
    const { rows } = await bank.database.sql.query(
      `select count(*)::int4 as waiting from pg_locks where locktype = 'advisory' and not granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    expect(rows).toEqual([{ waiting: 1 }]);
  }).finally(() => gate.resolve());
  await Promise.all([importing, caughtUp]);
  expect(await bankLines(account)).toEqual({ 'Stripe 1': books.account, 'Stripe 2': books.account });
});

it('leaves nothing half done where it breaks off, and comes to the same after', async () => {
  const account = bank.newAccount();
  const books = await bank.world.open();
  const entries = Array.from({ length: 1_500 }, (_, n) => ({ id: `k${n}`, amount: 1 + n, text: `Stripe ${n}` }));
  await bank.receive(...days(account, entries));
  await bank.world.change(books, { bank_account: account, bank_pattern: { text: 'stripe' } });
  const clock = { now: () => bank.world.now };
  let asked = 0;
  const broken = createReconciler({
    ...{ pool: bank.database.appPool, endpoints: { all: () => [] }, clock, log: bank.database.log },
    metrics: createMetrics({ process: false }),
    ledger: {
      post: async (tx, requests) => {
        asked += 1;
        const results = await createLedger({ clock }).post(tx, requests);
        if (asked === 2) throw new Error('killed');
        return results;
      },
    },
  });
  await expect(broken.catchUp()).rejects.toThrow('killed');
  await broken.stop();
  expect(new Set(Object.values(await bankLines(account)))).toEqual(new Set([null]));
  await bank.world.catchUp();
  expect(new Set(Object.values(await bankLines(account)))).toEqual(new Set([books.account]));
});

it('judges the statements of a bank account once it is set, and no more once it is not', async () => {
  const account = bank.newAccount();
  const books = await bank.world.open();
  const files = days(account, [{ id: '1', amount: 5 }], [{ id: '2', amount: 5 }], [{ id: '3', amount: 5 }]);
  await bank.receive(files[0] ?? '', files[2] ?? '');
  await bank.world.change(books, { bank_account: account });
  await bank.world.catchUp();
  const gap = `missing_file ${account} S260306 (3/2026)`;
  expect(await books.discrepancies()).toEqual({ [gap]: 'open 0 EUR' });
  await bank.world.change(books, {});
  await bank.world.catchUp();
  expect(await books.discrepancies()).toEqual({ [gap]: 'auto_cleared 0 EUR' });
});
