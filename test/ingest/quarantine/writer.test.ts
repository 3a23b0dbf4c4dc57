import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseKeyring } from '../../../src/encryption.ts';
import type { Endpoint } from '../../../src/endpoints/endpoint.ts';
import { createEndpointRegistry, type EndpointRegistry } from '../../../src/endpoints/registry.ts';
import { createEndpointService } from '../../../src/endpoints/service.ts';
import { createMemoryCache } from '../../../src/ingest/duplicate-cache.ts';
import { createIntake } from '../../../src/ingest/intake.ts';
import { createQuarantine, type Quarantine } from '../../../src/ingest/quarantine/quarantine.ts';
import { createRecheck } from '../../../src/ingest/quarantine/recheck.ts';
import { createMetrics, type Metrics } from '../../../src/metrics.ts';
import type { Pools } from '../../../src/postgres/pools.ts';
import { providers } from '../../../src/providers/index.ts';
import { sign } from '../../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { chargeSucceeded } from '../../support/stripe-bodies.ts';
import { TEST_KEYS } from '../../support/test-keys.ts';

const SECRET = 'whsec_writer_tests_secret';
const clock = { now: () => Date.now() };
const keyring = parseKeyring(TEST_KEYS);

let database: TestDatabase;
let pools: Pools;
let registry: EndpointRegistry;
let endpoint: Endpoint;
let metrics: Metrics;
beforeAll(async () => {
  database = await createTestDatabase();
  pools = database.pools();
  const service = createEndpointService({ pool: pools.api, providers, keyring, clock });
  const made = await service.create({ provider: 'stripe', name: 'main', secrets: [{ secret: SECRET }] }, 'test');
  registry = createEndpointRegistry({ sql: database.app, providers, keyring, clock, log: database.log });
  await registry.load();
  const found = registry.byId(made.id);
  if (found === undefined) throw new Error('the endpoint is not loaded');
  endpoint = found;
});
afterAll(() => database.drop());
beforeEach(async () => {
  metrics = createMetrics({ process: false });
  await database.sql.query('truncate postern.quarantine, postern.quarantine_kinds');
});

function open(pool: Pick<pg.Pool, 'connect'> = pools.api): Quarantine {
  return createQuarantine({
    pool: pool as pg.Pool,
    hashCredential: (value) => keyring.hashCredential(value),
    clock,
    log: database.log,
    metrics,
  });
}

function offer(
  quarantine: Quarantine,
  body: string,
  reason: 'signature_mismatch' | 'stale' = 'signature_mismatch',
  to = endpoint,
): void {
  const path = '/webhooks/stripe/main';
  const bytes = Buffer.from(body);
  quarantine.offer({
    endpoint: to,
    request: {
      method: 'POST',
      url: `http://localhost${path}`,
      path,
      sourceIp: '127.0.0.1',
      headers: sign({ body: bytes, url: '' }, SECRET, Date.now()),
      body: bytes,
      receivedAt: Date.now(),
    },
    reason,
    detail: 'made by a test',
  });
}

async function held(): Promise<Record<string, number>> {
  const { rows } = await database.sql.query<{ reason: string; n: bigint }>(
    'select reason, count(*) as n from postern.quarantine group by 1',
  );
  return Object.fromEntries(rows.map(({ reason, n }) => [reason, Number(n)]));
}

async function dropped(): Promise<Record<string, number>> {
  const { values } = await metrics.quarantineDropped.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.why), value]));
}

