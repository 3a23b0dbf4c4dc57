import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockReferences } from '../../src/ledger/ledger-store.ts';
import { type ReversalResult, reverseTransaction } from '../../src/ledger/reversal.ts';
import type { Told } from '../../src/ledger/told.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { AT, type Books, captured, derivedDifferences, eur, openBooks } from './books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  expect(await derivedDifferences(database)).toEqual([]);
  await database.drop();
});

function reverse(id: string, { reason = 'posted twice', dryRun = false } = {}): Promise<ReversalResult> {
  const order = { id, actor: 'cli:ada', reason, dryRun };
  return withTransaction(database.appPool, (tx) => reverseTransaction(tx, order, { clock: { now: () => AT } }));
}

async function posted(books: Books, ...told: readonly Told[]): Promise<string> {
  const [result] = await books.post([...told]);
  const id = result?.kind === 'posted' ? result.transactions[0] : undefined;
  if (id === undefined) throw new Error(`not posted: ${JSON.stringify(result)}`);
  return id;
}

const auditOf = (subject: string) =>
  database.sql.query('select actor, action, reason, details from postern.audit_log where subject = $1', [subject]);

describe('a reversal', () => {
  it('mirrors what it takes back, names it, and says who made it and why', async () => {
    const books = openBooks(database);
    const id = await posted(books, captured('p', 1000n));
    const result = await reverse(id);
    if (result.kind !== 'reversed') throw new Error(result.message);
    expect(await books.balances()).toEqual({});
    const { transaction, postings } = result;
    expect(transaction).toMatchObject({
      effectKey: `test:${books.account}:p:captured:reversed`,
      kind: 'reversal',
      effectiveAt: new Date(AT),
      reverses: id,
      source: { event: null, line: null, request: null },
    });
    expect(JSON.parse(transaction.source.cause ?? '')).toEqual({ actor: 'cli:ada', reason: 'posted twice' });
    expect(postings.map(({ amount }) => amount)).toEqual([-1000n, 1000n]);
    expect((await auditOf(`transaction:${transaction.id}`)).rows).toEqual([
      {
        actor: 'cli:ada',
        action: 'ledger.reverse',
        reason: 'posted twice',
        details: { reversed: id, effect_key: `test:${books.account}:p:captured`, kind: 'payment.captured' },
      },
    ]);
  });

  it('is made once, also by two at the same time', async () => {
    const books = openBooks(database);
    const id = await posted(books, captured('p', 1000n));
    const results = await Promise.all([reverse(id), reverse(id), reverse(id)]);
    expect(results.map(({ kind }) => kind).sort()).toEqual(['refused', 'refused', 'reversed']);
    expect(await reverse(id)).toMatchObject({
      kind: 'refused',
      code: 'conflict',
      message: expect.stringContaining('was reversed before, by'),
    });
    expect(await books.balances()).toEqual({});
  });

  it('of a reversal is refused, and says what to do instead', async () => {
    const books = openBooks(database);
    const id = await posted(books, captured('p', 1000n));
    const first = await reverse(id);
    if (first.kind !== 'reversed') throw new Error(first.message);
    expect(await reverse(first.transaction.id)).toEqual({
      kind: 'refused',
      code: 'conflict',
      message: `transaction ${first.transaction.id} is a reversal itself (of ${id}), and reversals are not reversed: what was taken back by mistake is posted anew`,
    });
    expect(await books.balances()).toEqual({});
  });

  it.each([
    ['that is not there', 'not_found', uuidv7(AT)],
    ['whose id is none', 'not_found', "1' or true"],
  ])('of a transaction %s is refused', async (_name, code, id) => {
    expect(await reverse(id)).toEqual({ kind: 'refused', code, message: `there is no transaction ${id}` });
  });

  it('of a marker is refused: it moves nothing', async () => {
    const books = openBooks(database);
    await books.post([{ type: 'payment.cancelled', key: 'p:cancelled', payment: 'p', currency: 'EUR', at: AT }]);
    const { rows } = await database.sql.query<{ id: string }>(
      'select id from postern.transactions where effect_key = $1',
      [`test:${books.account}:p:memo_final`],
    );
    const id = rows[0]?.id ?? '';
    expect(await reverse(id)).toEqual({
      kind: 'refused',
      code: 'conflict',
      message: `transaction ${id} (memo.final) moves nothing that could be taken back`,
    });
  });

  it('without a reason is refused; what no text may hold is replaced', async () => {
    const books = openBooks(database);
    const id = await posted(books, captured('p', 1000n));
    expect(await reverse(id, { reason: ' \n' })).toEqual({
      kind: 'refused',
      code: 'invalid_request',
      message: 'a reversal needs a reason',
    });
    const result = await reverse(id, { reason: 'a\u0000b\ud800' });
    if (result.kind !== 'reversed') throw new Error(result.message);
    const { rows } = await auditOf(`transaction:${result.transaction.id}`);
    expect(rows).toMatchObject([{ reason: 'a\ufffdb\ufffd' }]);
  });

  it('on a closed account is refused, and leaves the books and the log as they were', async () => {
    const books = openBooks(database);
    const id = await posted(books, {
      type: 'transfer.created',
      key: 'tr:created',
      transfer: 'tr',
      seller: `closed ${books.account}`,
      ...eur(5n),
    });
    await database.sql.query('update postern.accounts set closed_at = now() where path = $1', [
      `liability:seller_payable:closed ${books.account}`,
    ]);
    expect(await reverse(id)).toMatchObject({
      kind: 'refused',
      code: 'conflict',
      message: expect.stringMatching(`^transaction ${id} was not reversed: .*closed`),
    });
    expect(await books.balances()).toMatchObject({ 'asset:processor_pending [tr gross] EUR': '-5' });
  });

  it('that the database cannot take for another reason is an error, not a refusal', async () => {
    const id = await posted(openBooks(database), captured('p', 1000n));
    await database.sql.query(
      `create function postern.broken() returns trigger language plpgsql as
         $$ begin raise exception 'broken' using errcode = 'disk_full'; end $$;
       create trigger broken before insert on postern.transactions for each row when (new.kind = 'reversal')
         execute function postern.broken()`,
    );
    try {
      await expect(reverse(id)).rejects.toMatchObject({ code: '53100' });
    } finally {
      await database.sql.query('drop trigger broken on postern.transactions; drop function postern.broken()');
    }
    expect(await reverse(id)).toMatchObject({ kind: 'reversed' });
  });

  it('waits for whoever posts on the same payment, and for nobody else', async () => {
    const books = openBooks(database);
    const [p, q] = [await posted(books, captured('p', 1000n)), await posted(books, captured('q', 1n))];
    const waiting = await withTransaction(database.appPool, async (tx) => {
      await lockReferences(tx, [`test:${books.account}:p:`]);
      expect(await reverse(q)).toMatchObject({ kind: 'reversed' });
      const begun = reverse(p);
      await eventually(async () => {
        const { rowCount } = await database.sql.query(
          `select from pg_locks where locktype = 'advisory' and not granted
             and database = (select oid from pg_database where datname = current_database())`,
        );
        expect(rowCount).toBe(1);
      });
      return { begun };
    });
    expect(await waiting.begun).toMatchObject({ kind: 'reversed' });
  });

  it('as a dry run shows what would be posted, and posts nothing', async () => {
    const books = openBooks(database);
    const id = await posted(books, captured('p', 1000n));
    const before = await books.balances();
    const result = await reverse(id, { dryRun: true });
    expect(result).toMatchObject({
      kind: 'reversed',
      transaction: { reverses: id, accountingDate: '2026-03-05' },
      postings: [{ amount: -1000n }, { amount: 1000n }],
    });
    expect(await books.balances()).toEqual(before);
    if (result.kind === 'reversed') expect((await auditOf(`transaction:${result.transaction.id}`)).rows).toEqual([]);
    expect(await reverse(id)).toMatchObject({ kind: 'reversed' });
  });
});

