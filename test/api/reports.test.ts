import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import { AT, captured, openBooks } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { addDiscrepancy, addSettlement } from '../support/settlement-rows.ts';
import { unzip } from '../support/unzip.ts';

let database: TestDatabase;
let gateway: TestGateway;
let account: string;
let settlement: string;

/** More than sockets hold on the way. */
const MANY = 60_000;

beforeAll(async () => {
  database = await createTestDatabase();
  const books = openBooks(database);
  account = books.account;
  await books.post([captured('p1', 1_000n)]);
  settlement = await addSettlement(database, {
    provider: 'test',
    account,
    at: AT,
    batches: [{ batch: 'B1', currency: 'EUR' }],
    lines: [{ kind: 'charge', batch: 'B1', currency: 'EUR', gross: 1_000n, reference: 'p1', at: AT }],
  });
  await addDiscrepancy(database, {
    provider: 'test',
    account,
    class: 'amount_mismatch',
    reference: 'p1',
    currency: 'EUR',
    delta: -1n,
    at: AT,
  });
  await database.sql.query(
    `insert into postern.discrepancies (id, fingerprint, class, in_proof, provider, account, reference, currency, delta, ledger, occurred_at, first_seen_at)
     select gen_random_uuid(), n::text, 'missing_in_settlement', true, 'many', 'many', md5(n::text) || md5((n + 1)::text), 'EUR', -n,
       jsonb_build_object('amount', n::text, 'note', md5((n + 2)::text) || md5((n + 3)::text) || md5((n + 4)::text)), '2026-03-05', '2026-03-05'
     from generate_series(1, $1::int) as n`,
    [MANY],
  );
  await database.sql.query(
    `insert into postern.settlements (id, provider, account, endpoint_id, format, moves_money, mode, status, actor)
     values (gen_random_uuid(), 'many', 'many', 1, 'f', true, 'payout', 'failed', 'test')`,
  );
  gateway = await startTestGateway(database, { work: false });
}, 120_000);
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

async function readers(): Promise<number> {
  const { rows } = await database.sql.query(
    `select 1 from pg_stat_activity where datname = current_database() and application_name = 'postern reader'`,
  );
  return rows.length;
}
const noReaders = () => eventually(async () => expect(await readers()).toBe(0), { timeoutMs: 10_000 });

const reports = (path: string) => gateway.api(`/api/v1/reports/${path}`);

