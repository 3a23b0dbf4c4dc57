import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChangeListener } from '../../src/change-listener.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { addSecretUses, findEndpoint } from '../../src/endpoints/endpoint-store.ts';
import { createEndpointRegistry } from '../../src/endpoints/registry.ts';
import { createEndpointService } from '../../src/endpoints/service.ts';
import type { Sql } from '../../src/postgres/sql.ts';
import { providers } from '../../src/providers/index.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const keyring = parseKeyring(`k1:${randomBytes(32).toString('base64')}`);
const SECRET = 'whsec_first_0123456789';
const OTHER = 'whsec_other_0123456789';
let made = 0;

function fixture(sql: Sql = database.app) {
  const clock = { ms: Date.now(), now: () => clock.ms };
  const registry = createEndpointRegistry({ sql, providers, keyring, clock, log: database.log });
  const service = createEndpointService({ pool: database.appPool, providers, keyring, clock });
  made += 1;
  const name = `e${made}`;
  const create = (extra: object = {}) =>
    service.create({ provider: 'stripe', name, secrets: [{ secret: SECRET }], ...extra }, 'token:test');
  return { clock, registry, service, name, create };
}

async function giveEvent(endpointId: number): Promise<void> {
  const id = uuidv7(Date.now());
  await database.sql.query(
    `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account)
     values ($1, $1, now(), $2, 0, 'evt_1', '\\x00', 'charge.succeeded', 'a')`,
    [id, endpointId],
  );
}

