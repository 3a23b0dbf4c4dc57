import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Ended, run } from '../support/launcher.ts';

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-settlement-'));
  await database.sql.query(
    `insert into postern.endpoints (provider, name, account, settings) values
       ('stripe', 'main', 'acct', '{"bank_account": "DE89370400440532013000", "bank_pattern": {"text": "stripe"}}')`,
  );
  write('good.csv', report('po_1', '11.65'));
  write('wrong.csv', report('po_2', '11.64'));
  write('book.xlsx', 'PK\u0003\u0004');
  write('bank.sta', STATEMENT);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const postern = (...args: readonly string[]): Promise<Ended> =>
  run(
    args.map((arg) => (/\.(csv|xlsx|sta)$/.test(arg) ? join(folder, arg) : arg)),
    { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder },
  );

const report = (payout: string, paid: string): string =>
  `balance_transaction_id,created,available_on,currency,gross,fee,net,reporting_category,description,automatic_payout_id,source_id,customer_facing_amount,customer_facing_currency
txn_${payout}_1,2026-02-01 12:00:00,2026-02-03 00:00:00,usd,12.00,0.35,11.65,charge,A,${payout},ch_${payout},12.00,usd
txn_${payout}_2,2026-02-03 12:00:00,2026-02-03 00:00:00,usd,-${paid},0.00,-${paid},payout,STRIPE PAYOUT,${payout},${payout},,
`;
const STATEMENT = [
  ...[':20:ONE', ':25:DE89370400440532013000', ':28C:1/1', ':60F:C260201EUR100,00'],
  ...[':61:2602010201C11,65NMSCNONREF', ':86:STRIPE PAYOUT', ':61:2602010201D1,00NMSCNONREF', ':86:COFFEE'],
  ...[':62F:C260201EUR110,65', '-', ''],
].join('\r\n');

describe('settlement import', () => {
  it('takes a report in once, and says so the second time', async () => {
    const first = await postern('settlement', 'import', 'good.csv', '--endpoint', 'stripe/main', '--json');
    expect(first).toMatchObject({ status: 0, err: '' });
    const view = JSON.parse(first.out) as { id: string };
    expect(view).toMatchObject({ status: 'imported', lines_new: 2, file: { name: 'good.csv' } });
    const again = await postern('settlement', 'import', 'good.csv', '--endpoint', 'stripe/main');
    expect(again).toMatchObject({ status: 0, err: '' });
    expect(again.out).toMatch(/imported before/);
    expect((await postern('settlement', 'show', view.id)).out).toMatch(
      /po_1 +2 +12\.00 +0\.35 +0\.00 +11\.65 +-11\.65/,
    );
    expect((await postern('settlement', 'list')).out).toContain(view.id);
  });

  it('says how many batches there are beyond those that are shown', async () => {
    write('many.csv', report('po_many', '11.65'));
    const { out } = await postern('settlement', 'import', 'many.csv', '--endpoint', 'stripe/main', '--json');
    const { id, batches, batch_count } = JSON.parse(out) as { id: string; batches: unknown[]; batch_count: number };
    expect([batches.length, batch_count]).toEqual([1, 1]);
    await database.sql.query(
      `insert into postern.settlement_batches (settlement_id, batch, currency, lines, gross, fee, tax, net, payout, opening, closing, is_stated)
       select $1, 'po_z' || n, 'USD', 1, 5, 0, 0, 5, -5, 0, 0, false from generate_series(1, 1050) as n`,
      [id],
    );
    const shown = JSON.parse((await postern('settlement', 'show', id, '--json')).out) as { batches: unknown[] };
    expect(shown).toMatchObject({ batch_count: 1_051 });
    expect(shown.batches).toHaveLength(1_000);
    expect((await postern('settlement', 'show', id)).out).toContain('… and 1001 more');
  });

  it('fails for a report that contradicts itself, unless somebody says why it is taken', async () => {
    const refused = await postern('settlement', 'import', 'wrong.csv', '--endpoint', 'stripe/main');
    expect(refused.status).toBe(1);
    expect(refused.out).toMatch(/1 error\n.*line 3.*expected 11\.64 USD, found 11\.65 USD/s);
    const taken = await postern(
      ...['settlement', 'import', 'wrong.csv', '--endpoint', 'stripe/main', '--accept-difference', 'Stripe wrote'],
    );
    expect(taken.status).toBe(0);
    expect(taken.out).toMatch(/taken with its difference: Stripe wrote/);
  });

  it('shows a dry run and keeps nothing of it', async () => {
    write('dry.csv', report('po_3', '11.65'));
    const dry = await postern('settlement', 'import', 'dry.csv', '--endpoint', 'stripe/main', '--dry-run');
    expect(dry).toMatchObject({ status: 0 });
    expect(dry.out).toMatch(/nothing was kept/);
    expect((await postern('settlement', 'list', '--batch', 'po_3')).out).toMatch(/No report is like that/);
  });

  it('takes none of several files where one cannot be read', async () => {
    write('several.csv', report('po_4', '11.65'));
    for (const other of ['none.csv', folder]) {
      const { status, err } = await postern('settlement', 'import', 'several.csv', other, '--endpoint', 'stripe/main');
      expect(status).toBe(1);
      expect(err).toMatch(/cannot be read/);
    }
    expect((await postern('settlement', 'list', '--batch', 'po_4')).out).toBe('No report is like that.\n');
  });

  it('tells of each of several files what came of it, also where one is refused', async () => {
    write('first.csv', report('po_5', '11.65'));
    write('last.csv', report('po_6', '11.65'));
    const args = ['settlement', 'import', 'first.csv', 'book.xlsx', 'last.csv', '--endpoint', 'stripe/main'];
    const { status, out, err } = await postern(...args, '--json');
    expect([status, err]).toEqual([1, '']);
    const { items } = JSON.parse(out) as { items: Record<string, unknown>[] };
    expect(items).toMatchObject([
      { id: expect.any(String), status: 'imported', file: { name: 'first.csv' } },
      { status: 'refused', file: { name: 'book.xlsx' }, error: { code: 'invalid_request' } },
      { id: expect.any(String), status: 'imported', file: { name: 'last.csv' } },
    ]);
    expect(JSON.stringify(items[1])).toContain('fetch the same report as CSV');
    const again = await postern(...args);
    expect([again.status, again.out.match(/imported before/g)]).toEqual([1, ['imported before', 'imported before']]);
    expect(again.out).toMatch(/\nbook\.xlsx {2}refused\n {2}.*fetch the same report as CSV/);
  });

  it('knows no other status in its list', async () => {
    expect((await postern('settlement', 'list', '--status', 'nonsense')).status).toBe(2);
  });

  it.each([
    ['a workbook', ['book.xlsx', '--endpoint', 'stripe/main'], /fetch the same report as CSV/],
    ['a file that is not there', ['none.csv', '--endpoint', 'stripe/main'], /cannot be read/],
    ['an endpoint that is not there', ['good.csv', '--endpoint', 'stripe/none'], /no endpoint stripe\/none/],
    [
      'a format that is not there',
      ['good.csv', '--endpoint', 'stripe/main', '--format', 'x'],
      /no settlement format "x"/,
    ],
  ])('refuses %s', async (_, args, message) => {
    const { status, err } = await postern('settlement', 'import', ...args);
    expect(status).toBe(1);
    expect(err).toMatch(message);
  });
});

