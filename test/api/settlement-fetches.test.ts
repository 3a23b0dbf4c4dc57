import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiCalls } from '../../src/api-calls.ts';
import type { CommandContext } from '../../src/commands/context.ts';
import { register } from '../../src/commands/settlement.ts';
import { readConfig } from '../../src/config.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { PosternError } from '../../src/errors.ts';
import { createQueueOrders } from '../../src/ingest/queue-orders.ts';
import { sqlOf } from '../../src/postgres/sql.ts';
import { sign } from '../../src/providers/square/sign.ts';
import { squareEvent } from '../providers/square/samples.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

const SECRET = 'made-signature-key-1';
const URL = 'https://gateway.example/webhooks/square';
const DAY_MS = 86_400_000;
let database: TestDatabase;
let gateway: TestGateway;
const asked: string[] = [];

const usd = (amount: number) => ({ amount, currency: 'USD' });
const payout = (id: string, amount = 100) => ({
  id,
  status: 'PAID',
  type: 'BATCH',
  amount_money: usd(amount),
  created_at: '2026-01-03T00:00:00Z',
});
const answer = (path: string): object => {
  const [, id = ''] = /^\/v2\/payouts\/([^/?]+)/.exec(path) ?? [];
  if (path.startsWith('/v2/locations')) return { locations: [{ id: 'L1' }] };
  if (id === '') return { payouts: [payout('po_listed')] };
  if (!path.includes('payout-entries')) return { payout: payout(id) };
  const entry = { id: `poe_${id}`, payout_id: id, type: 'CHARGE', effective_at: '2026-01-02T00:00:00Z' };
  const details = { type_charge_details: { payment_id: `pay_${id}` } };
  return { payout_entries: [{ ...entry, gross_amount_money: usd(100), net_amount_money: usd(100), ...details }] };
};
const apiCalls: ApiCalls = async (_provider, { path }) => {
  asked.push(path);
  return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(answer(path))) };
};

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database, { apiCalls });
  const settings = { account: 'MADEMERCHANT1', notification_url: URL, backfill_every_s: 0 };
  await gateway.addEndpoint('square', 'main', [SECRET], { ...settings, api_key: 'EAAAmadebyus0001' });
  await gateway.addEndpoint('square', 'keyless', [SECRET], { ...settings, account: 'MADE2' });
  await gateway.addEndpoint('standard-webhooks', 'main', []);
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