describe('GET /reports', () => {
  it.each([
    ['json', 'application/json; charset=utf-8', 'json'],
    ['csv', 'application/zip', 'zip'],
    ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
  ])('sends a file as %s, of discrepancies and of a settlement', async (format, type, extension) => {
    const whole = await reports(`discrepancies?format=${format}&provider=test&account=${account}&period=2026-03`);
    const one = await reports(`settlement/${settlement}?format=${format}`);
    for (const answer of [whole, one]) {
      expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
        200,
        type,
        'no-store',
      ]);
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (format === 'json')
        expect(JSON.parse(bytes.toString())).toMatchObject({
          version: 1,
          cover: { prepared_by: expect.stringMatching(/^token:/) },
        });
      else expect(unzip(bytes).size).toBeGreaterThan(8);
    }
    expect(whole.headers.get('content-disposition')).toBe(
      `attachment; filename="discrepancies-test-${account}-2026-03-01-2026-03-31.${extension}"`,
    );
    expect(one.headers.get('content-disposition')).toBe(
      `attachment; filename="settlement-test-${account}-${settlement}.${extension}"`,
    );
    await noReaders();
  });

  it('is JSON of this month where nothing is said', async () => {
    const json = (await (await reports('discrepancies')).json()) as { cover: { period: { from: string } } };
    expect(json.cover.period.from).toBe(`${new Date().toISOString().slice(0, 7)}-01`);
  });

  const EVERY_PERIOD = /must be as 2026, 2026-03, 2026-03-05, 2026-01-15\/2026-02-14 or all/;
  const NO_RUN = '00000000-0000-7000-8000-000000000000';
  it.each([
    ['a format nobody reads', 'discrepancies?format=pdf', 'querystring/format', /^must be one of json, csv, xlsx$/],
    [
      'one of a settlement',
      `settlement/${NO_RUN}?format=pdf`,
      'querystring/format',
      /^must be one of json, csv, xlsx$/,
    ],
    [
      'a class that is none',
      'discrepancies?class=x',
      'querystring/class',
      /^must be one of wrong_account, .*, rounding_/,
    ],
    ['two classes', 'discrepancies?class=fee_mismatch&class=unknown_kind', 'querystring/class', /^must be one of /],
    ['a status that is none', 'discrepancies?status=x', 'querystring/status', /^must be one of open, .*, reopened$/],
    ['a period that is none', 'discrepancies?period=march', 'period', EVERY_PERIOD],
    ['a month that is none', 'discrepancies?period=2026-13', 'period', /"2026-13" is no such period$/],
    ['a day that is none', 'discrepancies?period=2026-02-31', 'period', /"2026-02-31" is no such period$/],
    ['a year before there were reports', 'discrepancies?period=0000', 'period', /^begins before 1970-01-01; "0000"/],
    ['such a beginning', 'discrepancies?period=1969-12-31/2026', 'period', /^begins before 1970-01-01/],
    ['half a range', 'discrepancies?period=2026-03-05/', 'period', EVERY_PERIOD],
    ['a year of five digits', 'discrepancies?period=20260', 'period', EVERY_PERIOD],
    [
      'a period that ends first',
      'discrepancies?period=2026-03/2026-02',
      'period',
      /^ends on 2026-02-28, before it begins on 2026-03-01$/,
    ],
    ['a filter nobody knows', 'discrepancies?type=amount_mismatch', 'querystring/type', /^is not known$/],
    ['an age that is none', 'discrepancies?min_age_days=-1', 'querystring/min_age_days', /must be >= 0/],
    ['a run that is no id', 'discrepancies?run=last', 'querystring/run', /uuid/],
    ['a settlement that is no id', 'settlement/..%2Fx', 'params/id', /uuid/],
  ])('refuses %s, and says which parameter and what it may be', async (_name, path, parameter, message) => {
    const answer = await reports(path);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      400,
      'application/problem+json; charset=utf-8',
    ]);
    const problem = (await answer.json()) as { detail: string; errors: { path: string; message: string }[] };
    expect(problem.errors).toEqual([{ path: parameter, message: expect.stringMatching(message) }]);
    expect(problem.detail).toBe(`${parameter} ${problem.errors[0]?.message}`);
    await noReaders();
  });

  it.each([
    ['an account', () => 'discrepancies?account=nobody', 'account', () => `many/many, test/${account}`],
    [
      'an account of a processor',
      () => 'discrepancies?provider=test&account=nobody',
      'account',
      () => `test/${account}`,
    ],
    ['a processor', () => 'discrepancies?provider=nobody', 'provider', () => `many/many, test/${account}`],
    [
      'a processor with its account',
      () => `discrepancies?provider=nobody&account=${account}`,
      'provider',
      () => `many/many, test/${account}`,
    ],
  ])('knows no such %s, and says which there are', async (_name, path, parameter, there) => {
    const answer = await reports(path());
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      detail: expect.stringMatching(/^there is no account .*nobody/),
      errors: [{ path: parameter, message: expect.stringMatching(`: ${there()}$`) }],
    });
    await noReaders();
  });

  it.each([
    ['a settlement', `settlement/${NO_RUN}`],
    ['a run', `discrepancies?run=${NO_RUN}`],
  ])('knows no such %s', async (_name, path) => {
    const answer = await reports(path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining(NO_RUN) });
    await noReaders();
  });

  it.each([
    ['finance', 200],
    ['ops', 403],
    ['service', 403],
    ['monitor', 403],
  ] as const)('is for finance: %s gets %d', async (role, status) => {
    const service = createTokenService({ pool: database.appPool, onChange: () => gateway.gateway.reloadTokens() });
    const { token } = await service.create({ name: role, roles: [role], expiresAt: null }, 'test');
    const answer = await fetch(`${gateway.url}/api/v1/reports/settlement/${settlement}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    await answer.text();
    expect(answer.status).toBe(status);
  });

  it('makes none for a HEAD', async () => {
    expect((await gateway.api('/api/v1/reports/discrepancies', { method: 'HEAD' })).status).toBe(404);
  });

  it.each(['json', 'csv', 'xlsx'])('ends its query when its reader goes: %s', async (format) => {
    const path = `/api/v1/reports/discrepancies?format=${format}&provider=many&account=many&period=2026-03`;
    await new Promise<void>((resolve, reject) => {
      const asked = request(
        `${gateway.url}${path}`,
        { headers: { authorization: `Bearer ${ADMIN_TOKEN}` }, agent: false },
        (answer) => {
          answer.on('error', () => undefined);
          answer.once('data', () => {
            asked.destroy();
            resolve();
          });
        },
      );
      asked.on('error', reject);
      asked.end();
    });
    await noReaders();
    // What nobody read to its end is no run to tell changes from.
    const { rows } = await database.sql.query(
      `select control from postern.report_runs where selection like '%"many"%'`,
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every(({ control }) => control === null)).toBe(true);
  });

  it('is broken off, and not ended as if it were whole, when the database goes', async () => {
    const answer = await reports('discrepancies?format=json&provider=many&account=many&period=2026-03');
    const reader = answer.body?.getReader();
    await reader?.read();
    await database.sql.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'postern reader'`,
    );
    const readOn = async () => {
      for (;;) if ((await reader?.read())?.done !== false) return;
    };
    await expect(readOn()).rejects.toThrow();
    await noReaders();
  });
});
