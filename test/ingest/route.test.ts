import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

const SECRET = 'whsec_route_tests_secret';
let database: TestDatabase;
let gateway: TestGateway;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
  await gateway.addEndpoint('stripe', 'main', [SECRET]);
  await gateway.addEndpoint('stripe', 'default', [SECRET]);
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

function signed(body: string | Buffer, secret = SECRET, now = Date.now()): Record<string, string> {
  return Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, secret, now));
}

function post(
  body: string | Buffer,
  headers: Record<string, string>,
  path = '/webhooks/stripe/main',
): Promise<Response> {
  return fetch(gateway.url + path, { method: 'POST', body: new Uint8Array(Buffer.from(body)), headers });
}

async function stored(eventId: string): Promise<number> {
  const { rows } = await database.sql.query<{ n: bigint }>(
    'select count(*) as n from postern.events where event_id = $1',
    [eventId],
  );
  return Number(rows[0]?.n);
}

describe('POST /webhooks/:provider/:endpoint', () => {
  it('acknowledges what is signed and stores it with its exact bytes', async () => {
    const body = chargeSucceeded('r1');
    const response = await post(body, signed(body));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ received: true });
    const { rows } = await database.sql.query<{ body: Buffer; headers: string }>(
      'select d.body, d.headers from postern.deliveries d join postern.events e on e.delivery_id = d.id where e.event_id = $1',
      ['evt_r1'],
    );
    expect(rows[0]?.body.toString()).toBe(body);
    await eventually(async () => {
      const seen = (await (await gateway.api('/api/v1/events?event_id=evt_r1')).json()) as {
        items: { status: string }[];
      };
      expect(seen.items).toMatchObject([{ status: 'posted', references: { payment: ['ch_r1'] } }]);
    });
  });

  it('serves the endpoint "default" without its name', async () => {
    const body = chargeSucceeded('r2');
    expect((await post(body, signed(body), '/webhooks/stripe')).status).toBe(200);
  });

  it.each([
    ['an unknown provider', '/webhooks/nobody/main', 404],
    ['an unknown endpoint', '/webhooks/stripe/nobody', 404],
  ])('answers %s with a problem', async (_, path, status) => {
    const body = chargeSucceeded('r3');
    const response = await post(body, signed(body), path);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({ status });
  });

  it('refuses GET', async () => {
    const response = await fetch(`${gateway.url}/webhooks/stripe/main`);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });

  it.each([
    ['no signature', {}],
    ['a wrong secret', signed(chargeSucceeded('bad'), 'whsec_another_secret_than_ours')],
    ['a stale signature', signed(chargeSucceeded('bad'), SECRET, Date.now() - 3_600_000)],
    ['a signature of other bytes', signed(chargeSucceeded('other'))],
  ])('refuses %s and stores nothing', async (_, headers) => {
    const response = await post(chargeSucceeded('bad'), { 'content-type': 'application/json', ...headers });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ status: 401, title: 'Unauthorized' });
    expect(await stored('evt_bad')).toBe(0);
  });

  it('refuses a signed empty body', async () => {
    expect((await post('', signed(''))).status).toBe(400);
  });

  it('keeps what is signed but no JSON as a dead event', async () => {
    const body = 'not json at all';
    expect((await post(body, signed(body))).status).toBe(200);
    const seen = (await (await gateway.api('/api/v1/events?status=dead')).json()) as { items: unknown[] };
    expect(seen.items).toMatchObject([
      { reason: 'unreadable', event_id: expect.stringMatching(/^sha256:/), error: { code: 'unreadable_event' } },
    ]);
  });

  it('takes a body whatever its content type says', async () => {
    for (const [n, type] of ['', 'nonsense', 'application/json; charset=', 'text/plain'].entries()) {
      const body = chargeSucceeded(`type${n}`);
      const status = (await post(body, { ...signed(body), 'content-type': type })).status;
      expect({ type, status }).toEqual({ type, status: 200 });
    }
  });

  it('verifies gzip as it was signed, and refuses a bomb', async () => {
    const body = chargeSucceeded('gz');
    expect((await post(gzipSync(body), { ...signed(body), 'content-encoding': 'gzip' })).status).toBe(200);
    const bomb = gzipSync(Buffer.alloc(20 * 1024 * 1024));
    expect((await post(bomb, { ...signed(''), 'content-encoding': 'gzip' })).status).toBe(413);
  });

  it('refuses a body over the limit, announced or not', async () => {
    const big = Buffer.alloc(1024 * 1024 + 1, 'x');
    expect((await post(big, signed(big))).status).toBe(413);
    const { port } = new URL(gateway.url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.on('close', () => resolve(text));
      socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)));
      socket.write(
        'POST /webhooks/stripe/main HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n',
      );
      const chunk = Buffer.alloc(128 * 1024, 'y');
      for (let n = 0; n < 10; n += 1) socket.write(`${chunk.length.toString(16)}\r\n${chunk.toString()}\r\n`);
      socket.end('0\r\n\r\n');
    });
    expect(answer).toContain(' 413 ');
  });

  it('never shows a secret, and counts its uses', async () => {
    const text = await eventually(async () => {
      const seen = await (await gateway.api('/api/v1/endpoints')).text();
      expect(seen).toMatch(/"uses":[1-9]/);
      return seen;
    });
    expect(text).not.toContain(SECRET);
  });
});
