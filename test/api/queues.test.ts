import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let database: TestDatabase;
let gateway: TestGateway;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
  const service = createTokenService({ pool: gateway.gateway.pools.api });
  for (const role of ['ops', 'monitor', 'finance', 'service'] as const)
    tokens[role] = (await service.create({ name: role, roles: [role], expiresAt: null }, 'test')).token;
  await gateway.gateway.reloadTokens();
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

type Queue = {
  name: string;
  paused: boolean;
  reason: string | null;
  actor: string | null;
  workers: { holding: number }[];
};

async function call<T = Queue>(
  method: string,
  path: string,
  body?: unknown,
  role = 'ops',
): Promise<{ status: number; body: T }> {
  const response = await fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${tokens[role]}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as T };
}

async function audited(): Promise<unknown[]> {
  const { rows } = await database.sql.query(
    "select action, subject, reason, actor like 'token:%' as by_token from postern.audit_log where subject like 'queue:%' order by id",
  );
  return rows;
}

describe('queues', () => {
  it('are listed with their settings, and with the workers that live and what those were started with', async () => {
    const { status, body } = await eventually(async () => {
      const answer = await call<{ items: Queue[]; next_cursor: null }>('GET', '/queue', undefined, 'monitor');
      expect(answer.body.items[0]?.workers).toHaveLength(1);
      return answer;
    });
    expect(status).toBe(200);
    expect(body.items.map(({ name, paused }) => [name, paused])).toEqual([
      ['events', false],
      ['replay', false],
      ['fetch', false],
      ['settlements', false],
    ]);
    expect(body.items[0]).toMatchObject({
      settings: { attempts_max: 10, backoff_first_s: 5, backoff_max_s: 900 },
      workers: [{ holding: 0, settings: { batch_events_max: 300 } }],
    });
  });

  it('are paused and resumed with a reason or without one, once each, and the figures say so', async () => {
    const paused = await call('POST', '/queue/fetch/pause', { reason: 'their API is down' });
    expect(paused).toMatchObject({ status: 200, body: { name: 'fetch', paused: true, reason: 'their API is down' } });
    // Who came later has not paused it, and is told who did.
    expect((await call('POST', '/queue/fetch/pause', { reason: 'me too' })).body.reason).toBe('their API is down');
    expect((await call('GET', '/queue/fetch', undefined, 'finance')).body.paused).toBe(true);
    const metrics = await (await gateway.api('/metrics')).text();
    expect(metrics).toContain('postern_queue_paused{queue="fetch"} 1');
    expect((await call('POST', '/queue/fetch/resume')).body).toMatchObject({ paused: false, reason: null });
    expect((await call('POST', '/queue/fetch/resume')).status).toBe(200);
    expect(await audited()).toEqual([
      { action: 'queue.pause', subject: 'queue:fetch', reason: 'their API is down', by_token: true },
      { action: 'queue.resume', subject: 'queue:fetch', reason: null, by_token: true },
    ]);
  });

  it('are drained: what waited for its next attempt is counted, and a pause ends', async () => {
    await call('POST', '/queue/events/pause');
    const drained = await call<Queue & { hurried: number }>('POST', '/queue/events/drain', { reason: 'mended' });
    expect(drained).toMatchObject({ status: 202, body: { name: 'events', paused: false, hurried: 0 } });
    expect((await audited()).at(-1)).toMatchObject({ action: 'queue.drain', reason: 'mended' });
  });

  it.each([
    ['POST', '/queue/everything/pause', undefined, 404],
    ['POST', '/queue/everything/drain', undefined, 404],
    ['GET', '/queue/everything', undefined, 404],
    ['POST', '/queue/events/pause', { reason: '' }, 400],
    ['POST', '/queue/events/pause', { reason: ' ' }, 400],
    ['POST', '/queue/events/pause', { reason: 'x'.repeat(501) }, 400],
    ['POST', '/queue/events/pause', { why: 'x' }, 400],
    ['POST', '/queue/events/pause', ['x'], 400],
    ['DELETE', '/queue/events', undefined, 404],
  ])('%s %s %j is refused with %i', async (method, path, body, status) => {
    expect((await call(method, path, body)).status).toBe(status);
  });

  it.each(['monitor', 'finance', 'service'])('are not paused by a token of the role %s', async (role) => {
    for (const order of ['pause', 'resume', 'drain'])
      expect((await call('POST', `/queue/events/${order}`, { reason: 'x' }, role)).status).toBe(403);
    expect((await call('GET', '/queue/events')).body.paused).toBe(false);
  });
});
