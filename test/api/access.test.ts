import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLES, type Role } from '../../src/access/roles.ts';
import { createTokenService } from '../../src/access/token-service.ts';
import { createTokens } from '../../src/access/tokens.ts';
import { createReadiness } from '../../src/api/readiness.ts';
import { buildApp } from '../../src/app.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { createEndpointService } from '../../src/endpoints/service.ts';
import { PosternError } from '../../src/errors.ts';
import { createAccountReconciler } from '../../src/ledger/reconcile-account.ts';
import { createMetrics } from '../../src/metrics.ts';
import { providers } from '../../src/providers/index.ts';
import { createTransfers } from '../../src/transfers/transfers.ts';
import { uuidTime, uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let app: FastifyInstance;
const routes: { method: string; url: string; schema: unknown }[] = [];
const tokenOf: Partial<Record<Role, string>> = {};
let draining = false;

beforeAll(async () => {
  database = await createTestDatabase();
  const clock = { now: () => Date.now() };
  const { appPool: pool, app: sql, log } = database;
  const keyring = parseKeyring(`k1:${randomBytes(32).toString('base64')}`);
  const tokens = createTokens({ sql, clock, log, adminToken: null });
  const service = createTokenService({ pool, onChange: tokens.load });
  for (const role of ROLES) {
    tokenOf[role] = (await service.create({ name: role, roles: [role], expiresAt: null }, 'test')).token;
  }
  const metrics = createMetrics({ process: false });
  app = await buildApp({
    log,
    trustProxy: false,
    webhooks: null,
    api: {
      pool,
      connectReader: database.pools().reader,
      endpointService: createEndpointService({ pool, providers, keyring, clock }),
      keyring,
      publicUrl: 'https://pay.example',
      dataDir: '/',
      tokens,
      providers,
      metrics,
      clock,
      log,
      transfers: createTransfers({ pool, clock, log, metrics, deadlineMs: 3_000 }),
      reconciler: createAccountReconciler({ pool, clock, log, metrics }),
      discrepancies: {
        act: () => Promise.reject(new PosternError('not_found', 'there is no discrepancy')),
        actOnAll: () => Promise.resolve({ total: 0, changed: 0, leftOut: [] }),
      },
      recheck: () => Promise.reject(new PosternError('not_found', 'there is no endpoint')),
      bankImporter: { receive: () => Promise.reject(new PosternError('invalid_request', 'no statement')) },
      importer: { receive: () => Promise.reject(new PosternError('invalid_request', 'no report')) },
      uploadIdleMs: 60_000,
      cacheStats: () => ({ engine: 'memory', connected: true, hits: 1, misses: 1, entries: 1 }),
      draining: () => false,
      readiness: createReadiness({
        sql: database.app,
        clock,
        log,
        cacheStats: () => ({ connected: true }),
        endpointsAge: () => 0,
        lastIntakeFailure: () => null,
        draining: () => draining,
      }),
    },
  });
  await app.ready();
  const description = (await app.inject('/api/v1/openapi.json')).json() as {
    paths: Record<string, Record<string, { responses?: unknown }>>;
  };
  for (const [url, methods] of Object.entries(description.paths)) {
    for (const [method, schema] of Object.entries(methods)) routes.push({ method: method.toUpperCase(), url, schema });
  }
});

afterAll(async () => {
  await app.close();
  await database.drop();
});

type Body = Record<string, unknown>;

function call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, role: Role | null = 'admin', payload?: Body) {
  const headers = role === null ? {} : { authorization: `Bearer ${tokenOf[role]}` };
  return app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
}

async function makeEndpoint(name: string): Promise<{ id: string | number; secrets: { id: string }[] }> {
  const answer = await call('POST', '/api/v1/endpoints', 'admin', {
    provider: 'stripe',
    name,
    secrets: [`whsec_${name}_0123456789`],
  });
  expect(answer.statusCode).toBe(201);
  return answer.json();
}

async function giveEvents(endpointId: string | number, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => uuidv7(Date.now() + n));
  for (const [n, id] of ids.entries()) {
    await database.sql.query(
      `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account)
       values ($1, $1, $4, $2, 0, $3, '\\x00', 'charge.succeeded', 'a')`,
      [id, endpointId, `evt_${endpointId}_${n}`, new Date(uuidTime(id))],
    );
  }
  return ids;
}

