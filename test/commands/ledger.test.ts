import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway } from '../support/gateway.ts';
import { type Ended, run } from '../support/launcher.ts';
import { chargeSucceeded, refundCreated } from '../support/stripe-bodies.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

let database: TestDatabase;
let folder: string;

const SECRET = 'whsec_ledger_command_tests';

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-ledger-'));
  const gateway = await startTestGateway(database);
  await gateway.addEndpoint('stripe', 'main', [SECRET]);
  for (const body of [chargeSucceeded(1), refundCreated(1, 'ch_1', 400)]) {
    const headers = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, SECRET, Date.now()));
    const answer = await fetch(`${gateway.url}/webhooks/stripe/main`, { method: 'POST', body, headers });
    expect(answer.status).toBe(200);
  }
  await eventually(async () => {
    const { rows } = await database.sql.query(`select from postern.events where status = 'posted'`);
    expect(rows).toHaveLength(2);
  });
  await gateway.stop();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

function postern(...args: string[]): Promise<Ended> {
  return run(args, {
    DATABASE_URL: database.url,
    POSTERN_DATA_DIR: folder,
    POSTERN_ENCRYPTION_KEYS: TEST_KEYS,
    LOG_LEVEL: 'info',
  });
}

describe('ledger export', () => {
  it('prints the journal', async () => {
    const { status, out, err } = await postern('ledger', 'export', '--format', 'hledger');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toContain('    Assets:Processor-pending:Stripe:Main  10.00 EUR\n');
  });

  it('writes a file that only its owner reads, and replaces what was there only by a whole one', async () => {
    const file = join(folder, 'books.beancount');
    writeFileSync(file, 'before');
    const refused = await postern('ledger', 'export', '--format', 'beancount', '--account', 'income:none', '-o', file);
    expect(refused).toMatchObject({ status: 1, out: '', err: 'postern: there is no account income:none\n' });
    expect(readFileSync(file, 'utf8')).toBe('before');
    const done = await postern('ledger', 'export', '--format', 'beancount', '-o', file);
    expect(done).toEqual({ status: 0, out: `${file} holds the journal.\n`, err: '' });
    expect(readFileSync(file, 'utf8')).toContain('balance Income:Revenue -10.00 EUR');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('says in one line where it cannot write', async () => {
    const file = join(folder, 'none', 'books.csv');
    const { status, err } = await postern('ledger', 'export', '--format', 'csv', '-o', file);
    expect(status).toBe(1);
    expect(err).toMatch(/^postern: \S+ cannot be written: [^\n]+\n$/);
  });
});

describe('ledger rederive', () => {
  it('tells no difference', async () => {
    expect(await postern('ledger', 'rederive')).toEqual({
      status: 0,
      out: '2 events, 3 transactions compared: no difference\n',
      err: '',
    });
  });

  it('says in one line that there is no such endpoint', async () => {
    const { status, err } = await postern('ledger', 'rederive', '--provider', 'adyen');
    expect({ status, err }).toEqual({ status: 1, err: 'postern: there is no endpoint adyen/(any)\n' });
  });

  it('tells a difference with both sides, and ends with 1 where there are more than may be', async () => {
    await database.sql.query(`do $$ begin
      set local session_replication_role = replica;
      update postern.postings p set amount = 2 * amount from postern.transactions t
      where t.id = p.transaction_id and t.effect_key = 'stripe:main:re_1:created';
    end $$`);
    const plain = await postern('ledger', 'rederive');
    expect(plain.status).toBe(1);
    expect(plain.out).toContain('different  stripe:main:re_1:created\n');
    expect(plain.out).toMatch(
      /posted\n +8\.00 EUR {2}income:refunds\n.*by the rules\n +4\.00 EUR {2}income:refunds\n/s,
    );
    expect(plain.out).toMatch(/\n2 events, 3 transactions compared: 1 different\n$/);
    const { status, out } = await postern('ledger', 'rederive', '--max', '1', '--provider', 'stripe', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      findings: [
        {
          kind: 'different',
          effect_key: 'stripe:main:re_1:created',
          posted: [{ account: 'income:refunds', direction: 'debit', amount: '800', currency: 'EUR' }, {}],
          derived: [{ account: 'income:refunds', direction: 'debit', amount: '400', currency: 'EUR' }, {}],
        },
      ],
      differences: 1,
      events: 2,
      different: 1,
      missing: 0,
    });
  });
});
