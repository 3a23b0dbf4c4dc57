import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { derivedDifferences } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type Ended, type Launched, launch } from '../support/launcher.ts';
import { createStops, type Stop } from '../support/stops.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

let database: TestDatabase;
let folder: string;
beforeEach(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-import-kills-'));
  await database.sql.query(
    `insert into postern.endpoints (provider, name, account, settings) values
       ('stripe', 'main', 'acct', '{"bank_account": "DE89370400440532013000", "bank_pattern": {"text": "stripe"}}')`,
  );
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const start = (of: TestDatabase, args: readonly string[]): Launched =>
  launch(args, { DATABASE_URL: of.url, POSTERN_DATA_DIR: folder, POSTERN_ENCRYPTION_KEYS: TEST_KEYS });

async function done(of: TestDatabase, args: readonly string[]): Promise<Ended> {
  const ended = await start(of, args).ended;
  expect(ended).toMatchObject({ status: 0, err: '' });
  return ended;
}

const HEADER =
  'balance_transaction_id,created,available_on,currency,gross,fee,net,reporting_category,description,automatic_payout_id,source_id,customer_facing_amount,customer_facing_currency';
const charge = (n: number, gross: string, net: string): string =>
  `txn_${n},2026-02-01 12:00:00,2026-02-03 00:00:00,usd,${gross},0.35,${net},charge,A,po_1,ch_${n},${gross},usd`;
const paid = (amount: string): string =>
  `txn_p,2026-02-03 12:00:00,2026-02-03 00:00:00,usd,-${amount},0.00,-${amount},payout,STRIPE PAYOUT,po_1,po_1,,`;
const FIRST = [HEADER, charge(1, '12.00', '11.65'), charge(2, '5.00', '4.65'), paid('16.30'), ''].join('\n');
/** One line is another, one is gone, one is new; the payout is the same. */
const AMENDED = [HEADER, charge(1, '10.00', '9.65'), charge(3, '7.00', '6.65'), paid('16.30'), ''].join('\n');
const STATEMENT = [
  ...[':20:ONE', ':25:DE89370400440532013000', ':28C:1/1', ':60F:C260201EUR100,00'],
  ...[':61:2602010201C16,30NMSCNONREF', ':86:STRIPE PAYOUT', ':61:2602010201D1,00NMSCNONREF', ':86:COFFEE'],
  ...[':62F:C260201EUR115,30', '-', ''],
].join('\r\n');

/** What imports made, but for ids; and the columns they left in staging tables. */
const KEPT = [
  `select format, status, lines, lines_new, sha256 from postern.settlements where status not in ('importing', 'failed') order by id`,
  'select identity, version, kind, batch, gross, fee, net, removed_by is null as stands from postern.settlement_lines order by 1, 2',
  'select batch, currency, lines, net, payout from postern.settlement_batches order by settlement_id, batch',
  'select status, entries, entries_new from postern.bank_statements order by id',
  'select identity, amount, provider, account, reference from postern.bank_lines order by 1',
  'select kind, effect_key from postern.transactions order by 2',
  'select a.path, b.currency, b.debits, b.credits from postern.balances b join postern.accounts a on a.id = b.account_id order by 1, 2',
];

async function kept(of: TestDatabase): Promise<unknown> {
  const found: unknown[] = [];
  for (const text of KEPT) found.push((await of.sql.query(text)).rows);
  return found;
}

/** Kills the command at each of the stops in turn, then lets it come to its end: the same as where nobody killed it. */
async function expectSameKilledAt(stops: readonly Stop[], args: readonly string[], commit: Stop): Promise<void> {
  const undisturbed = await createTestDatabase({ like: database });
  const at = await createStops(database);
  try {
    const before = await kept(database);
    for (const stop of stops) {
      await at.killAt(stop, () => start(database, args));
      expect(await kept(database), `killed before ${stop.on} of ${stop.table}`).toEqual(before);
    }
    await at.killAt(commit, () => start(database, args));
    await done(database, args);
    await done(undisturbed, args);
    expect(await kept(database)).toEqual(await kept(undisturbed));
    expect(await derivedDifferences(database)).toEqual([]);
    const { rows } = await database.sql.query(
      `select relname as left_behind from pg_class where relname ~ '^staged_[0-9a-f]{32}$'
       union all select id::text from postern.settlements where status = 'importing'`,
    );
    expect(rows).toEqual([]);
  } finally {
    await at.end();
    await undisturbed.drop();
  }
}

describe('an import that is killed and run again comes to the same', () => {
  it('of an amended report', { timeout: 180_000 }, async () => {
    await done(database, ['settlement', 'import', write('first.csv', FIRST), '--endpoint', 'stripe/main']);
    await expectSameKilledAt(
      [
        { table: 'transactions', on: 'insert', when: 'new.reverses is not null' },
        { table: 'settlement_lines', on: 'insert' },
        { table: 'transactions', on: 'insert', when: `new.kind = 'settlement.charge'` },
        { table: 'settlements', on: 'update', when: `new.status = 'imported'` },
        { table: 'settlements', on: 'insert' },
        { table: 'settlement_lines', on: 'update', when: 'new.removed_by is not null' },
        { table: 'settlement_batches', on: 'insert' },
        { table: 'audit_log', on: 'insert', when: `new.action = 'settlement.import'` },
      ],
      ['settlement', 'import', write('amended.csv', AMENDED), '--endpoint', 'stripe/main'],
      { table: 'settlements', on: 'commit', when: `new.status = 'imported'` },
    );
  });

  it('of a bank statement', async () => {
    await expectSameKilledAt(
      [
        { table: 'bank_statements', on: 'insert' },
        { table: 'bank_lines', on: 'insert' },
        { table: 'transactions', on: 'insert', when: `new.kind = 'bank.line'` },
        { table: 'audit_log', on: 'insert', when: `new.action = 'bank_statement.import'` },
      ],
      ['bank', 'import', write('statement.sta', STATEMENT)],
      { table: 'bank_statements', on: 'commit' },
    );
  });
});

describe('a report of discrepancies whose writing is killed', () => {
  const FILE = 'report.json';
  const args = () => ['report', 'discrepancies', '--period', 'all', '-o', join(folder, FILE), '--json'];
  type Document = Record<string, unknown> & { readonly cover: { readonly run: { readonly id: string } } };
  const document = (): Document => JSON.parse(readFileSync(join(folder, FILE), 'utf8')) as Document;
  const sections = ({ cover: _, control: __, ...rest }: Document): unknown => rest;

  beforeEach(async () => {
    await done(database, ['settlement', 'import', write('first.csv', FIRST), '--endpoint', 'stripe/main']);
    await done(database, ['bank', 'import', write('statement.sta', STATEMENT)]);
  });

  it('leaves the file that was there, and is made again as if nothing had been', async () => {
    await done(database, args());
    const whole = readFileSync(join(folder, FILE), 'utf8');
    const first = document();
    const stops = await createStops(database);
    try {
      for (const on of ['insert', 'update'] as const) {
        await stops.killAt({ table: 'report_runs', on }, () => start(database, args()));
        expect(readFileSync(join(folder, FILE), 'utf8')).toBe(whole);
      }
    } finally {
      await stops.end();
    }
    const { rows } = await database.sql.query<{ id: string }>(
      'select id::text as id from postern.report_runs where control is null',
    );
    expect(rows).toHaveLength(1);
    await done(database, args());
    expect(sections(document())).toEqual(sections(first));
    // The run that nobody read is there to be made to its end.
    await done(database, [...args(), '--run', rows[0]?.id ?? '']);
    expect(sections(document())).toEqual(sections(first));
    const { rows: left } = await database.sql.query('select from postern.report_runs where control is null');
    expect(left).toEqual([]);
  });

  it('in the middle of it leaves the file that was there', async () => {
    write(FILE, 'before');
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      await client.query('begin');
      await client.query('lock table postern.bank_statements in access exclusive mode');
      const { child, ended } = start(database, args());
      await eventually(
        async () => {
          const { rows } = await database.sql.query(
            `select from pg_locks where relation = 'postern.bank_statements'::regclass and not granted`,
          );
          expect(rows).toHaveLength(1);
          expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toHaveLength(1);
        },
        { timeoutMs: 30_000 },
      );
      child.kill('SIGKILL');
      await ended;
      await client.query('rollback');
    } finally {
      await client.end();
    }
    expect(readFileSync(join(folder, FILE), 'utf8')).toBe('before');
    await done(database, args());
    expect(document()).toHaveProperty('control');
  });
});
