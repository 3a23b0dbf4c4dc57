import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import type { CommandContext } from '../../src/commands/context.ts';
import { register } from '../../src/commands/quarantine.ts';
import { readConfig } from '../../src/config.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { createEndpointService } from '../../src/endpoints/service.ts';
import { sqlOf } from '../../src/postgres/sql.ts';
import { providers } from '../../src/providers/index.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

const WRONG = 'whsec_somebody_mistyped_this';
const RIGHT = 'whsec_what_the_processor_has';

let database: TestDatabase;
let gateway: TestGateway;
/** What the gateway takes for the present, as far as it is ahead. */
let aheadMs = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database, { now: () => Date.now() + aheadMs });
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

type Json = Record<string, unknown>;
type Answer = { status: number; body: Json & { items: (Json & { id: string })[] } };

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await gateway.api(`/api/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

const service = () =>
  createEndpointService({
    pool: gateway.gateway.pools.api,
    providers,
    keyring: parseKeyring(TEST_KEYS),
    clock: { now: () => Date.now() },
  });

async function endpoint(name: string, secrets = [WRONG], provider = 'stripe', settings = {}): Promise<number> {
  const made = await service().create(
    { provider, name, secrets: secrets.map((secret) => ({ secret })), settings },
    'test',
  );
  await gateway.gateway.reloadEndpoints();
  return made.id;
}

async function deliver(name: string, body: string, secret = RIGHT, at = Date.now()): Promise<number> {
  const headers = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, secret, at));
  return (await fetch(`${gateway.url}/webhooks/stripe/${name}`, { method: 'POST', body, headers })).status;
}

async function held(name: string): Promise<Answer['body']['items']> {
  return (await call('GET', `/quarantine?endpoint=${name}`)).body.items;
}

async function heldIs(name: string, count: number): Promise<Answer['body']['items']> {
  return eventually(async () => {
    const items = await held(name);
    expect(items).toHaveLength(count);
    return items;
  });
}

async function events(name: string): Promise<Json[]> {
  const { rows } = await database.sql.query<Json>(
    `select e.event_id, e.status, e.duplicates from postern.events e join postern.endpoints n on n.id = e.endpoint_id
     where n.name = $1 order by 1`,
    [name],
  );
  return rows;
}

describe('a secret that was wrong for a while', () => {
  it('costs nothing: what came meanwhile is kept, and taken in once the secret is right', async () => {
    const id = await endpoint('mended');
    for (const n of ['m1', 'm2', 'm3']) expect(await deliver('mended', chargeSucceeded(n))).toBe(401);
    // The processor tries again, in the same bytes.
    expect(await deliver('mended', chargeSucceeded('m1'))).toBe(401);
    const items = await heldIs('mended', 4);
    expect(items[0]).toMatchObject({
      provider: 'stripe',
      endpoint: 'mended',
      reason: 'signature_mismatch',
      source_ip: '127.0.0.1',
    });
    expect((await call('POST', '/quarantine/recheck', { endpoint: 'stripe/mended' })).body).toMatchObject({
      checked: 4,
      authentic: 0,
      taken_in: 0,
      refused: [{ reason: 'signature_mismatch', requests: 4, what_to_do: expect.stringContaining('secret') }],
      left: 4,
    });

    const made = await service().addSecret(id, { secret: RIGHT }, 'test');
    // Without waiting for this instance to hear of it.
    const dry = await call('POST', '/quarantine/recheck', { endpoint: 'stripe/mended', dry_run: true });
    expect(dry).toMatchObject({
      status: 200,
      body: { dry_run: true, checked: 4, authentic: 4, taken_in: 0, events: { new: 3, duplicates: 1 }, left: 4 },
    });
    expect(await events('mended')).toEqual([]);

    const done = await call('POST', '/quarantine/recheck', { endpoint: String(id), reason: 'the secret was mistyped' });
    expect(done.body).toMatchObject({
      dry_run: false,
      checked: 4,
      authentic: 4,
      taken_in: 4,
      events: { new: 3, duplicates: 1, conflicts: 0 },
      refused: [],
      left: 0,
      next_cursor: null,
    });
    await eventually(async () =>
      expect(await events('mended')).toEqual([
        { event_id: 'evt_m1', status: 'posted', duplicates: 1 },
        { event_id: 'evt_m2', status: 'posted', duplicates: 0 },
        { event_id: 'evt_m3', status: 'posted', duplicates: 0 },
      ]),
    );
    // The use of the secret counts for when it was used.
    await eventually(async () => {
      const [, second] = (await service().get(id)).secrets;
      expect(second).toMatchObject({ id: made.id, uses: 4n });
    });
    const log = await call('GET', '/audit-log?limit=2');
    expect(log.body.items).toMatchObject([
      {
        action: 'quarantine.taken_in',
        subject: `endpoint:${id}`,
        details: { requests: 4, events: { stored: 3, duplicates: 1, conflicts: 0 } },
      },
      { action: 'quarantine.recheck', subject: `endpoint:${id}`, reason: 'the secret was mistyped' },
    ]);
    // Again: nothing left, and a webhook's own copy is a duplicate.
    expect((await call('POST', '/quarantine/recheck', { endpoint: String(id) })).body).toMatchObject({ checked: 0 });
    expect(await deliver('mended', chargeSucceeded('m2'))).toBe(200);
    await eventually(async () => expect((await events('mended'))[1]).toMatchObject({ duplicates: 1 }));
  });

  it('says in the delivery where it came from, without a credential', async () => {
    const { rows } = await database.sql.query<{ headers: string; method: string }>(
      `select d.headers, d.method from postern.deliveries d join postern.events e on e.delivery_id = d.id
       where e.event_id = 'evt_m2'`,
    );
    expect(JSON.parse(rows[0]?.headers ?? '[]')[0]).toEqual([
      'postern-quarantine',
      expect.stringMatching(/^[0-9a-f-]{36} \d{4}-\d\d-\d\dT/),
    ]);
    expect(rows[0]?.method).toBe('POST');
  });

  it('verifies with the secrets valid then, or with those that are named', async () => {
    const id = await endpoint('windows');
    await deliver('windows', chargeSucceeded('w1'));
    await heldIs('windows', 1);
    const later = await service().addSecret(id, { secret: RIGHT, notBefore: Date.now() + 1_000 }, 'test');
    const recheck = (body: object) => call('POST', '/quarantine/recheck', { endpoint: 'stripe/windows', ...body });
    expect((await recheck({})).body).toMatchObject({ authentic: 0, refused: [{ reason: 'signature_mismatch' }] });
    const [first] = (await service().get(id)).secrets;
    expect((await recheck({ secrets: [first?.id] })).body).toMatchObject({ authentic: 0 });
    expect((await recheck({ secrets: [later.id] })).body).toMatchObject({ taken_in: 1, secrets: [later.id] });
  });

  it('verifies at the time of receipt: days later what was fresh then is fresh, and what was stale then is not', async () => {
    const id = await endpoint('aged');
    await deliver('aged', chargeSucceeded('a1'));
    await deliver('aged', chargeSucceeded('a2'), RIGHT, Date.now() - 1_800_000);
    await service().addSecret(id, { secret: RIGHT }, 'test');
    await gateway.gateway.reloadEndpoints();
    await deliver('aged', chargeSucceeded('a3'), RIGHT, Date.now() - 1_800_000);
    const items = await heldIs('aged', 3);
    expect(items.map(({ reason }) => reason)).toEqual(['stale', 'signature_mismatch', 'signature_mismatch']);
    aheadMs = 5 * 86_400_000;
    try {
      expect((await call('POST', '/quarantine/recheck', { endpoint: 'stripe/aged' })).body).toMatchObject({
        checked: 3,
        taken_in: 1,
        refused: [{ reason: 'stale', requests: 2, detail: expect.stringContaining('1800 s ago') }],
        left: 2,
      });
    } finally {
      aheadMs = 0;
    }
    await service().patch(id, { settings: { tolerance_s: 3_600 } }, 'test');
    expect((await call('POST', '/quarantine/recheck', { endpoint: 'stripe/aged' })).body).toMatchObject({
      taken_in: 2,
    });
  });

  it('takes each in once, when several recheck at the same time', async () => {
    const id = await endpoint('together');
    const count = 250;
    for (let n = 0; n < count; n += 50)
      await Promise.all(Array.from({ length: 50 }, (_, k) => deliver('together', chargeSucceeded(`t${n + k}`), RIGHT)));
    await eventually(
      async () => expect((await call('GET', '/quarantine?endpoint=together&limit=500')).body.items).toHaveLength(count),
      { timeoutMs: 15_000 },
    );
    await service().addSecret(id, { secret: RIGHT }, 'test');
    const answers = await Promise.all(
      [1, 2, 3].map(() => call('POST', '/quarantine/recheck', { endpoint: 'together' })),
    );
    const sum = answers.reduce((total, { body }) => total + Number(body.taken_in), 0);
    expect(sum).toBe(count);
    const kinds = await database.sql.query(
      'select sum(held) as held, sum(bytes) as bytes from postern.quarantine_kinds where endpoint_id = $1',
      [id],
    );
    expect(kinds.rows).toMatchObject([{ held: 0n, bytes: '0' }]);
    const rows = await events('together');
    expect(rows).toHaveLength(count);
    expect(rows.filter(({ duplicates }) => duplicates !== 0)).toEqual([]);
    expect(await held('together')).toEqual([]);
  });
});

describe('what is kept', () => {
  it('keeps the secret of a token in no form that could be used, and verifies it all the same', async () => {
    const id = await endpoint('tokens', ['the-wrong-token'], 'xendit');
    const body = JSON.stringify({
      event: 'payment.capture',
      business_id: 'biz',
      created: '2026-01-01T00:00:00Z',
      data: { payment_id: 'py-1', status: 'SUCCEEDED', request_amount: 1000, currency: 'IDR' },
    });
    const answer = await fetch(`${gateway.url}/webhooks/xendit/tokens`, {
      method: 'POST',
      body,
      headers: { 'x-callback-token': 'the-right-token', 'webhook-id': 'wh-1', cookie: 'session=crumbs' },
    });
    expect(answer.status).toBe(401);
    const [item] = await heldIs('tokens', 1);
    const shown = JSON.stringify((await call('GET', `/quarantine/${item?.id}`)).body);
    const stored = JSON.stringify(
      (await database.sql.query('select * from postern.quarantine where endpoint_id = $1', [id])).rows,
    );
    for (const text of [shown, stored]) {
      expect(text).not.toContain('the-right-token');
      expect(text).not.toContain('crumbs');
      expect(text).toContain('hmac-sha256:');
    }
    await service().addSecret(id, { secret: 'the-right-token' }, 'test');
    expect((await call('POST', '/quarantine/recheck', { endpoint: 'xendit/tokens' })).body).toMatchObject({
      taken_in: 1,
      events: { new: 1 },
    });
    const { rows } = await database.sql.query<{ headers: string; level: string }>(
      'select headers, level from postern.deliveries where endpoint_id = $1',
      [id],
    );
    expect(rows[0]?.level).toBe('token');
    expect(rows[0]?.headers).not.toContain('the-right-token');
  });

  it('does not take a stored hash, sent by somebody who read it, for the token', async () => {
    const hash = parseKeyring(TEST_KEYS).hashCredential('the-right-token');
    const send = (token: string) =>
      fetch(`${gateway.url}/webhooks/xendit/tokens`, {
        method: 'POST',
        body: JSON.stringify({ event: 'payment.capture', data: { payment_id: 'py-2' } }),
        headers: { 'x-callback-token': token },
      });
    expect((await send(hash)).status).toBe(401);
    await heldIs('tokens', 1);
    expect((await call('POST', '/quarantine/recheck', { endpoint: 'xendit/tokens' })).body).toMatchObject({
      authentic: 0,
      left: 1,
    });
  });

  it('is not what does not look like the processor’s; all of it is counted', async () => {
    const id = await endpoint('strangers');
    const url = `${gateway.url}/webhooks/stripe/strangers`;
    const signed = (body: string) => Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, RIGHT, Date.now()));
    const large = chargeSucceeded('l', { description: 'x'.repeat(70_000) });
    for (const [body, headers] of [
      [chargeSucceeded('n'), {}],
      ['not json', signed('not json')],
      ['', signed('')],
      [large, signed(large)],
      [chargeSucceeded('kept'), signed(chargeSucceeded('kept'))],
    ] as const)
      expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(401);
    expect((await fetch(`${gateway.url}/webhooks/stripe/nobody`, { method: 'POST', body: '{}' })).status).toBe(404);
    const [item] = await heldIs('strangers', 1);
    expect((await call('GET', `/quarantine/${item?.id}`)).body).toMatchObject({
      id: item?.id,
      method: 'POST',
      url,
      headers: expect.arrayContaining([['stripe-signature', expect.stringMatching(/^t=\d+,v1=/)]]),
      body_base64: Buffer.from(chargeSucceeded('kept')).toString('base64'),
      kept_every: 1,
    });
    await eventually(async () => {
      const { items } = (await call('GET', '/quarantine/groups?endpoint=strangers')).body;
      expect(items).toMatchObject([
        { reason: 'signature_mismatch', refused_24h: 4, held: 1, kept_every: 1 },
        { reason: 'signature_missing', refused_24h: 1, held: 0, first: null },
      ]);
      const all = (await call('GET', '/quarantine/groups')).body.items;
      expect(all.find(({ reason }) => reason === 'unknown_endpoint')).toMatchObject({
        provider: null,
        endpoint: null,
        refused_24h: 1,
        held: 0,
      });
    });
    const { rows } = await database.sql.query<{ n: bigint }>(
      'select sum(rejected)::int8 as n from postern.endpoint_minutes where endpoint_id in (0, $1)',
      [id],
    );
    expect(rows).toEqual([{ n: 5n }]);
  });

  it('stays where the intake cannot take it in, and none of it is lost', async () => {
    const id = await endpoint('stays');
    for (const n of ['s1', 's2']) await deliver('stays', chargeSucceeded(n));
    await heldIs('stays', 2);
    await service().addSecret(id, { secret: RIGHT }, 'test');
    await database.sql.query('alter table postern.events rename to events_away');
    const away = await call('POST', '/quarantine/recheck', { endpoint: 'stripe/stays' });
    await database.sql.query('alter table postern.events_away rename to events');
    expect(away.status).toBeGreaterThanOrEqual(500);
    expect(await held('stays')).toHaveLength(2);
    expect((await call('POST', '/quarantine/recheck', { endpoint: 'stripe/stays' })).body).toMatchObject({
      taken_in: 2,
    });
  });
});

describe('GET /quarantine', () => {
  it('filters and pages', async () => {
    await endpoint('paged');
    for (const n of ['p1', 'p2', 'p3']) await deliver('paged', chargeSucceeded(n));
    const items = await heldIs('paged', 3);
    const first = (await call('GET', '/quarantine?endpoint=paged&limit=2')).body;
    const second = (await call('GET', `/quarantine?endpoint=paged&limit=2&cursor=${String(first.next_cursor)}`)).body;
    expect([...first.items, ...second.items]).toEqual(items);
    expect(second.next_cursor).toBeNull();
    for (const query of ['provider=adyen', 'reason=stale', 'to=2020-01-01T00:00:00Z', 'from=2100-01-01T00:00:00Z'])
      expect((await call('GET', `/quarantine?endpoint=paged&${query}`)).body.items).toEqual([]);
    for (const query of ['cursor=x', 'limit=0', 'limit=501', 'from=yesterday', 'status=held'])
      expect((await call('GET', `/quarantine?${query}`)).status, query).toBe(400);
  });

  it('knows only what there is', async () => {
    for (const id of ['x', '00000000-0000-7000-8000-000000000000', '%00'])
      expect((await call('GET', `/quarantine/${id}`)).status).toBe(404);
  });
});

describe('POST /quarantine/recheck', () => {
  it.each<[string, object, number]>([
    ['no endpoint', {}, 400],
    ['an endpoint that is not there', { endpoint: 'stripe/nobody' }, 404],
    ['a secret that is none of its', { endpoint: 'stripe/mended', secrets: ['x'] }, 400],
    ['no secret at all', { endpoint: 'stripe/mended', secrets: [] }, 400],
    ['a cursor of ours that is none', { endpoint: 'stripe/mended', cursor: 'x' }, 400],
    ['what it does not know', { endpoint: 'stripe/mended', dryrun: true }, 400],
  ])('refuses %s', async (_name, body, status) => {
    expect((await call('POST', '/quarantine/recheck', body)).status).toBe(status);
  });

  it('asks which of several endpoints of one name is meant', async () => {
    await endpoint('twice');
    await endpoint('twice', ['0'.repeat(64)], 'adyen');
    const { status, body } = await call('POST', '/quarantine/recheck', { endpoint: 'twice' });
    expect({ status, body }).toMatchObject({ status: 400, body: { errors: [{ path: '/endpoint' }] } });
  });

  it('is for operators', async () => {
    const tokens = createTokenService({ pool: gateway.gateway.pools.api });
    for (const [role, status] of [
      ['finance', 403],
      ['monitor', 403],
      ['service', 403],
      ['ops', 200],
    ] as const) {
      const { token } = await tokens.create({ name: `quarantine-${role}`, roles: [role], expiresAt: null }, 'test');
      await gateway.gateway.reloadTokens();
      for (const [method, path, body] of [
        ['GET', '/quarantine', null],
        ['GET', '/quarantine/groups', null],
        ['POST', '/quarantine/recheck', '{"endpoint":"stripe/mended"}'],
      ] as const) {
        const response = await fetch(`${gateway.url}/api/v1${path}`, {
          method,
          body,
          headers: {
            authorization: `Bearer ${token}`,
            ...(body === null ? {} : { 'content-type': 'application/json' }),
          },
        });
        expect([role, path, response.status]).toEqual([role, path, status]);
      }
    }
  });
});

describe('npx postern quarantine', () => {
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
    };
    const program = new Command('postern').exitOverride().configureOutput({ writeErr: () => undefined });
    register(program, context);
    try {
      await program.parseAsync(['quarantine', ...args], { from: 'user' });
    } finally {
      await pools.end();
    }
    return { out, failed };
  }

  it('leads from what is refused to what is taken in', async () => {
    const id = await endpoint('console');
    for (const n of ['c1', 'c2']) await deliver('console', chargeSucceeded(n));
    const [item] = await heldIs('console', 2);
    await eventually(async () =>
      expect((await postern(['groups', '--endpoint', 'stripe/console'], false)).out).toMatch(
        /stripe\/console +signature_mismatch +2 +2 +all/,
      ),
    );
    expect((await postern(['list', '--endpoint', 'stripe/console'], false)).out).toContain(item?.id);
    const { out } = await postern(['show', String(item?.id)], false);
    expect(out).toContain('signature_mismatch');
    expect(out).toContain('"id":"evt_c2"');
    expect(JSON.parse((await postern(['show', String(item?.id)])).out)).toMatchObject({ id: item?.id });

    const secret = await service().addSecret(id, { secret: RIGHT }, 'test');
    const dry = await postern(['recheck', '--endpoint', 'stripe/console', '--dry-run'], false);
    expect(dry.out).toMatch(/^authentic +2$/m);
    expect(dry.out).toContain('Nothing was changed');
    expect(await held('console')).toHaveLength(2);
    const done = await postern(['recheck', '--endpoint', 'stripe/console', '--reason', 'mistyped']);
    expect(JSON.parse(done.out)).toMatchObject({ taken_in: 2, events: { new: 2 }, left: 0 });
    expect(done.failed).toBe(false);
    await eventually(async () =>
      expect((await events('console')).map(({ status }) => status)).toEqual(['posted', 'posted']),
    );
    const uses = (await service().get(id)).secrets.find((one) => one.id === secret.id);
    expect(uses).toMatchObject({ uses: 2n });
    expect((await call('GET', '/audit-log?limit=2')).body.items).toMatchObject([
      { action: 'quarantine.taken_in', actor: 'cli:test', reason: 'mistyped' },
      { action: 'quarantine.recheck', actor: 'cli:test', reason: 'mistyped' },
    ]);
    const none = await postern(['recheck', '--endpoint', 'stripe/console'], false);
    expect(none.out).toBe('Nothing of stripe/console is in quarantine.\n');
    expect((await postern(['list', '--endpoint', 'stripe/console'], false)).out).toBe(
      'Nothing in quarantine is like that.\n',
    );
  });

  it.each([
    ['no endpoint', ['recheck']],
    ['what is no endpoint', ['recheck', '--endpoint', 'main']],
    ['a time that is none', ['list', '--from', 'yesterday']],
    ['no id', ['show']],
    ['a command that is none', ['release']],
  ])('refuses %s', async (_name, args) => {
    await expect(postern(args)).rejects.toMatchObject({ exitCode: 1 });
  });

  it('knows only what there is', async () => {
    await expect(postern(['recheck', '--endpoint', 'stripe/other'])).rejects.toMatchObject({ code: 'not_found' });
    await expect(postern(['show', 'x'])).rejects.toMatchObject({ code: 'not_found' });
    await expect(postern(['recheck', '--endpoint', 'stripe/mended', '--secret', 'x'])).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});
