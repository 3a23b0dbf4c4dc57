import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN, startTestGateway, type TestGateway } from '../support/gateway.ts';

let database: TestDatabase;
let gateway: TestGateway;

const TRANSACTIONS = 40_000;

beforeAll(async () => {
  database = await createTestDatabase();
  await postMany(database, TRANSACTIONS);
  gateway = await startTestGateway(database, { work: false });
}, 120_000);
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

/** More than sockets hold on the way, so that a reader who does not read makes the export wait. */
async function postMany({ sql }: TestDatabase, count: number): Promise<void> {
  const long = 'reference of a payment that somebody named at some length ';
  await sql.query(
    `with a as (
       select array_agg(id order by path) as ids
       from postern.ledger_open_accounts('{asset:client:one,asset:client:two}', '{asset,asset}', '{false,false}')
     ), t as (
       select array_agg(gen_random_uuid()) as ids, array_agg('k:' || n || repeat($2, 5)) as keys, array_agg('\\x00'::bytea) as contents,
         array_agg('moved'::text) as kinds, array_agg('2026-01-05T12:00:00Z'::timestamptz + n * interval '1 minute') as at,
         array_agg(1::int2) as versions, array_agg(null::uuid) as nobody, array_agg('{}'::text) as causes
       from generate_series(1, $1::int) as n
     ), l as (
       select array_agg(i.id) as txn, array_agg(s.line::int2) as line, array_agg(a.ids[s.line + 1]) as account,
         array_agg('EUR'::text) as currency, array_agg(case s.line when 0 then 100 else -100 end::int8) as amount,
         array_agg(null::text) as nothing
       from t, a, unnest(t.ids) as i (id), generate_series(0, 1) as s (line)
     )
     select count(*) from t, l, postern.ledger_record(t.ids, t.keys, t.contents, t.kinds, t.at, null, t.versions, t.nobody, t.nobody,
       null, null, t.causes, l.txn, l.line, l.account, l.currency, l.amount, l.nothing, l.nothing) as r`,
    [count, long],
  );
}

async function readers(): Promise<{ state: string }[]> {
  const { rows } = await database.sql.query<{ state: string }>(
    `select state from pg_stat_activity where datname = current_database() and application_name = 'postern reader'`,
  );
  return rows;
}

const noReaders = () => eventually(async () => expect(await readers()).toEqual([]), { timeoutMs: 10_000 });

/** An answer nobody reads until it is told to. */
function open(path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const asked = request(`${gateway.url}/api/v1${path}`, { headers, agent: false }, (answer) => {
      answer.on('error', () => undefined);
      resolve(answer);
    });
    asked.on('error', reject);
    asked.end();
  });
}

const stalled = (count: number) =>
  eventually(
    async () => expect((await readers()).map(({ state }) => state)).toEqual(Array(count).fill('idle in transaction')),
    { timeoutMs: 20_000 },
  );

describe('GET /exports/journal', () => {
  it.each([
    ['csv', 'text/csv; charset=utf-8; header=present', 'journal.csv', 2 * TRANSACTIONS + 1],
    ['beancount', 'text/plain; charset=utf-8', 'journal.beancount', null],
    ['hledger', 'text/plain; charset=utf-8', 'journal.journal', null],
  ])('is a file: %s', async (format, type, name, lines) => {
    const answer = await gateway.api(`/api/v1/exports/journal?format=${format}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${name}"`);
    const text = await answer.text();
    expect(text).toContain(format === 'csv' ? 'asset:client:two' : 'Assets:Client:Two');
    if (lines !== null) expect(text.trimEnd().split('\n')).toHaveLength(lines);
    await noReaders();
  });

  it.each([
    ['a format nobody reads', 'format=xlsx', 400],
    ['a day that is none', 'format=csv&from=2026-02-31', 400],
    ['a time where a day is wanted', 'format=csv&from=2026-02-01T00:00:00Z', 400],
    ['a period that ends before it begins', 'format=csv&from=2026-02-01&to=2026-01-01', 400],
    ['an account that is not there', 'format=csv&account=income:none', 404],
    ['a filter nobody knows', 'format=csv&acount=income:revenue', 400],
  ])('refuses %s, and leaves no connection', async (_name, query, status) => {
    const answer = await gateway.api(`/api/v1/exports/journal?${query}`);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    await noReaders();
  });

  it.each([
    ['finance', 200],
    ['service', 403],
    ['ops', 403],
    ['monitor', 403],
  ] as const)('is for finance: %s gets %d', async (role, status) => {
    const service = createTokenService({ pool: database.appPool, onChange: () => gateway.gateway.reloadTokens() });
    const { token } = await service.create({ name: role, roles: [role], expiresAt: null }, 'test');
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${gateway.url}/api/v1/exports/journal?format=csv&to=2026-01-05`, { headers });
    await answer.text();
    expect(answer.status).toBe(status);
  });

  it('makes no journal for a HEAD', async () => {
    expect((await gateway.api('/api/v1/exports/journal', { method: 'HEAD' })).status).toBe(404);
  });

  it('waits for its reader, lets two wait and no third, and ends its query when the reader goes', async () => {
    const first = await open('/exports/journal?format=beancount');
    await stalled(1);
    const second = await open('/exports/journal?format=csv');
    await stalled(2);
    const third = await gateway.api('/api/v1/exports/journal?format=csv');
    expect([third.status, third.headers.get('retry-after')]).toEqual([503, '5']);
    first.destroy();
    await eventually(async () => expect(await readers()).toHaveLength(1), { timeoutMs: 10_000 });
    let length = 0;
    for await (const chunk of second) length += (chunk as Buffer).length;
    expect(length).toBeGreaterThan(20_000_000);
    await noReaders();
  }, 120_000);

  it('is broken off, and not ended as if it were whole, when the gateway stops', async () => {
    const other = await startTestGateway(database, { work: false });
    const answer = await fetch(`${other.url}/api/v1/exports/journal?format=csv`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    await stalled(1);
    const started = Date.now();
    await Promise.all([other.stop(), expect(answer.text()).rejects.toThrow()]);
    expect(Date.now() - started).toBeLessThan(10_000);
    await noReaders();
  }, 120_000);
});
