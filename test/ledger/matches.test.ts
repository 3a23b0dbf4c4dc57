import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Allocation, WriteOff } from '../../src/ledger/match-rules.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { reverseTransaction } from '../../src/ledger/reversal.ts';
import { fromEvent } from '../../src/ledger/source.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { AT, bankLine, captured, derivedDifferences, eur, line, openBooks } from './books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  expect(await derivedDifferences(database)).toEqual([]);
  await database.drop();
});

const clock = { now: () => AT };

function allocation(id: string, debit: string, credit: string, amount: bigint): Allocation {
  return {
    type: 'match.allocated',
    id,
    item: 'bank_in_transit',
    debit: { reference: debit },
    credit: { reference: credit },
    ...eur(amount),
  };
}

const writeOff = (id: string, amount: bigint, fields: Partial<WriteOff> = {}): WriteOff => ({
  type: 'write_off',
  id,
  item: 'processor_pending',
  reference: 'p',
  component: 'gross',
  ...eur(amount),
  ...fields,
});

describe('a bank line', () => {
  it('clears the payout it names', async () => {
    const books = openBooks(database);
    await books.post([line('payout', 'l', { payout: 'po', gross: -900n })], [bankLine('b', 'po', 900n)]);
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '-900',
      'asset:bank:main EUR': '900',
    });
  });

  it('takes back what a negative payout or a returned one takes', async () => {
    const books = openBooks(database);
    await books.post([line('payout', 'l', { payout: 'po', gross: 40n })], [bankLine('b', 'po', -40n)]);
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '40',
      'asset:bank:main EUR': '-40',
    });
  });

  it('is one line however often its statement comes, and a conflict with another amount', async () => {
    const books = openBooks(database);
    await books.post([bankLine('b', 'po', 900n)]);
    expect(await books.post([bankLine('b', 'po', 900n)])).toMatchObject([{ replayed: true }]);
    expect(await books.post([bankLine('b', 'po', 901n)])).toMatchObject([
      { kind: 'conflict', effectKey: `test:${books.account}:bank:main:b` },
    ]);
  });
});

describe('an allocation', () => {
  it('lets one bank line pay several payouts', async () => {
    const books = openBooks(database);
    await books.post(
      [line('payout', 'l1', { payout: 'po1', gross: -900n })],
      [line('payout', 'l2', { payout: 'po2', gross: -100n })],
      [bankLine('b', 'bank ref 7', 1000n)],
    );
    await books.post([allocation('m1', 'bank ref 7', 'po1', 900n)], [allocation('m2', 'bank ref 7', 'po2', 100n)]);
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '-1000',
      'asset:bank:main EUR': '1000',
    });
  });

  it('keeps the components of what it allocates', async () => {
    const books = openBooks(database);
    await books.post([captured('p', 1000n)], [line('charge', 'l', { reference: 'order 1', gross: 1000n })]);
    const match: Allocation = {
      ...allocation('m', 'order 1', 'p', 1000n),
      item: 'processor_pending',
      debit: { reference: 'order 1', component: 'gross' },
      credit: { reference: 'p', component: 'gross' },
    };
    await books.post([match]);
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '1000',
      'income:revenue EUR': '-1000',
    });
  });

  it('says which pass made it, how sure it was and who agreed', async () => {
    const books = openBooks(database);
    await books.post([allocation('m', 'a', 'b', 5n)]);
    const { rows } = await database.sql.query<{ cause: string }>(
      'select cause from postern.transactions where effect_key = $1',
      [`test:${books.account}:match:m`],
    );
    expect(JSON.parse(rows[0]?.cause ?? '')).toEqual({ pass: 'merchant_reference', score: 1, actor: 'system' });
  });

  it('posts once under its id, and other content is a conflict', async () => {
    const books = openBooks(database);
    await books.post([allocation('m', 'a', 'b', 5n)]);
    expect(await books.post([allocation('m', 'a', 'b', 5n)])).toMatchObject([{ replayed: true }]);
    expect(await books.post([allocation('m', 'a', 'c', 5n)])).toMatchObject([{ kind: 'conflict' }]);
  });

  it('is undone once', async () => {
    const books = openBooks(database);
    const [made] = await books.post([allocation('m', 'a', 'b', 5n)]);
    if (made?.kind !== 'posted') throw new Error('not posted');
    const order = { id: made.transactions[0] ?? '', actor: 'token:1', reason: 'another payout' };
    const undo = () => withTransaction(database.appPool, (tx) => reverseTransaction(tx, order, { clock }));
    expect(await undo()).toMatchObject({ kind: 'reversed' });
    expect(await books.balances()).toEqual({});
    expect(await undo()).toMatchObject({ kind: 'refused', code: 'conflict' });
    // Agreed on after all, under an id of its own.
    await books.post([allocation('m2', 'a', 'b', 5n)]);
    expect(await books.balances()).toMatchObject({ 'asset:bank_in_transit [a] EUR': '5' });
  });

  it('of an item to itself is refused', async () => {
    await expect(openBooks(database).post([allocation('m', 'a', 'a', 5n)])).rejects.toMatchObject({
      code: 'rule_failed',
    });
  });

  it.each([
    ['an allocation', allocation('m', 'a', 'b', 5n)],
    ['a write-off', writeOff('w', 5n)],
  ])('that nobody stands for is refused: %s', async (_name, told) => {
    const ledger = createLedger({ clock });
    const request = {
      source: fromEvent(uuidv7(AT)),
      provider: 'test',
      account: 'nobody',
      marketplace: null,
      events: [told],
    };
    await expect(withTransaction(database.appPool, (tx) => ledger.post(tx, [request]))).rejects.toMatchObject({
      code: 'rule_failed',
    });
  });
});

describe('a write-off', () => {
  it('gives up a residual of one minor unit that we are owed', async () => {
    const books = openBooks(database);
    await books.post([captured('p', 1000n)], [line('charge', 'l', { reference: 'p', gross: 999n })]);
    await books.post([writeOff('w', 1n)]);
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '999',
      'income:revenue EUR': '-1000',
      'expense:reconciliation_differences EUR': '1',
    });
  });

  it('takes a residual of one minor unit that was settled too much', async () => {
    const books = openBooks(database);
    await books.post([captured('p', 1000n)], [line('charge', 'l', { reference: 'p', gross: 1001n })]);
    await books.post([writeOff('w', -1n)]);
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '1001',
      'income:revenue EUR': '-1000',
      'expense:reconciliation_differences EUR': '-1',
    });
  });

  it('stays on its own component and names who approved it', async () => {
    const books = openBooks(database);
    await books.post(
      [{ type: 'payment.fee_known', key: 't:fee', reference: 'p', of: 'payment', ...eur(25n) }],
      [line('charge', 'l', { reference: 'p', gross: 0n, fee: 26n })],
    );
    await books.post([writeOff('w', 1n, { component: 'fee' })]);
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '-26',
      'expense:processing_fees EUR': '25',
      'expense:reconciliation_differences EUR': '1',
    });
    const { rows } = await database.sql.query<{ cause: string }>(
      'select cause from postern.transactions where effect_key = $1',
      [`test:${books.account}:write_off:w`],
    );
    expect(JSON.parse(rows[0]?.cause ?? '')).toMatchObject({ reason: 'below the limit', approver: 'token:2' });
  });
});