describe('the description', () => {
  it('has every route the server has, each with the shape of its answers', () => {
    const served = app
      .printRoutes({ commonPrefix: false })
      .split('\n')
      .some((line) => line.includes('openapi.json'));
    expect(served).toBe(true);
    expect(routes.length).toBeGreaterThan(20);
    for (const { method, url, schema } of routes) {
      const { responses = {}, summary } = schema as { responses?: Record<string, Body>; summary?: string };
      expect(summary, `${method} ${url}`).toBeTypeOf('string');
      expect(
        Object.keys(responses).some((status) => status.startsWith('2')),
        `${method} ${url}`,
      ).toBe(true);
      expect(
        Object.entries(responses).every(([status, one]) => status === '204' || one.content !== undefined),
        `${method} ${url}`,
      ).toBe(true);
    }
  });

  it('needs no token, and nor does the page', async () => {
    expect((await call('GET', '/api/v1/openapi.json', null)).json()).toMatchObject({ openapi: '3.1.0' });
    expect((await call('GET', '/docs/', null)).statusCode).toBe(200);
  });
});

describe('who may call', () => {
  const OPEN = ['/api/v1/health', '/api/v1/ready', '/api/v1/openapi.json'];

  it('asks everywhere for a token, except where the specification says none', async () => {
    for (const { method, url } of routes) {
      if (OPEN.includes(url)) continue;
      const answer = await app.inject({ method: method as 'GET', url: url.replaceAll(/\{\w+\}/g, '1') });
      expect([answer.statusCode, answer.headers['www-authenticate']], `${method} ${url}`).toEqual([
        401,
        'Bearer realm="postern"',
      ]);
    }
  });

  it.each<[Role, 'GET' | 'POST', string, number]>([
    ['monitor', 'GET', '/api/v1/queue/stats', 200],
    ['monitor', 'GET', '/metrics', 200],
    ['monitor', 'GET', '/api/v1/events', 403],
    ['monitor', 'GET', '/api/v1/endpoints', 403],
    ['ops', 'GET', '/api/v1/events', 200],
    ['ops', 'GET', '/api/v1/endpoints', 403],
    ['ops', 'POST', '/api/v1/tokens', 403],
    ['finance', 'GET', '/api/v1/trial-balance', 200],
    ['finance', 'GET', '/api/v1/accounts', 200],
    ['finance', 'GET', '/api/v1/tokens', 403],
    ['service', 'GET', '/api/v1/accounts', 200],
    ['service', 'GET', '/api/v1/events', 403],
    ['service', 'GET', '/metrics', 403],
    ['admin', 'GET', '/api/v1/events', 200],
    ['admin', 'GET', '/metrics', 200],
  ])('%s: %s %s is %i', async (role, method, url, status) => {
    expect((await call(method, url, role, method === 'POST' ? {} : undefined)).statusCode).toBe(status);
  });

  it('limits those who guess tokens as well', async () => {
    const answer = await app.inject({
      method: 'GET',
      url: '/api/v1/events',
      headers: { authorization: 'Bearer pst_x' },
    });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['x-ratelimit-remaining']).toBeDefined();
  });

  it('shows a token once, and refuses it as soon as it is revoked', async () => {
    const made = (await call('POST', '/api/v1/tokens', 'admin', { name: 'short', roles: ['ops'] })).json<{
      id: string;
      token: string;
    }>();
    const asMade = () =>
      app.inject({ method: 'GET', url: '/api/v1/events', headers: { authorization: `Bearer ${made.token}` } });
    expect((await asMade()).statusCode).toBe(200);
    const listed = (await call('GET', '/api/v1/tokens')).body;
    expect(listed).toContain(made.id);
    expect(listed).not.toContain(made.token.slice(16));
    expect((await call('DELETE', `/api/v1/tokens/${made.id}`)).statusCode).toBeLessThan(300);
    expect((await asMade()).statusCode).toBe(401);
  });

  it('names the actor in the audit log as the token it was', async () => {
    await makeEndpoint('audited');
    const [newest] = (await call('GET', '/api/v1/audit-log?limit=1', 'ops')).json<{ items: Body[] }>().items;
    expect(newest).toMatchObject({ action: 'endpoint.create', actor: `token:${tokenOf.admin?.slice(4, 16)}` });
  });

  it('pages the audit log without a gap or a repetition', async () => {
    for (const name of ['paged-1', 'paged-2']) await makeEndpoint(name);
    type Page = { items: { id: string }[]; next_cursor: string | null };
    const page = async (query: string) => (await call('GET', `/api/v1/audit-log?${query}`, 'ops')).json<Page>();
    const whole = await page('limit=3');
    const first = await page('limit=2');
    const second = await page(`limit=1&cursor=${first.next_cursor}`);
    expect([...first.items, ...second.items]).toEqual(whole.items);
    expect(new Set(whole.items.map(({ id }) => id)).size).toBe(3);
  });
});