describe('what was reversed', () => {
  it('stays so when it is told again', async () => {
    const books = openBooks(database);
    await reverse(await posted(books, captured('p', 1000n)));
    expect(await books.post([captured('p', 1000n)])).toMatchObject([{ kind: 'posted', replayed: true }]);
    expect(await books.balances()).toEqual({});
  });

  it('by a person is not taken back by a rule too', async () => {
    const books = openBooks(database);
    const assumed: Told = {
      type: 'payment.captured',
      key: 'p:captured',
      payment: 'p',
      captureMode: 'assumed',
      ...eur(1000n),
    };
    await reverse(await posted(books, assumed));
    const cancelled: Told = {
      type: 'payment.cancelled',
      key: 'p:cancelled',
      payment: 'p',
      currency: 'EUR',
      captureMode: 'proves_manual',
      at: AT,
    };
    await books.post([cancelled]);
    expect(await books.balances()).toEqual({});
  });

  it('is no capture any more that refunds are split by', async () => {
    const books = openBooks(database, 'on_capture');
    const sold = (key: string, share: bigint): Told => ({
      type: 'payment.captured',
      key,
      payment: 'p',
      seller: { id: 's1', amount: share },
      ...eur(1000n),
    });
    await reverse(await posted(books, sold('c1:captured', 900n)));
    await books.post([sold('c2:captured', 500n)]);
    await books.post([{ type: 'refund.created', key: 'r:created', refund: 'r', payment: 'p', ...eur(100n) }]);
    expect(await books.balances()).toMatchObject({
      'liability:seller_payable:s1 EUR': '-450',
      'income:refunds EUR': '50',
    });
  });
});
