import { Command } from 'commander';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import type { ApiCalls } from '../../src/api-calls.ts';
import { register } from '../../src/commands/backfill.ts';
import type { CommandContext } from '../../src/commands/context.ts';
import { readConfig } from '../../src/config.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { sqlOf } from '../../src/postgres/sql.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

const SECRET = 'whsec_backfill_tests_secret';
const DAY_MS = 86_400_000;
let database: TestDatabase;
let gateway: TestGateway;
let endpointId: string;
let answerEvents: () => { status: number; body: string };

const apiCalls: ApiCalls = async (_provider, { path }) => {
  const { status, body } = path.startsWith('/v1/events') ? answerEvents() : { status: 200, body: '{"data":[]}' };
  return { status, headers: {}, body: Buffer.from(body) };
};

/** As Stripe tells it: two hours ago. */
const charge = (n: string): string =>
  chargeSucceeded(n).replace(/"created":1767225600/, `"created":${Math.floor(Date.now() / 1000) - 7_200}`);

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database, { apiCalls });
  // No schedule: these tests ask themselves.
  const settings = { account: 'acct_1', api_key: 'rk_test_madebyus', backfill_every_s: 0 };
  await gateway.addEndpoint('stripe', 'main', [SECRET], settings);
  await gateway.addEndpoint('stripe', 'keyless', [SECRET], { account: 'acct_2' });
  await gateway.addEndpoint('adyen', 'main', []);
  await gateway.addEndpoint('standard-webhooks', 'main', []);
  endpointId = await idOf('stripe', 'main');
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});
beforeEach(() => {
  answerEvents = () => ({ status: 200, body: '{"data":[]}' });
});

async function idOf(provider: string, name: string): Promise<string> {
  const { rows } = await database.sql.query<{ id: number }>(
    'select id from postern.endpoints where provider = $1 and name = $2',
    [provider, name],
  );
  return String(rows[0]?.id);
}

