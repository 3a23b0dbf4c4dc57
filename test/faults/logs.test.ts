import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withoutSecrets } from '../../src/log.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { greeted, type Launched, launch, run } from '../support/launcher.ts';
import { chargeSucceeded, stripeEvent } from '../support/stripe-bodies.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

/** Stands in everything that nobody may read in a log. */
const CANARY = 'xyzzyCanary';
const ADMIN = `${CANARY}-admin-token-of-this-test`;
const SECRET = `whsec_${CANARY}0123456789`;
const HEX_SECRET = '5e'.repeat(32);
const KEY = `rk_test_${CANARY}0123456789`;

let database: TestDatabase;
let folder: string;
let launched: Launched;
let url: string;
const outputs: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-logs-'));
  launched = launch(['start'], { ...environment(), LOG_LEVEL: 'trace', POSTERN_ADMIN_TOKEN: ADMIN });
  url = await greeted(launched);
}, 90_000);
afterAll(async () => {
  launched.child.kill('SIGTERM');
  await launched.ended;
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const environment = () => ({
  DATABASE_URL: database.url,
  POSTERN_DATA_DIR: folder,
  POSTERN_ENCRYPTION_KEYS: TEST_KEYS,
  PORT: '0',
});

async function command(...args: string[]): Promise<void> {
  const { out, err } = await run(args, { ...environment(), LOG_LEVEL: 'trace' });
  outputs.push(out, err);
}

const api = (path: string, init: RequestInit = {}) =>
  fetch(`${url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json', ...init.headers },
  });

type Line = Record<string, unknown> & { msg?: string; route?: string };
const lines = (): Line[] =>
  launched
    .out()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
const deliveries = () => lines().filter(({ route }) => route?.startsWith('/webhooks/') === true);

async function deliver(body: string, path = '/webhooks/stripe/main', headers: Record<string, string> = {}) {
  const signed = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, SECRET, Date.now()));
  return (await fetch(`${url}${path}`, { method: 'POST', body, headers: { ...signed, ...headers } })).status;
}

/** What the log has of a delivery that is answered so: its lines. */
async function linesOf(send: () => Promise<number>): Promise<{ status: number; lines: Line[] }> {
  const before = deliveries().length;
  const status = await send();
  await eventually(() => expect(deliveries().length).toBeGreaterThan(before));
  return { status, lines: deliveries().slice(before) };
}

describe('the log', () => {
  it('has one line a delivery, whatever becomes of it', async () => {
    await command('endpoint', 'add', 'stripe', 'main', '--secret', SECRET, '--setting', `api_key=${KEY}`);
    await eventually(async () => expect(await deliver(chargeSucceeded(1))).toBe(200), { timeoutMs: 15_000 });
    const common = { provider: 'stripe', endpoint: 'main', route: '/webhooks/:provider/:endpoint', method: 'POST' };
    const stored = await linesOf(() => deliver(chargeSucceeded(2)));
    expect(stored.lines).toMatchObject([
      { ...common, level: 'info', msg: 'answered', status: 200, outcome: 'accepted', stored: 1, duplicates: 0 },
    ]);
    expect(stored.lines[0]).toMatchObject({
      delivery: expect.stringMatching(/^[0-9a-f-]{36}$/),
      bytes: chargeSucceeded(2).length,
    });
    const { rows } = await database.sql.query('select 1 from postern.deliveries where id = $1', [
      stored.lines[0]?.delivery,
    ]);
    expect(rows).toHaveLength(1);
    const copy = await linesOf(() => deliver(chargeSucceeded(2)));
    expect(copy.lines).toMatchObject([{ ...common, status: 200, outcome: 'accepted', stored: 0, duplicates: 1 }]);
    expect(copy.lines[0]?.delivery).toBeUndefined();
    for (const [send, expected] of [
      [
        () => deliver(chargeSucceeded(3), '/webhooks/stripe/main', { 'stripe-signature': 't=1,v1=00' }),
        { ...common, level: 'warn', status: 401, outcome: 'rejected', reason: expect.any(String) },
      ],
      [() => deliver(''), { ...common, level: 'warn', status: 400, outcome: 'empty' }],
      [() => deliver('x', `/webhooks/stripe/${CANARY}`), { status: 404, outcome: 'unknown_endpoint' }],
      [
        () => deliver('x'.repeat(1_100_000)),
        { ...common, level: 'warn', status: 413, outcome: 'rejected', reason: 'too_large' },
      ],
    ] as const) {
      const { lines: told } = await linesOf(send);
      expect(told).toMatchObject([expected]);
    }
  }, 60_000);

  it('and all other output has no body, no header and no secret, wherever they are sent', async () => {
    const json = (body: unknown) => ({ method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
    // Bodies that go through, fail in a rule, cannot be read, or hold what Postgres refuses.
    await deliver(chargeSucceeded(4).replace('"object":"charge"', `"object":"charge","description":"${CANARY}"`));
    for (const [n, object] of [
      { id: `ch_${CANARY}`, object: 'charge', amount: CANARY, currency: CANARY },
      { id: CANARY, object: CANARY },
      { id: 'ch_x', object: 'charge', amount: 1e300, currency: 'eur', balance_transaction: CANARY },
      { id: `nul\u0000${CANARY}`, object: 'charge', amount: 5, currency: 'eur' },
    ].entries())
      await deliver(stripeEvent(`evt_${CANARY}_${n}`, 'charge.succeeded', object));
    await deliver(`{"${CANARY}`);
    await deliver(`${CANARY}`);
    // Addresses and headers.
    await deliver(chargeSucceeded(5), `/webhooks/stripe/main?token=${CANARY}`, {
      authorization: `Bearer ${CANARY}`,
      cookie: `session=${CANARY}`,
      'x-api-key': CANARY,
      traceparent: CANARY,
    });
    for (const path of [
      `/${CANARY}`,
      `/api/v1/${CANARY}`,
      `/api/v1/events/${CANARY}`,
      `/api/v1/events?reference=${CANARY}&status=${CANARY}`,
      `/api/v1/accounts/${CANARY}/balance?at=${CANARY}`,
      `/api/v1/audit-log/${CANARY}/proof`,
      `/api/v1/audit-log?actor=${CANARY}%00`,
      `/api/v1/transactions/${CANARY}/proof`,
      `/api/v1/endpoints/1?x=${CANARY}`,
    ])
      await api(path);
    await api('/api/v1/events', { headers: { authorization: `Bearer ${CANARY}${CANARY}` } });
    await api(`/api/v1/tokens/pst_${CANARY}`, { method: 'DELETE', headers: { 'content-type': 'text/plain' } });
    // What a person configures, right and wrong.
    for (const body of [
      `{"secret":"${CANARY}`,
      { provider: 'stripe', name: 'other', secrets: [SECRET], settings: { api_key: KEY } },
      { provider: 'stripe', name: 'wrong', secrets: [CANARY], settings: { api_key: CANARY, [CANARY]: CANARY } },
      { provider: 'hmac', name: 'made', secrets: [HEX_SECRET, CANARY], settings: { signature_header: CANARY } },
      { provider: CANARY, name: CANARY, secrets: [CANARY] },
    ])
      await api('/api/v1/endpoints', json(body));
    await api('/api/v1/endpoints/1/secrets', json({ secret: `${SECRET}two` }));
    await api('/api/v1/endpoints/1', { method: 'PATCH', body: JSON.stringify({ settings: { api_key: `${KEY}2` } }) });
    await api('/api/v1/transactions', json({ transaction: { amount: CANARY }, idempotencyKey: CANARY }));
    await command('endpoint', 'add', 'stripe', 'more', '--secret', `${SECRET}cli`, '--setting', `api_key=${KEY}cli`);
    await command('endpoint', 'add', 'stripe', 'bad', '--secret', CANARY);
    await command('endpoint', 'rotate', 'stripe', 'main', '--secret', `${SECRET}rotated`);
    await command('endpoint', 'list', '--json');
    await command('audit', 'list', '--json');
    await command('doctor', '--json');
    await eventually(async () => {
      const { rows } = await database.sql.query(
        `select 1 from postern.events where status = 'queued' and attempts = 0`,
      );
      expect(rows).toEqual([]);
    });
    launched.child.kill('SIGTERM');
    const { out, err, status } = await launched.ended;
    expect(status).toBe(0);
    expect(lines().length).toBeGreaterThan(25);
    const [key = ''] = TEST_KEYS.split(':').slice(1);
    for (const told of [out, err, ...outputs].flatMap((text) => text.split('\n'))) {
      for (const secret of [CANARY, HEX_SECRET, key.split(',')[0] ?? key]) expect(told).not.toContain(secret);
      expect(told).not.toMatch(/"(?:body|headers|authorization|cookie)":"(?!\[removed\])/);
    }
  }, 90_000);
});

describe('what has the form of a credential', () => {
  it.each([
    ['a token of ours', 'bad token pst_AbC123-_xyzAbC123'],
    ['a signing secret', 'secret whsec_c2VjcmV0+/=c2VjcmV0 is wrong'],
    ['an API key', 'Invalid API Key: sk_live_51Habcdefgh'],
    ['a header', 'got authorization: Bearer abcdef.ghijkl-mno'],
    ['a basic one', 'got Basic dXNlcjpwYXNzd29yZA=='],
    ['a password in an address', 'connect postgresql://user:hunter2secret@db:5432/x failed'],
  ])('is taken out of any line: %s', (_, line) => {
    const safe = withoutSecrets(line);
    expect(safe).toContain('[removed]');
    expect(safe).not.toMatch(/AbC123|c2VjcmV0|51Habc|abcdef|dXNlcj|hunter2/);
  });

  it('and nothing else is', () => {
    for (const line of [
      '{"level":"info","route":"/webhooks/:provider/:endpoint","id":"01890a5d-ac96-774b-bcce-b302099a8057"}',
      'http://127.0.0.1:3000/webhooks/stripe/main',
      'redis://cache:6379',
      'the token is missing: Authorization: Bearer <token> is needed',
    ])
      expect(withoutSecrets(line)).toBe(line);
  });
});
