import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { bankFormats } from '../../src/reconcile/bank/formats.ts';
import { createBankImporter } from '../../src/reconcile/import/bank-importer.ts';
import { AT } from '../ledger/books.ts';
import { mt940 } from '../support/bank-files.ts';
import { useBankWorld } from './bank-world.ts';

const bank = useBankWorld();

const twice = [
  { id: 'B1', amount: 500, text: 'Stripe' },
  { id: 'B1', amount: 500, text: 'Stripe' },
];

/** What is kept of a bank account: its lines, how often each is posted, and the files that brought them. */
async function kept(account: string): Promise<{ lines: unknown; files: unknown; posted: string }> {
  const lines = await bank.database.sql.query(
    `select l.identity, l.statement, count(t.id)::int4 as posted
     from postern.bank_lines l left join postern.transactions t on t.source_line = l.id
     where l.bank_account = $1 group by l.id order by l.identity`,
    [account],
  );
  const files = await bank.database.sql.query(
    `select s.entries::int4 as entries, s.entries_new::int4 as fresh, s.fault_count as faults,
       array(select e ->> 'statement' || ' ' || (e ->> 'entries') || ' ' || (e ->> 'sum') from jsonb_array_elements(s.totals) e) as told
     from postern.bank_statements s where s.totals @> $1::jsonb order by s.id`,
    [JSON.stringify([{ account }])],
  );
  const posted = await bank.database.sql.query<{ sum: string }>(
    `select coalesce(sum(p.amount) filter (where p.amount > 0), 0)::text as sum from postern.postings p
     where p.transaction_id in (select t.id from postern.transactions t join postern.bank_lines l on l.id = t.source_line
       where l.bank_account = $1)`,
    [account],
  );
  return { lines: lines.rows, files: files.rows, posted: posted.rows[0]?.sum ?? '' };
}

it.each([
  ['the day’s first', (day: string, month: string) => day + month, 'S260305'],
  ['the month’s first', (day: string, month: string) => month + day, 'S260331'],
])('keeps and posts once what two statements of one file tell, and keeps both: %s', async (_, joined, teller) => {
  const account = bank.newAccount();
  await bank.world.open({ bank_account: account, bank_pattern: { text: 'stripe' } });
  const day = mt940({ account, day: '2026-03-05', opens: 0, entries: twice });
  const month = day
    .replace(':20:S260305', ':20:S260331')
    .replace(':60F:C260305', ':60F:C260301')
    .replace(':62F:C260305', ':62F:C260331');
  expect(await bank.receive(joined(day, month))).toEqual(['imported']);
  const first = '2026-03-05/B1/500EUR';
  const expected = {
    lines: [
      { identity: first, statement: teller, posted: 1 },
      { identity: `${first}/2`, statement: teller, posted: 1 },
    ],
    files: [{ entries: 4, fresh: 2, faults: 0, told: expect.arrayContaining(['S260305 2 1000', 'S260331 2 1000']) }],
    posted: '1000',
  };
  expect(await kept(account)).toEqual(expected);
  // Each by itself brings nothing that is new.
  expect(await bank.receive(day, month)).toEqual(['imported', 'imported']);
  expect(await kept(account)).toMatchObject({ lines: expected.lines, posted: '1000' });
  await bank.world.catchUp();
  expect(await kept(account)).toMatchObject({ lines: expected.lines, posted: '1000' });
});

it.each([0, 12])('keeps and posts once what a day downloaded twice tells without references (:28C:%s)', async (no) => {
  const account = bank.newAccount();
  await bank.world.open({ bank_account: account, bank_pattern: { text: 'stripe' } });
  const day = mt940({ account, no, day: '2026-03-05', opens: 0, entries: twice }).replaceAll('//B1', '');
  expect(await bank.receive(day, day.replace(':20:S260305', ':20:S260306'))).toEqual(['imported', 'imported']);
  expect(await kept(account)).toMatchObject({
    lines: [
      { statement: 'S260305', posted: 1 },
      { statement: 'S260305', posted: 1 },
    ],
    files: [{ fresh: 2 }, { fresh: 0 }],
    posted: '1000',
  });
});

it('refuses the whole file where one of two that overlap does not close', async () => {
  const account = bank.newAccount();
  await bank.world.open({ bank_account: account, bank_pattern: { text: 'stripe' } });
  const day = mt940({ account, day: '2026-03-05', opens: 0, entries: twice });
  const month = day.replace(':20:S260305', ':20:S260331').replace(':62F:C260305EUR10', ':62F:C260331EUR15');
  expect(await bank.receive(day + month)).toEqual(['failed']);
  expect(await kept(account)).toMatchObject({ lines: [], posted: '0' });
});

it('takes two files at a time: their entries are held in memory', async () => {
  const importer = createBankImporter({ pool: bank.database.appPool, formats: bankFormats, clock: { now: () => AT } });
  const order = { format: null, fileName: null, mapping: null, zone: 'UTC', actor: 'test' };
  const gate = Promise.withResolvers<void>();
  const file = (opens: number) => mt940({ account: bank.newAccount(), day: '2026-03-05', opens, entries: twice });
  async function* slow(): AsyncGenerator<Uint8Array> {
    await gate.promise;
    yield Buffer.from(file(0));
  }
  const running = [importer.receive(order, slow()), importer.receive(order, slow())];
  await expect(importer.receive(order, Readable.from([Buffer.from(file(1))]))).rejects.toMatchObject({
    code: 'overloaded',
  });
  gate.resolve();
  expect((await Promise.all(running)).map(({ kind }) => kind)).toEqual(['imported', 'imported']);
  expect(await importer.receive(order, Readable.from([Buffer.from(file(1))]))).toMatchObject({ kind: 'imported' });
});