type Answer = { status: number; location: string | null; body: Record<string, unknown> };
async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await gateway.api(`/api/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const view = (await response.json()) as Record<string, unknown>;
  return { status: response.status, location: response.headers.get('location'), body: view };
}
const iso = (daysAgo: number): string => new Date(Date.now() - daysAgo * DAY_MS).toISOString();
const ask = (change: object = {}): Promise<Answer> =>
  call('POST', '/settlements/fetch', { endpoint: 'square/main', from: iso(3), to: iso(0), ...change });

describe('POST /settlements/fetch', () => {
  it('fetches what belongs into the time, and imports it', async () => {
    const { status, location, body } = await ask();
    expect(status).toBe(202);
    expect(body).toMatchObject({ provider: 'square', endpoint: 'main', origin: 'asked', finished_at: null });
    expect(location).toBe(`/api/v1/settlements/fetches/${String(body.id)}`);
    await eventually(
      async () =>
        expect((await call('GET', `/settlements/fetches/${String(body.id)}`)).body).toMatchObject({
          status: 'done',
          found: 1,
          reports: [{ report: 'po_listed', status: 'done', settlement: expect.any(String) }],
        }),
      { timeoutMs: 20_000 },
    );
    const list = await call('GET', '/settlements?provider=square');
    expect(list.body).toMatchObject({ items: [{ status: 'imported', format: 'payout_entries' }] });
    const log = await call('GET', '/audit-log?action=settlement.fetch');
    expect(log.body).toMatchObject({ items: [{ subject: `fetch:${String(body.id)}` }] });
  });

  it('says why nothing is fetched', async () => {
    expect(await ask({ endpoint: 'square/keyless' })).toMatchObject({
      status: 409,
      body: { detail: 'set api_key on square/keyless first' },
    });
    expect(await ask({ endpoint: 'standard-webhooks/main' })).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('import its files') },
    });
    expect((await ask({ endpoint: 'square/none' })).status).toBe(404);
    expect((await ask({ from: iso(0), to: iso(3) })).status).toBe(400);
    expect((await ask({ from: iso(500) })).status).toBe(400);
    for (const change of [{ from: 'yesterday' }, { to: null }, { format: 'x' }])
      expect((await ask(change)).status).toBe(400);
    expect((await call('GET', '/settlements/fetches/none')).status).toBe(404);
  });
});

it('a webhook that announces a payout has its report fetched', async () => {
  const body = squareEvent('payout.paid', 'payout', payout('po_announced'));
  const settings = { notification_url: URL };
  const headers = Object.fromEntries(sign({ body, url: URL }, SECRET, Date.now(), settings));
  const sent = await fetch(`${gateway.url}/webhooks/square/main`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers,
  });
  expect(sent.status).toBe(200);
  await eventually(
    async () => {
      const { rows } = await database.sql.query(
        `select f.status, f.origin, s.status as settlement from postern.report_fetches f
         join postern.settlements s on s.id = f.settlement_id where f.report = 'po_announced'`,
      );
      expect(rows).toEqual([{ status: 'done', origin: 'webhook', settlement: 'imported' }]);
    },
    { timeoutMs: 20_000 },
  );
  // Told by the webhook and by the report, posted once, and nothing of it is left open but the money under way.
  const { rows } = await database.sql.query<{ path: string; balance: string }>(
    `select a.path, sum(p.amount)::text as balance from postern.postings p join postern.accounts a on a.id = p.account_id
     where p.reference = 'po_announced' group by a.path having sum(p.amount) <> 0`,
  );
  expect(rows).toEqual([{ path: 'asset:bank_in_transit:square:MADEMERCHANT1', balance: '100' }]);
});

/** What SIGINT does to the command that runs. */
let interrupt = (): void => undefined;

async function postern(
  args: readonly string[],
  json = true,
  { calls = apiCalls, books = database }: { calls?: ApiCalls; books?: TestDatabase } = {},
): Promise<{ out: string; failed: boolean }> {
  let [out, failed] = ['', false];
  const pools = books.pools();
  const context: CommandContext = {
    json,
    actor: 'cli:test',
    clock: { now: () => Date.now() },
    config: () => readConfig({}),
    withDatabase: (work) =>
      work({
        keyring: parseKeyring(TEST_KEYS),
        limited: null,
        applied: [],
        serverVersion: 180000,
        role: 'postern_app',
        pool: pools.api,
        sql: sqlOf(pools.api),
        reader: pools.reader,
      }),
    out: (text) => {
      out += `${text}\n`;
    },
    stream: async () => undefined,
    input: async () => '',
    fail: () => {
      failed = true;
    },
    onSignal: (stop) => {
      interrupt = () => stop('SIGINT');
      return () => undefined;
    },
    stopWithinMs: 1_000,
    apiCalls: calls,
  };
  const program = new Command('postern').exitOverride().configureOutput({ writeErr: () => undefined });
  register(program, context);
  try {
    await program.parseAsync(['settlement', 'fetch', ...args], { from: 'user' });
  } finally {
    await pools.end();
  }
  return { out, failed };
}

describe('settlement fetch', () => {
  it('fetches by itself, beside a gateway that may take its reports as well', async () => {
    const { out, failed } = await postern(['--endpoint', 'square/main']);
    expect(failed).toBe(false);
    const view = JSON.parse(out) as { from: string; to: string };
    expect(view).toMatchObject({ status: 'done', found: 1, reports: [{ report: 'po_listed', status: 'done' }] });
    expect(Date.parse(view.to) - Date.parse(view.from)).toBe(7 * DAY_MS);
  });

  it('tells a person what became of each', async () => {
    const { out } = await postern(['--endpoint', 'square/main'], false);
    expect(out).toMatch(/^square\/main: 1 report, done$/m);
    expect(out).toContain('po_listed');
  });

  it.each([
    ['no endpoint', []],
    ['what is no endpoint', ['--endpoint', 'main']],
    ['a time that is none', ['--endpoint', 'square/main', '--from', 'yesterday']],
  ])('refuses %s', async (_name, args) => {
    await expect(postern(args)).rejects.toMatchObject({ exitCode: 1 });
  });

  it('knows only endpoints that there are, and that have a key', async () => {
    await expect(postern(['--endpoint', 'square/other'])).rejects.toMatchObject({ code: 'not_found' });
    await expect(postern(['--endpoint', 'square/keyless'])).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('settlement fetch where no gateway works', () => {
  let books: TestDatabase;
  beforeAll(async () => {
    books = await createTestDatabase();
    const serving = await startTestGateway(books, { work: false });
    await serving.addEndpoint('square', 'alone', [SECRET], {
      account: 'MADE3',
      notification_url: URL,
      api_key: 'EAAAmadebyus0003',
    });
    await serving.stop();
  });
  afterAll(() => books.drop());

  it('says that there is nothing, and of which time', async () => {
    const none: ApiCalls = async (_provider, { path }) => ({
      status: 200,
      headers: {},
      body: Buffer.from(path.startsWith('/v2/locations') ? '{"locations":[{"id":"L1"}]}' : '{"payouts":[]}'),
    });
    const { out, failed } = await postern(['--endpoint', 'square/alone'], false, { calls: none, books });
    expect(failed).toBe(false);
    expect(out).toMatch(/^square\/alone: 0 reports, done\nThe processor has none from 20\S+Z to 20\S+Z\.\n$/);
  });

  it('ends where the key is not known, and says so', async () => {
    const unknown: ApiCalls = async () => ({ status: 401, headers: {}, body: Buffer.from('') });
    const { out, failed } = await postern(['--endpoint', 'square/alone'], false, { calls: unknown, books });
    expect(failed).toBe(true);
    expect(out).toMatch(/^square\/alone: not listed yet, failed\nanswered 401: the key is not known, or expired\n$/);
  });

  it('fetches what another order waits for already, and fails where that does', async () => {
    await books.sql.query(
      `insert into postern.report_fetches (id, endpoint_id, report, origin, actor)
       select gen_random_uuid(), id, 'po_listed', 'webhook', 'webhook' from postern.endpoints where name = 'alone'`,
    );
    const calls: ApiCalls = async (provider, request) =>
      request.path.startsWith('/v2/payouts/')
        ? { status: 403, headers: {}, body: Buffer.from('') }
        : apiCalls(provider, request);
    const { out, failed } = await postern(['--endpoint', 'square/alone'], true, { calls, books });
    expect(failed).toBe(true);
    expect(JSON.parse(out)).toMatchObject({
      status: 'failed',
      found: 1,
      reports: [{ report: 'po_listed', status: 'failed', detail: expect.stringContaining('answered 403') }],
    });
  });

  it('that is paused asks nobody, and says how it goes on', async () => {
    const orders = createQueueOrders({ pool: books.appPool });
    const about = { queue: 'settlements', reason: 'a test', actor: 'test' } as const;
    await orders.pause(about);
    let times = 0;
    const calls: ApiCalls = (...asked) => {
      times += 1;
      return apiCalls(...asked);
    };
    const command = postern(['--endpoint', 'square/alone'], false, { calls, books });
    await eventually(async () => {
      const { rows } = await books.sql.query(`select from postern.report_fetches where status = 'queued'`);
      expect(rows).toHaveLength(1);
    });
    interrupt();
    const { out, failed } = await command;
    expect([failed, times]).toEqual([true, 0]);
    expect(out).toContain('npx postern queue resume settlements');
    await orders.resume(about);
    await books.sql.query(`delete from postern.report_fetches where status = 'queued'`);
  });

  it.each([
    ['answers 500', async () => ({ status: 500, headers: {}, body: Buffer.from('') }), /^answered 500$/m],
    [
      'does not answer',
      () => Promise.reject(new PosternError('egress_failed', 'connect.squareup.com did not answer within 15000 ms')),
      /^connect\.squareup\.com did not answer within 15000 ms$/m,
    ],
  ] as const)('interrupted while the processor %s says why it waited, and who goes on', async (_, bad, why) => {
    let times = 0;
    const calls: ApiCalls = () => {
      times += 1;
      interrupt();
      return bad();
    };
    const { out, failed } = await postern(['--endpoint', 'square/alone'], false, { calls, books });
    expect([failed, times]).toEqual([true, 1]);
    expect(out).toMatch(/^square\/alone: not listed yet, queued$/m);
    expect(out).toMatch(why);
    expect(out).toMatch(/^A gateway that works goes on with it/m);
  });
});