describe('explain', () => {
  it('tells what a report says without a database', async () => {
    const { status, out } = await postern('explain', 'good.csv', '--provider', 'stripe', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      format: 'payout_reconciliation',
      lines: 2,
      kinds: { charge: 1, payout: 1 },
      batches: [{ reference: 'po_1', net: '1165', payout: '-1165', closes: true }],
      errors: [],
    });
  });

  it('fails for a report that contradicts itself', async () => {
    const { status, out } = await postern('explain', 'wrong.csv', '--provider', 'stripe');
    expect(status).toBe(1);
    expect(out).toMatch(/1 error\n.*expected 11\.64 USD, found 11\.65 USD/s);
  });
});

describe('explain of what is no report', () => {
  it('says whose report it is, instead of taking it for a webhook of another', async () => {
    const { status, err } = await postern('explain', 'good.csv', '--provider', 'adyen');
    expect(status).toBe(1);
    expect(err).toMatch(/nothing of Adyen, but begins as a settlement report of stripe: give --provider stripe/);
  });

  it('says what a workbook is, instead of taking it for a webhook', async () => {
    const { status, err } = await postern('explain', 'book.xlsx', '--provider', 'stripe');
    expect(status).toBe(1);
    expect(err).toMatch(/fetch the same report as CSV/);
  });
});

describe('bank import', () => {
  it('keeps each entry once and posts what a processor sent', async () => {
    const first = await postern('bank', 'import', 'bank.sta', '--json');
    expect(first).toMatchObject({ status: 0, err: '' });
    expect(JSON.parse(first.out)).toMatchObject({
      format: 'mt940',
      status: 'imported',
      entries_new: 2,
      repeated: false,
    });
    expect(JSON.parse((await postern('bank', 'import', 'bank.sta', '--json')).out)).toMatchObject({ repeated: true });
    const { rows } = await database.sql.query(
      `select l.amount, l.provider, (select count(*)::int4 from postern.transactions t where t.source_line = l.id) as posted
       from postern.bank_lines l order by l.amount`,
    );
    expect(rows).toEqual([
      { amount: -100n, provider: null, posted: 0 },
      { amount: 1165n, provider: 'stripe', posted: 1 },
    ]);
  });

  it('says how many entries are posted, wait, and are not ours, and the number of the statement', async () => {
    const { out } = await postern('bank', 'import', 'bank.sta');
    expect(out).toMatch(/1 posted, 1 waiting, 0 not ours/);
    expect(out).toMatch(/STATEMENT +NO +ENTRIES[^\n]*\nDE89370400440532013000 +ONE +1 +2 /);
  });

  it('refuses a file that is empty', async () => {
    write('empty.sta', '');
    expect(await postern('bank', 'import', 'empty.sta')).toMatchObject({
      status: 1,
      err: 'postern: the file is empty\n',
    });
  });

  it('tells of each of several files what came of it, also where one is refused', async () => {
    write('nothing.sta', '');
    const { status, out, err } = await postern('bank', 'import', 'bank.sta', 'nothing.sta', '--json');
    expect([status, err]).toEqual([1, '']);
    expect(JSON.parse(out)).toMatchObject({
      items: [
        { id: expect.any(String), repeated: true },
        { status: 'refused', file: { name: 'nothing.sta' }, error: { message: 'the file is empty' } },
      ],
    });
  });

  it('refuses a statement that does not close', async () => {
    write('open.sta', STATEMENT.replace('110,65', '110,66').replace(':20:ONE', ':20:TWO'));
    const { status, out } = await postern('bank', 'import', 'open.sta');
    expect(status).toBe(1);
    expect(out).toMatch(/failed/);
    const { rows } = await database.sql.query('select count(*)::int4 as n from postern.bank_lines');
    expect(rows).toEqual([{ n: 2 }]);
  });
});