describe('problems', () => {
  it.each<[string, 'GET' | 'POST', string, Body | undefined, number]>([
    ['an unknown path', 'GET', '/api/v1/nothing', undefined, 404],
    ['an unknown event', 'GET', '/api/v1/events/0190f000-0000-7000-8000-000000000000', undefined, 404],
    ['an id that is none', 'GET', '/api/v1/events/1', undefined, 404],
    ['an unknown account', 'GET', '/api/v1/accounts/asset:nowhere/balance', undefined, 404],
    ['garbage as cursor', 'GET', '/api/v1/events?cursor=%F0%9F', undefined, 400],
    [
      "another list's cursor",
      'GET',
      `/api/v1/events?cursor=${Buffer.from('["1"]').toString('base64url')}`,
      undefined,
      400,
    ],
    ['a limit over 500', 'GET', '/api/v1/events?limit=501', undefined, 400],
    ['an unknown status', 'GET', '/api/v1/events?status=lost', undefined, 400],
    ['a time that is none', 'GET', '/api/v1/trial-balance?at=yesterday', undefined, 400],
    ['an endpoint without a name', 'POST', '/api/v1/endpoints', { provider: 'stripe' }, 400],
    ['an endpoint of nobody', 'POST', '/api/v1/endpoints', { provider: 'nobody', name: 'x' }, 400],
    ['a token with a made-up role', 'POST', '/api/v1/tokens', { name: 'x', roles: ['root'] }, 400],
  ])('%s is told as a problem document', async (_name, method, url, payload, status) => {
    const answer = await call(method, url, 'admin', payload);
    expect(answer.statusCode, answer.body).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({
      type: expect.any(String),
      title: expect.any(String),
      status,
      detail: expect.any(String),
    });
  });

  it('says what was wrong where', async () => {
    const answer = await call('POST', '/api/v1/endpoints', 'admin', {
      provider: 'stripe',
      name: 'x',
      settings: { tolerance_s: -1 },
    });
    expect(answer.json<{ errors: Body[] }>().errors[0]).toMatchObject({ path: '/settings/tolerance_s' });
  });

  it('refuses a misspelt field instead of leaving it out', async () => {
    const answer = await call('POST', '/api/v1/endpoints', 'admin', {
      provider: 'stripe',
      name: 'misspelt',
      setings: { mode: 'live' },
    });
    expect(answer.statusCode, answer.body).toBe(400);
  });
});

describe('lists and things', () => {
  it('pages through all events once, newest first', async () => {
    const { id } = await makeEndpoint('paged');
    const ids = await giveEvents(id, 7);
    const seen: string[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < 10; page += 1) {
      const query = `provider=stripe&endpoint=paged&limit=3${cursor === null ? '' : `&cursor=${cursor}`}`;
      const answer: { items: { id: string }[]; next_cursor: string | null } = (
        await call('GET', `/api/v1/events?${query}`, 'ops')
      ).json();
      seen.push(...answer.items.map((item) => item.id));
      cursor = answer.next_cursor;
      if (cursor === null) break;
    }
    expect(seen).toEqual([...ids].reverse());
  });

  it('finds an event by its own id and by what it is about', async () => {
    const { id } = await makeEndpoint('found');
    const [first = ''] = await giveEvents(id, 2);
    await database.sql.query(
      `insert into postern.event_references (event_id, kind, value) values ($1, 'payment', 'ch_42')`,
      [first],
    );
    for (const query of ['reference=ch_42', `event_id=evt_${id}_0`]) {
      const { items } = (await call('GET', `/api/v1/events?${query}`, 'ops')).json<{ items: Body[] }>();
      expect(items).toMatchObject([
        { id: first, references: { payment: expect.anything() }, status: 'queued', transactions: [] },
      ]);
    }
  });

  it('never shows a secret', async () => {
    const { id, secrets } = await makeEndpoint('hidden');
    for (const url of ['/api/v1/endpoints', '/api/v1/audit-log']) {
      expect((await call('GET', url)).body).not.toContain('whsec_');
    }
    const added = await call('POST', `/api/v1/endpoints/${id}/secrets`, 'admin', { secret: 'whsec_second_0123456789' });
    expect(added.statusCode).toBe(201);
    expect(added.body).not.toContain('whsec_');
    expect((await call('DELETE', `/api/v1/endpoints/${id}/secrets/${secrets[0]?.id}`)).statusCode).toBeLessThan(300);
  });

  it('refuses to delete an endpoint that has events', async () => {
    const { id } = await makeEndpoint('kept');
    await giveEvents(id, 1);
    expect((await call('DELETE', `/api/v1/endpoints/${id}`)).statusCode).toBe(409);
    expect((await call('PATCH', `/api/v1/endpoints/${id}`, 'admin', { disabled: true })).json()).toMatchObject({
      disabled: true,
    });
  });

  it('is not ready while it drains, and alive all the same', async () => {
    draining = true;
    const ready = await call('GET', '/api/v1/ready', null);
    draining = false;
    expect([ready.statusCode, ready.json<{ status: string }>().status]).toEqual([503, 'draining']);
    expect((await call('GET', '/api/v1/health', null)).statusCode).toBe(200);
  });
});