type View = Record<string, unknown> & { id: string; status: string };
type Answer = { status: number; location: string | null; body: View };

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await gateway.api(`/api/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { status: response.status, location: response.headers.get('location'), body: (await response.json()) as View };
}

const iso = (daysAgo: number): string => new Date(Date.now() - daysAgo * DAY_MS).toISOString();
const ask = (change: object = {}, id = endpointId): Promise<Answer> =>
  call('POST', `/endpoints/${id}/backfill`, { from: iso(3), to: iso(0), ...change });

async function over(id: string): Promise<View> {
  let view: View | undefined;
  await eventually(
    async () => {
      view = (await call('GET', `/backfills/${id}`)).body;
      expect(['done', 'failed', 'cancelled']).toContain(view.status);
    },
    { timeoutMs: 15_000 },
  );
  if (view === undefined) throw new Error('it did not end');
  return view;
}

async function deliver(body: string): Promise<void> {
  const headers = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, SECRET, Date.now()));
  const response = await fetch(`${gateway.url}/webhooks/stripe/main`, { method: 'POST', body, headers });
  expect(response.status).toBe(200);
}

describe('POST /endpoints/:id/backfill', () => {
  it('takes in what no webhook brought, and a late webhook is a copy of it', async () => {
    await deliver(charge('w1'));
    answerEvents = () => ({ status: 200, body: `{"data":[${charge('b1')},${charge('w1')}],"has_more":false}` });
    const asked = await ask();
    expect(asked.status).toBe(202);
    expect(asked.location).toBe(`/api/v1/backfills/${asked.body.id}`);
    expect(asked.body).toMatchObject({
      provider: 'stripe',
      endpoint: 'main',
      status: 'queued',
      issued: 0,
      scheduled: false,
    });
    expect(await over(asked.body.id)).toMatchObject({
      status: 'done',
      issued: 2,
      received: 1,
      missing: 1,
      filled: 1,
      gaps: 1,
      conflicts: 0,
      pages: 2,
    });
    await eventually(async () =>
      expect((await call('GET', `/backfills/${asked.body.id}`)).body).toMatchObject({ posted: 2 }),
    );
    expect((await call('GET', `/backfills/${asked.body.id}/events`)).body).toMatchObject({
      items: [{ event_id: 'evt_b1', outcome: 'filled', type: 'charge.succeeded', status: 'posted' }],
      next_cursor: null,
    });
    await deliver(charge('b1').replace('2025-03-31.basil', '2026-01-01.other'));
    const { rows } = await database.sql.query(`select status, conflict from postern.events where event_id = 'evt_b1'`);
    expect(rows).toEqual([{ status: 'posted', conflict: false }]);
  });

  it('is in the list and in the audit log', async () => {
    const { body } = await ask({ dry_run: true });
    await over(body.id);
    const list = await call('GET', '/backfills?endpoint=main&limit=1');
    expect(list.body).toMatchObject({ items: [{ id: body.id, dry_run: true }], next_cursor: expect.any(String) });
    const next = await call('GET', `/backfills?limit=1&cursor=${String(list.body.next_cursor)}`);
    expect((next.body as unknown as { items: View[] }).items[0]?.id).not.toBe(body.id);
    expect((await call('GET', '/backfills?endpoint=keyless')).body).toMatchObject({ items: [] });
    const log = await call('GET', '/audit-log?limit=1');
    expect(log.body).toMatchObject({ items: [{ action: 'backfill.create', subject: `backfill:${body.id}` }] });
  });

  it.each<[string, object, string]>([
    ['an end before its beginning', { from: iso(1), to: iso(2) }, '/from'],
    ['the future', { to: iso(-1) }, '/to'],
    ['longer ago than the processor tells', { from: iso(40) }, '/from'],
  ])('refuses %s', async (_name, change, path) => {
    expect(await ask(change)).toMatchObject({ status: 400, body: { errors: [{ path }] } });
  });

  it('refuses what is no time, and members that it does not know', async () => {
    for (const change of [{ from: 'yesterday' }, { to: null }, { dryrun: true }, { dry_run: 'x' }])
      expect((await ask(change)).status).toBe(400);
  });

  it('says why a processor cannot be asked', async () => {
    const keyless = await ask({}, await idOf('stripe', 'keyless'));
    expect(keyless).toMatchObject({ status: 409, body: { detail: 'set api_key on stripe/keyless first' } });
    const adyen = await ask({}, await idOf('adyen', 'main'));
    expect(adyen).toMatchObject({ status: 409, body: { detail: expect.stringContaining('set balance_accounts') } });
    const sent = await ask({}, await idOf('standard-webhooks', 'main'));
    expect(sent).toMatchObject({ status: 409, body: { detail: expect.stringContaining('settlement reports') } });
    for (const id of ['0', '999999', 'main', '%00']) expect((await ask({}, id)).status).toBe(404);
  });

  it('tells a key that may not read', async () => {
    answerEvents = () => ({ status: 403, body: '{}' });
    const { body } = await ask();
    expect(await over(body.id)).toMatchObject({
      status: 'failed',
      error: 'answered 403: the key lacks read access to Events',
      issued: 0,
    });
  });
});

describe('DELETE /backfills/:id', () => {
  it('cancels one that waits, once', async () => {
    answerEvents = () => ({ status: 429, body: '{}' });
    const { body } = await ask();
    await eventually(async () => expect((await call('GET', `/backfills/${body.id}`)).body.status).toBe('running'));
    expect(await call('DELETE', `/backfills/${body.id}`)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    expect((await call('DELETE', `/backfills/${body.id}`)).status).toBe(409);
    expect((await call('GET', '/audit-log?limit=1')).body).toMatchObject({ items: [{ action: 'backfill.cancel' }] });
  });

  it('knows only what there is', async () => {
    for (const id of ['x', '00000000-0000-7000-8000-000000000000', '%00'])
      for (const [method, path] of [
        ['GET', `/backfills/${id}`],
        ['GET', `/backfills/${id}/events`],
        ['DELETE', `/backfills/${id}`],
      ] as const)
        expect((await call(method, path)).status, `${method} ${path}`).toBe(404);
  });
});

it('is for operators; finance may look', async () => {
  const service = createTokenService({ pool: gateway.gateway.pools.api });
  const { body } = await ask({ dry_run: true });
  await over(body.id);
  for (const [role, look, change] of [
    ['finance', 200, 403],
    ['monitor', 403, 403],
    ['service', 403, 403],
    ['ops', 200, 409],
  ] as const) {
    const { token } = await service.create({ name: `backfill-${role}`, roles: [role], expiresAt: null }, 'test');
    await gateway.gateway.reloadTokens();
    const headers = { authorization: `Bearer ${token}` };
    const status = async (method: string, path: string): Promise<number> =>
      (await fetch(`${gateway.url}/api/v1${path}`, { method, headers })).status;
    expect([role, await status('GET', `/backfills/${body.id}`)]).toEqual([role, look]);
    expect([role, await status('DELETE', `/backfills/${body.id}`)]).toEqual([role, change]);
  }
});

describe('npx postern backfill', () => {
  async function postern(args: readonly string[], json = true): Promise<{ out: string; failed: boolean }> {
    let [out, failed] = ['', false];
    const pools = database.pools();
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
      onSignal: () => () => undefined,
      stopWithinMs: 1_000,
      apiCalls,
    };
    const program = new Command('postern').exitOverride().configureOutput({ writeErr: () => undefined });
    register(program, context);
    try {
      await program.parseAsync(['backfill', ...args], { from: 'user' });
    } finally {
      await pools.end();
    }
    return { out, failed };
  }

  it('works by itself, beside a gateway that may take its pages as well', async () => {
    answerEvents = () => ({ status: 200, body: `{"data":[${charge('c1')}],"has_more":false}` });
    const { out, failed } = await postern(['--endpoint', 'stripe/main']);
    expect(failed).toBe(false);
    const view = JSON.parse(out) as View & { from: string; to: string };
    expect(view).toMatchObject({ status: 'done', issued: 1, filled: 1, events: [{ event_id: 'evt_c1' }] });
    expect(Date.parse(view.to) - Date.parse(view.from)).toBe(3 * DAY_MS);
  });

  it('tells a person what is missing, and takes nothing in, on a dry run', async () => {
    answerEvents = () => ({ status: 200, body: `{"data":[${charge('d1')}],"has_more":false}` });
    const { out, failed } = await postern(['--endpoint', 'stripe/main', '--dry-run'], false);
    expect(failed).toBe(false);
    expect(out).toMatch(/^issued +1 .*stripe\/main/m);
    expect(out).toMatch(/^missing +1$/m);
    expect(out).toContain('evt_d1');
    const { rows } = await database.sql.query(`select 1 from postern.events where event_id = 'evt_d1'`);
    expect(rows).toEqual([]);
  });

  it('fails where the processor refuses', async () => {
    answerEvents = () => ({ status: 401, body: '{}' });
    const { out, failed } = await postern(['--endpoint', 'stripe/main'], false);
    expect({ failed, out }).toEqual({ failed: true, out: expect.stringContaining('failed: answered 401') });
  });

  it.each([
    ['no endpoint', []],
    ['what is no endpoint', ['--endpoint', 'main']],
    ['a time that is none', ['--endpoint', 'stripe/main', '--from', 'yesterday']],
  ])('refuses %s', async (_name, args) => {
    await expect(postern(args)).rejects.toMatchObject({ exitCode: 1 });
  });

  it('knows only endpoints that there are', async () => {
    await expect(postern(['--endpoint', 'stripe/other'])).rejects.toMatchObject({ code: 'not_found' });
    await expect(postern(['--endpoint', 'adyen/main'])).rejects.toMatchObject({ code: 'conflict' });
  });
});

it('tells how far each schedule is to Prometheus', async () => {
  await database.sql.query(
    `insert into postern.backfill_schedules (endpoint_id, compared_to, next_at, last_done_at, last_gaps)
     values ($1, '2026-01-01T00:00:00Z', now() + interval '1 day', now(), 4)`,
    [endpointId],
  );
  const text = await (await gateway.api('/metrics')).text();
  expect(text).toContain('postern_backfill_compared_to_seconds{provider="stripe",endpoint="main"} 1767225600');
  expect(text).toContain('postern_backfill_last_gaps{provider="stripe",endpoint="main"} 4');
  expect(text).toContain('# TYPE postern_gap_events_total counter');
});
