import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { chargeSucceeded, stripeEvent } from '../support/stripe-bodies.ts';

const SECRET = 'whsec_api_tests_secret';
let database: TestDatabase;
let gateway: TestGateway;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
  await gateway.addEndpoint('stripe', 'main', [SECRET], { account: 'acct_1' });
  for (const body of [
    chargeSucceeded(1),
    chargeSucceeded(2),
    stripeEvent('evt_new', 'charge.something_new', { id: 'x' }),
  ]) {
    await deliver(body);
  }
  await eventually(async () => {
    const { rows } = await database.sql.query(`select 1 from postern.events where status = 'queued'`);
    expect(rows).toEqual([]);
  });
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

async function deliver(body: string): Promise<void> {
  const headers = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, SECRET, Date.now()));
  const response = await fetch(`${gateway.url}/webhooks/stripe/main`, { method: 'POST', body, headers });
  expect(response.status).toBe(200);
}

async function json<T = Record<string, unknown>>(
  path: string,
  init?: RequestInit,
): Promise<{ status: number; body: T }> {
  const response = await gateway.api(`/api/v1${path}`, init);
  return { status: response.status, body: (await response.json()) as T };
}

function post(path: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  return json(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
}

type OpenApi = { paths: Record<string, Record<string, { responses: Record<string, unknown>; summary?: string }>> };

describe('the description', () => {
  it('has every route, each with a summary and the shape of its answer', async () => {
    const { body } = await json<OpenApi>('/openapi.json');
    const routes = gateway.gateway.app?.printRoutes({ commonPrefix: false }) ?? '';
    for (const path of [
      '/endpoints',
      '/tokens',
      '/events',
      '/deliveries',
      '/accounts',
      '/trial-balance',
      '/queue/stats',
      '/health',
      '/ready',
    ]) {
      expect(
        Object.keys(body.paths).some((p) => p.startsWith(`/api/v1${path}`)),
        path,
      ).toBe(true);
    }
    expect(routes).toContain('/webhooks/');
    for (const [path, methods] of Object.entries(body.paths)) {
      if (path.startsWith('/webhooks')) continue;
      for (const [method, operation] of Object.entries(methods)) {
        expect(operation.summary, `${method} ${path}`).toBeTruthy();
        expect(
          Object.keys(operation.responses).some((code) => code.startsWith('2')),
          `${method} ${path}`,
        ).toBe(true);
      }
    }
  });

  it('needs no token, and neither does its page', async () => {
    expect((await fetch(`${gateway.url}/api/v1/openapi.json`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/docs/`)).status).toBe(200);
  });
});

describe('who may call', () => {
  const readable = [
    '/endpoints',
    '/tokens',
    '/events',
    '/accounts',
    '/trial-balance',
    '/queue/stats',
    '/cache/stats',
    '/audit-log',
  ];

  it.each(readable)('%s needs a token that is known', async (path) => {
    for (const authorization of ['', 'Bearer nonsense', `Bearer pst_${'a'.repeat(55)}`, 'Basic YTpi']) {
      const response = await fetch(`${gateway.url}/api/v1${path}`, {
        headers: authorization === '' ? {} : { authorization },
      });
      expect(response.status).toBe(401);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
    }
  });

  it('lets each role see its own and no more', async () => {
    const service = createTokenService({ pool: gateway.gateway.pools.api });
    const may: Record<string, readonly string[]> = {
      monitor: ['/queue/stats', '/cache/stats'],
      ops: ['/queue/stats', '/cache/stats', '/events', '/audit-log'],
      finance: ['/queue/stats', '/cache/stats', '/events', '/accounts', '/trial-balance', '/audit-log'],
      service: ['/accounts'],
      admin: readable,
    };
    for (const [role, paths] of Object.entries(may)) {
      const { token } = await service.create({ name: role, roles: [role as 'ops'], expiresAt: null }, 'test');
      await gateway.gateway.reloadTokens();
      for (const path of readable) {
        const { status } = await fetch(`${gateway.url}/api/v1${path}`, {
          headers: { authorization: `Bearer ${token}` },
        });
        expect({ role, path, status }).toEqual({ role, path, status: paths.includes(path) ? 200 : 403 });
      }
    }
  });

  it('takes no token that is expired or revoked', async () => {
    const service = createTokenService({ pool: gateway.gateway.pools.api });
    const expired = await service.create(
      { name: 'old', roles: ['admin'], expiresAt: new Date(Date.now() - 1_000) },
      'test',
    );
    const revoked = await service.create({ name: 'gone', roles: ['admin'], expiresAt: null }, 'test');
    await service.revoke(revoked.id, 'test');
    await gateway.gateway.reloadTokens();
    for (const { token } of [expired, revoked]) {
      expect(
        (await fetch(`${gateway.url}/api/v1/events`, { headers: { authorization: `Bearer ${token}` } })).status,
      ).toBe(401);
    }
  });

  it('shows a token once and keeps its hash only', async () => {
    const made = await post('/tokens', { name: 'once', roles: ['ops'] });
    expect(made.status).toBe(201);
    const token = String(made.body.token);
    expect(token).toMatch(/^pst_/);
    expect(JSON.stringify((await json('/tokens')).body)).not.toContain(token);
    const { rows } = await database.sql.query<{ all: string }>(
      'select string_agg(t::text, $1) as all from postern.tokens t',
      [' '],
    );
    expect(rows[0]?.all).not.toContain(token);
  });
});

describe('endpoints', () => {
  it('are made, changed, rotated and removed, and never show a secret', async () => {
    const made = await post('/endpoints', {
      provider: 'stripe',
      name: 'shop',
      secrets: ['whsec_first_secret'],
      settings: { mode: 'test' },
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ provider: 'stripe', name: 'shop', disabled: false, settings: { mode: 'test' } });
    expect(String(made.body.url)).toBe(`${gateway.url}/webhooks/stripe/shop`);
    const id = String(made.body.id);
    expect((await post(`/endpoints/${id}/secrets`, { secret: 'whsec_second_secret' })).status).toBe(201);
    const changed = await json(`/endpoints/${id}`, {
      method: 'PATCH',
      body: JSON.stringify({ disabled: true }),
      headers: { 'content-type': 'application/json' },
    });
    expect(changed.body).toMatchObject({ disabled: true });
    const listed = JSON.stringify((await json('/endpoints')).body);
    expect(listed).not.toContain('first_secret');
    expect((await gateway.api(`/api/v1/endpoints/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await json(`/endpoints/${id}`)).status).toBe(404);
  });

  it.each([
    ['a negative overlap', { overlap_s: -1 }],
    ['an overlap of years', { overlap_s: 100_000_000 }],
    ['an overlap in text', { overlap_s: '1h' }],
    ['a secret of another kind', { secret: 'sk_live_0123456789', overlap_s: 60 }],
  ])('are not rotated by %s, and their secrets stay as they are', async (what, change) => {
    const name = what.replaceAll(' ', '-');
    const made = await post('/endpoints', { provider: 'stripe', name, secrets: ['whsec_stays_0123456789'] });
    const refused = await post(`/endpoints/${made.body.id}/secrets`, { secret: 'whsec_new_0123456789', ...change });
    expect(refused.status).toBe(400);
    expect((await json(`/endpoints/${made.body.id}`)).body).toMatchObject({
      secrets: [{ not_after: null, state: 'idle', removable_since: null }],
      rotation_overlap_s: 86_400,
    });
  });

  it.each([
    ['an unknown provider', { provider: 'nobody', name: 'x' }, '/provider'],
    ['a name that is none', { provider: 'stripe', name: 'No Name' }, '/name'],
    [
      'a secret of another kind',
      { provider: 'stripe', name: 'x', secrets: ['sk_live_123456789'] },
      '/secrets/0/secret',
    ],
    ['a setting that is wrong', { provider: 'stripe', name: 'x', settings: { mode: 'both' } }, '/settings/mode'],
  ])('refuses %s and says where', async (_, body, path) => {
    const answer = await post('/endpoints', body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual([expect.objectContaining({ path })]);
  });

  it('is not removed while it has events, and not made twice', async () => {
    const { body } = await json<{ items: { id: string; name: string }[] }>('/endpoints');
    const id = body.items.find((e) => e.name === 'main')?.id;
    expect((await gateway.api(`/api/v1/endpoints/${id}`, { method: 'DELETE' })).status).toBe(409);
    expect((await post('/endpoints', { provider: 'stripe', name: 'main' })).status).toBe(409);
  });
});

describe('events and deliveries', () => {
  it('pages through events, newest first', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    for (let n = 0; cursor !== null && n < 10; n += 1) {
      const page: { body: { items: { event_id: string }[]; next_cursor: string | null } } = await json(
        `/events?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      seen.push(...page.body.items.map((item) => item.event_id));
      cursor = page.body.next_cursor;
    }
    expect(seen).toEqual(['evt_new', 'evt_2', 'evt_1']);
  });

  it('finds events by status, type and reference', async () => {
    for (const [query, ids] of [
      ['status=deferred', ['evt_new']],
      ['type=charge.succeeded&status=posted', ['evt_2', 'evt_1']],
      ['reference=ch_2', ['evt_2']],
      ['reference=nothing', []],
      ['provider=adyen', []],
    ] as const) {
      const { body } = await json<{ items: { event_id: string }[] }>(`/events?${query}`);
      expect({ query, ids: body.items.map((item) => item.event_id) }).toEqual({ query, ids });
    }
  });

  it('shows an event with its postings, and the request that brought it', async () => {
    const found = await json<{ items: { id: string }[] }>('/events?event_id=evt_1');
    const { body } = await json<{ deliveries: string[]; posted: { postings: unknown[] }[]; transactions: string[] }>(
      `/events/${found.body.items[0]?.id}`,
    );
    expect(body.transactions).toHaveLength(1);
    expect(body.posted[0]?.postings).toEqual([
      {
        account: 'asset:processor_pending:stripe:acct_1',
        direction: 'debit',
        amount: '1000',
        currency: 'EUR',
        reference: 'ch_1',
        component: 'gross',
      },
      {
        account: 'income:revenue',
        direction: 'credit',
        amount: '1000',
        currency: 'EUR',
        reference: null,
        component: null,
      },
    ]);
    const delivery = await json<{ body_base64: string; events: string[]; verified: unknown }>(
      `/deliveries/${body.deliveries[0]}`,
    );
    expect(Buffer.from(delivery.body.body_base64, 'base64').toString()).toBe(chargeSucceeded(1));
    expect(delivery.body.events).toEqual([found.body.items[0]?.id]);
    expect(delivery.body.verified).toMatchObject({ level: 'body' });
  });

  it.each([
    '/events/nonsense',
    '/deliveries/nonsense',
    '/events/01a1fcb0-c78d-711a-b5f9-a846ade7eebf',
    '/endpoints/0',
    '/accounts/nobody/balance',
  ])('%s is not found', async (path) => {
    expect((await json(path)).status).toBe(404);
  });

  it.each([
    '/events?cursor=nonsense',
    '/events?limit=0',
    '/events?limit=501',
    '/events?status=lost',
    '/events?from=yesterday',
    '/audit-log?cursor=e30',
  ])('refuses %s and says where', async (path) => {
    const { body, status } = await json(path);
    expect(status).toBe(400);
    expect(body.errors).toHaveLength(1);
  });
});

describe('the books', () => {
  it('balance', async () => {
    const { body } = await json('/accounts/income:revenue/balance');
    expect(body).toEqual({
      account: 'income:revenue',
      at: null,
      known_at: null,
      balances: [{ currency: 'EUR', exponent: 2, debits: '0', credits: '2000', balance: '-2000' }],
    });
    const trial = await json<{ totals: unknown[] }>('/trial-balance');
    expect(trial.body.totals).toEqual([{ currency: 'EUR', debits: '2000', credits: '2000' }]);
  });

  it('know what had happened at a time, and what was known', async () => {
    const before = await json<{ balances: unknown[] }>('/accounts/income:revenue/balance?at=2020-01-01T00:00:00Z');
    expect(before.body.balances).toEqual([]);
    const unknown = await json<{ balances: unknown[] }>(
      '/accounts/income:revenue/balance?known_at=2020-01-01T00:00:00Z',
    );
    expect(unknown.body.balances).toEqual([]);
  });

  it('have a history, page by page', async () => {
    const first = await json<{ items: { posting: { amount: string } }[]; next_cursor: string }>(
      '/accounts/income:revenue/ledger?limit=1',
    );
    expect(first.body.items).toHaveLength(1);
    const second = await json<{ items: unknown[]; next_cursor: null }>(
      `/accounts/income:revenue/ledger?limit=1&cursor=${first.body.next_cursor}`,
    );
    expect(second.body).toMatchObject({
      items: [{ posting: { amount: '1000', direction: 'credit' } }],
      next_cursor: null,
    });
  });
});

describe('numbers and probes', () => {
  it('say what waits', async () => {
    const { body } = await json<{ queues: unknown[]; endpoints: unknown[] }>('/queue/stats');
    expect(body.queues).toMatchObject([
      { name: 'events', depth: 0, active: 0, deferred: 1, dead: 0, paused: false },
      { name: 'replay', depth: 0 },
      { name: 'fetch', depth: 0, active: 0 },
      { name: 'settlements', depth: 0 },
    ]);
    expect(body.endpoints).toContainEqual(expect.objectContaining({ provider: 'stripe', endpoint: 'main' }));
  });

  it('are public where a balancer asks', async () => {
    expect(await (await fetch(`${gateway.url}/api/v1/health`)).json()).toEqual({ status: 'ok' });
    const ready = await fetch(`${gateway.url}/api/v1/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: 'ok',
      checks: { database: { status: 'ok' }, queue: { status: 'ok' } },
    });
  });

  it('are told to Prometheus, without ids as labels', async () => {
    expect((await fetch(`${gateway.url}/metrics`)).status).toBe(401);
    const text = await (await gateway.api('/metrics')).text();
    expect(text).toMatch(/postern_acknowledgements_total\{provider="stripe",endpoint="main",outcome="accepted"\} 3/);
    expect(text).toMatch(/postern_queue_events\{queue="events",status="deferred"\} 1/);
    expect(text).not.toContain('evt_1');
  });
});