describe('endpoint service', () => {
  it('never shows a secret, nor stores it in clear', async () => {
    const { create, service } = fixture();
    const endpoint = await create();
    const stored = await database.sql.query<{ all: string }>(
      `select (select json_agg(s)::text from postern.endpoint_secrets s) || (select json_agg(a)::text from postern.audit_log a) as all`,
    );
    for (const text of [
      JSON.stringify(await service.get(endpoint.id), (_k, v) => (typeof v === 'bigint' ? String(v) : v)),
      stored.rows[0]?.all,
    ]) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(Buffer.from(SECRET).toString('hex'));
    }
  });

  it('is found by the two names of its address, and by both only', async () => {
    const { name, service } = fixture();
    const stripe = await service.create({ provider: 'stripe', name }, 'test');
    const square = await service.create({ provider: 'square', name }, 'test');
    expect((await findEndpoint(database.app, 'stripe', name))?.id).toBe(stripe.id);
    expect((await findEndpoint(database.app, 'square', name))?.id).toBe(square.id);
    expect(await findEndpoint(database.app, 'adyen', name)).toBeUndefined();
    expect(await findEndpoint(database.app, 'stripe', `${name}x`)).toBeUndefined();
  });

  it('takes the only account it carries as its own', async () => {
    const { service, registry, name } = fixture();
    await service.create({ provider: 'adyen', name, settings: { accounts: ['ShopNL'] } }, 'test');
    await registry.load();
    expect(registry.find('adyen', name)?.account).toBe('ShopNL');
  });

  it('changes its account while it has events only where these name theirs', async () => {
    const { service, registry, name, create } = fixture();
    const adyen = await service.create({ provider: 'adyen', name }, 'test');
    await giveEvent(adyen.id);
    await service.patch(adyen.id, { settings: { account: 'ShopNL' } }, 'test');
    await registry.load();
    expect(registry.find('adyen', name)?.account).toBe('ShopNL');
    await database.sql.query('select postern.ledger_open_accounts($1, $2, $3)', [
      ['asset:processor_pending:adyen:ShopNL'],
      ['asset'],
      [true],
    ]);
    await expect(service.patch(adyen.id, { settings: { account: 'ShopDE' } }, 'test')).rejects.toThrow('cannot change');
    const stripe = await create();
    await giveEvent(stripe.id);
    await expect(service.patch(stripe.id, { settings: { account: 'acct_1' } }, 'test')).rejects.toThrow(
      'cannot change',
    );
  });

  it('takes settings of one account only with its account, where each event names its own', async () => {
    const { service, name } = fixture();
    const settings = { live_from: '2026-03-01' };
    await expect(service.create({ provider: 'adyen', name, settings }, 'test')).rejects.toMatchObject({
      faults: [{ path: '/settings/account', message: expect.stringContaining('live_from') }],
    });
    const several = { ...settings, accounts: ['ShopNL', 'ShopDE'] };
    await expect(service.create({ provider: 'adyen', name, settings: several }, 'test')).rejects.toThrow('live_from');
    const named = { ...settings, account: 'ShopNL' };
    expect(await service.create({ provider: 'adyen', name, settings: named }, 'test')).toMatchObject({ name });
    expect(await service.create({ provider: 'stripe', name, settings }, 'test')).toMatchObject({ name });
  });

  it('takes the endpoint name as account where none is set', async () => {
    const { create, registry, name } = fixture();
    await create();
    await registry.load();
    expect(registry.find('stripe', name)?.account).toBe(name);
  });

  it.each([
    ['an unknown provider', { provider: 'nobody' }, '/provider'],
    ['a name with a slash', { name: 'a/b' }, '/name'],
    ['an API key as secret', { secrets: [{ secret: 'sk_live_abc' }] }, '/secrets/0/secret'],
    ['an unknown setting', { settings: { nonsense: 1 } }, '/settings/nonsense'],
    [
      'a window that ends before it begins',
      { secrets: [{ secret: SECRET, notBefore: 2, notAfter: 1 }] },
      '/secrets/0/not_after',
    ],
  ])('refuses %s and says where', async (_name, extra, path) => {
    await expect(fixture().create(extra)).rejects.toMatchObject({
      code: 'invalid_request',
      faults: expect.arrayContaining([expect.objectContaining({ path })]),
    });
  });

  it.each([
    ['stripe', 'batch', "Stripe's reports know payout and balance"],
    ['adyen', 'payout', "Adyen's reports know batch"],
    ['paypal', 'payout', "PayPal's reports know balance"],
    ['paddle', 'payout', 'no settlement report of Paddle is read: leave it out'],
    ['stripe', 'weekly', 'must be one of payout, batch, balance'],
  ])('refuses %s in mode %s: its reports know it not', async (provider, mode, message) => {
    const { create } = fixture();
    const own = provider === 'paypal' ? { webhook_id: '1AB23456CD789012E' } : {};
    const settings = { ...own, ...(provider === 'adyen' ? { account: 'ShopNL' } : {}), settlement_mode: mode };
    await expect(create({ provider, settings, secrets: [] })).rejects.toMatchObject({
      faults: [{ path: '/settings/settlement_mode', message }],
    });
  });

  it.each([
    ['stripe', 'payout'],
    ['stripe', 'balance'],
    ['mollie', 'balance'],
    ['adyen', 'batch'],
    ['braintree', 'batch'],
    ['checkout', 'payout'],
  ])('takes %s in mode %s', async (provider, mode) => {
    const { create } = fixture();
    const own = provider === 'mollie' ? { webhooks: 'signed' } : {};
    const settings = { ...own, ...(provider === 'adyen' ? { account: 'ShopNL' } : {}), settlement_mode: mode };
    await expect(create({ provider, settings, secrets: [] })).resolves.toMatchObject({ settings });
  });

  it('keeps a mode that was stored before it was checked, until somebody changes it', async () => {
    const { create, service, registry, name } = fixture();
    const { id } = await create();
    await database.sql.query(`update postern.endpoints set settings = '{"settlement_mode": "batch"}' where id = $1`, [
      id,
    ]);
    await registry.load();
    expect(registry.find('stripe', name)?.settings).toEqual({ settlement_mode: 'batch' });
    await expect(service.patch(id, { settings: { tolerance_s: 60 } }, 'token:test')).resolves.toMatchObject({
      settings: { settlement_mode: 'batch', tolerance_s: 60 },
    });
    await service.patch(id, { settings: { settlement_mode: null } }, 'token:test');
    await expect(service.patch(id, { settings: { settlement_mode: 'batch' } }, 'token:test')).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it('refuses a name that is taken', async () => {
    const { create } = fixture();
    await create();
    await expect(create()).rejects.toMatchObject({ code: 'conflict' });
  });

  it('merges settings: what is not named stays, null removes', async () => {
    const { create, service } = fixture();
    const { id } = await create({ settings: { mode: 'test', tolerance_s: 60 } });
    const changed = await service.patch(id, { settings: { mode: null }, disabled: true }, 'token:test');
    expect(changed).toMatchObject({ disabled: true, settings: { tolerance_s: 60 } });
    expect(changed.settings).not.toHaveProperty('mode');
  });

  it('is not deleted, and keeps its account, once it has events', async () => {
    const { create, service } = fixture();
    const { id } = await create();
    await giveEvent(id);
    await expect(service.remove(id, 'token:test')).rejects.toMatchObject({ code: 'conflict' });
    await expect(service.patch(id, { settings: { account: 'acct_2' } }, 'token:test')).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(service.patch(id, { disabled: true }, 'token:test')).resolves.toMatchObject({ disabled: true });
  });

  it('is deleted with its secrets while it has none', async () => {
    const { create, service } = fixture();
    const { id } = await create();
    await service.remove(id, 'token:test');
    await expect(service.get(id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('writes who did it', async () => {
    const { create, service } = fixture();
    const { id } = await create();
    await service.rotate(id, OTHER, 1_000, 'cli:me');
    const log = await database.sql.query('select actor, action from postern.audit_log where subject = $1 order by id', [
      `endpoint:${id}`,
    ]);
    expect(log.rows).toEqual([
      { actor: 'token:test', action: 'endpoint.create' },
      { actor: 'cli:me', action: 'secret.rotate' },
    ]);
  });
});

describe('rolling a secret', () => {
  it('ends the others only once the new one has begun', async () => {
    const { clock, create, service } = fixture();
    const { id } = await create();
    await service.addSecret(id, { secret: OTHER, notBefore: clock.ms + 5_000 }, 'test', 1_000);
    const [old, young] = (await service.get(id)).secrets;
    expect(old?.not_after).toEqual(new Date(clock.ms + 6_000));
    expect(young).toMatchObject({ state: 'waiting', not_after: null, removableAt: null });
  });

  it('never lengthens the life of a secret that ends sooner', async () => {
    const { clock, create, service } = fixture();
    const { id } = await create({ secrets: [{ secret: SECRET, notAfter: clock.ms + 1_000 }] });
    await service.rotate(id, OTHER, 60_000, 'test');
    expect((await service.get(id)).secrets[0]?.not_after).toEqual(new Date(clock.ms + 1_000));
  });

  it('leaves the others alone where no overlap is given', async () => {
    const { create, service } = fixture();
    const { id } = await create();
    await service.addSecret(id, { secret: OTHER }, 'test');
    expect((await service.get(id)).secrets.map(({ not_after: end }) => end)).toEqual([null, null]);
  });

  it('removes with care only what is idle long enough, and then leaves the last', async () => {
    const { clock, create, service } = fixture();
    const { id } = await create();
    await service.addSecret(id, { secret: OTHER }, 'test');
    const [old = '', young = ''] = (await service.get(id)).secrets.map((secret) => secret.id);
    const remove = (secret: string) => service.removeSecret(id, secret, 'test', { careful: true });
    await expect(remove(old)).rejects.toMatchObject({ code: 'conflict' });
    await addSecretUses(
      database.app,
      new Map([old, young].map((secret) => [secret, { uses: 1, lastUsedAt: clock.ms }])),
    );
    await expect(remove(old)).rejects.toMatchObject({ code: 'conflict' });
    clock.ms += 24 * 3_600_000 - 1;
    await expect(remove(old)).rejects.toMatchObject({ code: 'conflict' });
    clock.ms += 1;
    await expect(remove(young)).rejects.toMatchObject({ code: 'conflict' });
    await remove(old);
    await expect(remove(young)).rejects.toMatchObject({ code: 'conflict' });
    await expect(remove(old)).rejects.toMatchObject({ code: 'not_found' });
    expect((await service.get(id)).secrets.map((secret) => secret.id)).toEqual([young]);
  });
});

describe('endpoint registry', () => {
  it('finds by name and number, and nothing by another', async () => {
    const { create, registry, name } = fixture();
    const { id } = await create();
    await registry.load();
    expect(registry.byId(id)?.secrets[0]?.secret).toBe(SECRET);
    expect(registry.find('adyen', name)).toBeUndefined();
    expect(registry.find('stripe', 'nobody')).toBeUndefined();
  });

  it('counts both secrets as valid during a rotation, and only the new one after it', async () => {
    const { clock, create, registry, service, name } = fixture();
    const { id } = await create();
    await service.rotate(id, OTHER, 60_000, 'token:test');
    await registry.load();
    const endpoint = registry.find('stripe', name);
    if (endpoint === undefined) throw new Error('the endpoint is missing');
    const active = (at: number) => registry.activeSecrets(endpoint, at).map((secret) => secret.secret);
    expect(active(clock.ms + 59_999)).toEqual([SECRET, OTHER]);
    expect(active(clock.ms + 60_000)).toEqual([OTHER]);
  });

  it('does not serve an endpoint whose secret was moved from another, and goes on serving the rest', async () => {
    const a = fixture();
    const b = fixture();
    await a.create();
    const moved = await b.create();
    await database.sql.query('update postern.endpoint_secrets set id = gen_random_uuid() where endpoint_id = $1', [
      moved.id,
    ]);
    await a.registry.load();
    expect(a.registry.find('stripe', a.name)).toBeDefined();
    expect(a.registry.find('stripe', b.name)).toBeUndefined();
    await database.sql.query('delete from postern.endpoints where id = $1', [moved.id]);
  });

  it('keeps the last state, and tells its age, while the database is away', async () => {
    let away = false;
    const sql: Sql = {
      query: (...args) => (away ? Promise.reject(new Error('Connection terminated')) : database.app.query(...args)),
    };
    const { clock, create, registry, name } = fixture(sql);
    await create();
    await registry.load();
    away = true;
    clock.ms += 61_000;
    await expect(registry.load()).rejects.toThrow();
    expect(registry.find('stripe', name)).toBeDefined();
    expect(registry.age()).toBe(61_000);
  });

  it('learns of a change from its announcement', async () => {
    const { create, registry, name } = fixture();
    const changes = createChangeListener({ connect: database.pools().listener, log: database.log });
    registry.start(changes.on);
    changes.start();
    try {
      await eventually(() => expect(registry.age()).toBeLessThan(Number.POSITIVE_INFINITY));
      await create();
      // Sooner than it would look by itself.
      await eventually(() => expect(registry.find('stripe', name)).toBeDefined(), { timeoutMs: 3_000 });
    } finally {
      await changes.stop();
      await registry.stop();
    }
  });

  it('hands out uses once, and they add up in the database', async () => {
    const { create, registry, service, clock } = fixture();
    const endpoint = await create();
    const id = endpoint.secrets[0]?.id ?? '';
    registry.noteUse(id, clock.ms);
    registry.noteUse(id, clock.ms + 5);
    await addSecretUses(database.app, registry.takeUses());
    await addSecretUses(database.app, registry.takeUses());
    const [secret] = (await service.get(endpoint.id)).secrets;
    expect(secret).toMatchObject({ uses: 2n, last_used_at: new Date(clock.ms + 5) });
  });
});