describe('the writer', () => {
  it('holds a thousand at most, and a flood does not take the place of what else comes', async () => {
    const quarantine = open();
    for (let n = 0; n < 5_000; n += 1) offer(quarantine, chargeSucceeded(`flood${n}`));
    for (let n = 0; n < 20; n += 1) offer(quarantine, chargeSucceeded(`late${n}`), 'stale');
    await quarantine.stop();
    expect(await held()).toEqual({ signature_mismatch: 980, stale: 20 });
    expect(await dropped()).toEqual({ queue_full: 4_020 });
  });

  it('writes fifty a second at most, on one connection at a time', async () => {
    let open_ = 0;
    let most = 0;
    const counting: Pick<pg.Pool, 'connect'> = {
      connect: async () => {
        open_ += 1;
        most = Math.max(most, open_);
        const client: pg.PoolClient = await pools.api.connect();
        const release = client.release.bind(client);
        client.release = (error) => {
          open_ -= 1;
          client.release = release;
          release(error);
        };
        return client;
      },
    } as Pick<pg.Pool, 'connect'>;
    const quarantine = open(counting);
    for (let n = 0; n < 500; n += 1) offer(quarantine, chargeSucceeded(`rate${n}`));
    const began = performance.now();
    quarantine.start();
    await eventually(async () => expect((await held()).signature_mismatch).toBeGreaterThanOrEqual(50));
    const seconds = (performance.now() - began) / 1_000;
    expect((await held()).signature_mismatch).toBeLessThanOrEqual(50 * seconds + 20);
    await quarantine.stop();
    expect(await held()).toEqual({ signature_mismatch: 500 });
    expect(most).toBe(1);
  });

  it('does not end with an adapter that throws at bytes that nobody signed', async () => {
    const quarantine = open();
    const throwing = {
      ...endpoint.provider,
      identify: () => {
        throw new RangeError('too deep');
      },
    };
    offer(quarantine, chargeSucceeded('hostile'), 'signature_mismatch', { ...endpoint, provider: throwing });
    offer(quarantine, chargeSucceeded('beside'));
    await quarantine.stop();
    expect(await held()).toEqual({ signature_mismatch: 1 });
    expect(await dropped()).toMatchObject({ unreadable: 1 });
  });

  it('keeps what it holds while the database is away', async () => {
    let away = true;
    let tries = 0;
    const flaky: Pick<pg.Pool, 'connect'> = {
      connect: () => {
        tries += 1;
        return away ? Promise.reject(new Error('connect ECONNREFUSED')) : pools.api.connect();
      },
    } as Pick<pg.Pool, 'connect'>;
    const quarantine = open(flaky);
    quarantine.start();
    for (let n = 0; n < 15; n += 1) offer(quarantine, chargeSucceeded(`away${n}`));
    await eventually(() => expect(tries).toBeGreaterThan(0));
    expect(await held()).toEqual({});
    away = false;
    await eventually(async () => expect(await held()).toEqual({ signature_mismatch: 15 }));
    await quarantine.stop();
    expect(await dropped()).toEqual({});
  });

  it('leaves out what nobody could read, after the answer', async () => {
    const quarantine = open();
    offer(quarantine, '{"no":"event"}');
    offer(quarantine, 'neither JSON');
    offer(quarantine, chargeSucceeded('read'));
    await quarantine.stop();
    expect(await held()).toEqual({ signature_mismatch: 1 });
    expect(await dropped()).toEqual({ unreadable: 2 });
  });
});

it('takes in nothing twice when the process dies between the two commits of a recheck', async () => {
  const quarantine = open();
  for (const n of ['k1', 'k2']) offer(quarantine, chargeSucceeded(n));
  await quarantine.stop();
  const intake = createIntake({
    pool: pools.intake,
    cache: createMemoryCache(clock),
    clock,
    log: database.log,
    metrics,
    ackDeadlineMs: 3_000,
  });
  const certificates = { get: () => undefined, request: () => undefined, idle: async () => undefined };
  const recheckWith = (accept: typeof intake.accept) =>
    createRecheck({
      pool: pools.api,
      endpoints: registry,
      certificates,
      intake: { accept },
      keyring,
      clock,
      publicUrl: null,
    });
  const wish = { endpointId: endpoint.id, secrets: null, dryRun: false, reason: null };
  const dying = recheckWith(async (delivery) => {
    await intake.accept(delivery);
    throw new Error('killed');
  });
  await expect(dying(wish, 'test')).rejects.toThrow('killed');
  expect(await held()).toEqual({ signature_mismatch: 2 });
  const again = await recheckWith((delivery) => intake.accept(delivery))(wish, 'test');
  expect(again).toMatchObject({ authentic: 2, events: { stored: 0, duplicates: 2 }, left: 0 });
  await intake.close();
  const { rows } = await database.sql.query('select event_id, duplicates from postern.events order by 1');
  expect(rows).toEqual([
    { event_id: 'evt_k1', duplicates: 1 },
    { event_id: 'evt_k2', duplicates: 1 },
  ]);
});
