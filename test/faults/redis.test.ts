import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answered, addChargesEndpoint, charges, createChargeSender, isAcknowledged } from '../support/charges.ts';
import { type ChildGateway, startChildGateway } from '../support/child-gateway.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { expectPostedOnce } from '../support/expect-posted.ts';
import { createRedisServer, hasRedis, type RedisServer } from '../support/redis-server.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/*
 * Redis killed, swallowed by the network, slow, full and emptied, while two instances take the same webhooks: no request may
 * fail for it, none may be lost or counted otherwise, and the metrics must say what is wrong.
 */

const ADMIN_TOKEN = 'an-admin-token-for-redis-tests';
const A_SECOND = 120;
const PATIENT = { timeoutMs: 45_000, everyMs: 100 };

let database: TestDatabase;
let redis: RedisServer;
let proxy: TcpProxy;
let gateways: readonly [ChildGateway, ChildGateway];

type Trouble = 'slow' | 'full' | 'gone';

/** What one instance says of its cache. */
async function look({
  url,
}: ChildGateway): Promise<{ connected: boolean | 'changing'; hits: number; troubles: Record<Trouble, number> }> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const stats = (await (await fetch(`${url}/api/v1/cache/stats`, { headers })).json()) as {
    connected: boolean;
    hits: number;
  };
  const text = await (await fetch(`${url}/metrics`, { headers })).text();
  const count = (why: Trouble): number =>
    Number(new RegExp(`^postern_cache_troubles_total\\{why="${why}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const gauge = text.includes('postern_cache_connected 1\n');
  return {
    // Asked one after the other: between two states they may differ.
    connected: gauge === stats.connected ? gauge : 'changing',
    hits: stats.hits,
    troubles: { slow: count('slow'), full: count('full'), gone: count('gone') },
  };
}

type Load = {
  readonly answers: readonly Answered[];
  /** Ends it; the ids that were sent, each twice. */
  stop(): Promise<Set<string>>;
};

/** An open loop: each webhook to the first instance and, when that has answered, in the same bytes to the second. */
function startLoad(tag: string): Load {
  const [first, second] = gateways.map(({ url }) => createChargeSender(url, 100));
  if (first === undefined || second === undefined) throw new Error('there are two');
  const bodies = charges(tag, 10_000).entries();
  const answers: Answered[] = [];
  const sent = new Set<string>();
  const flying = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const { value: one } = bodies.next();
    if (one === undefined) return;
    sent.add(one[0]);
    const both = (async () => {
      answers.push(await first.send(...one));
      answers.push(await second.send(...one));
    })().finally(() => flying.delete(both));
    flying.add(both);
  }, 1_000 / A_SECOND);
  return {
    answers,
    async stop() {
      clearInterval(timer);
      await Promise.all(flying);
      first.close();
      second.close();
      return sent;
    },
  };
}

async function served(): Promise<void> {
  await eventually(async () => {
    for (const gateway of gateways) expect((await look(gateway)).connected).toBe(true);
  }, PATIENT);
}

async function servesNobody(): Promise<void> {
  await eventually(async () => {
    for (const gateway of gateways) expect((await look(gateway)).connected).toBe(false);
  }, PATIENT);
}

/** Both instances say so; the count is asked before the fault. */
async function toldBy(trouble: Trouble, before: readonly number[]): Promise<void> {
  await eventually(async () => {
    for (const [n, gateway] of gateways.entries())
      expect((await look(gateway)).troubles[trouble]).toBeGreaterThan(before[n] ?? 0);
  }, PATIENT);
}
const troubles = (trouble: Trouble): Promise<number[]> =>
  Promise.all(gateways.map(async (gateway) => (await look(gateway)).troubles[trouble]));

/** All of a second's traffic and more, whatever state Redis is in. */
async function goesOn(load: Load): Promise<void> {
  const before = load.answers.length;
  await eventually(() => expect(load.answers.length).toBeGreaterThan(before + 2 * A_SECOND), PATIENT);
}

async function expectNothingLost(load: Load): Promise<void> {
  const sent = await load.stop();
  expect(load.answers.filter((answer) => !isAcknowledged(answer))).toEqual([]);
  expect(load.answers).toHaveLength(2 * sent.size);
  await expectPostedOnce(database.sql, sent);
  await eventually(async () => {
    const { rows } = await database.sql.query<{ events: bigint; duplicates: bigint }>(
      'select count(*) as events, sum(duplicates)::int8 as duplicates from postern.events where event_id = any($1)',
      [[...sent]],
    );
    expect(rows).toEqual([{ events: BigInt(sent.size), duplicates: BigInt(sent.size) }]);
  });
}

describe.skipIf(!hasRedis)('Redis', () => {
  beforeAll(async () => {
    database = await createTestDatabase();
    await addChargesEndpoint(database.appPool);
    redis = createRedisServer();
    await redis.start();
    proxy = await createTcpProxy({ path: redis.socket });
    const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, POSTERN_ADMIN_TOKEN: ADMIN_TOKEN };
    gateways = await Promise.all([
      startChildGateway(database.url, { env }),
      startChildGateway(database.url, { env, work: false }),
    ]);
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await proxy.close();
    await redis.remove();
    await database.drop();
  });

  it('answers what another instance took', async () => {
    const load = startLoad('shared');
    await served();
    // The second one never saw these bytes: it knows them from Redis.
    await eventually(async () => expect((await look(gateways[1])).hits).toBeGreaterThan(50), PATIENT);
    await expectNothingLost(load);
  }, 120_000);

  it('tells one instance what a source failed at another', async () => {
    await served();
    const forge = async ({ url }: ChildGateway): Promise<number> => {
      const headers = { 'stripe-signature': `t=1,v1=${'0'.repeat(64)}` };
      return (await fetch(`${url}/webhooks/stripe/faults`, { method: 'POST', body: '{}', headers })).status;
    };
    expect(await forge(gateways[1])).toBe(401);
    let forging = true;
    const flood = (async () => {
      // More than are forgiven, also where each second takes two.
      while (forging) await Promise.all(Array.from({ length: 200 }, () => forge(gateways[0])));
    })();
    // By itself it forgives fifty a second, and is asked twenty times at most.
    await eventually(async () => expect(await forge(gateways[1])).toBe(429), { ...PATIENT, everyMs: 50 }).finally(
      () => {
        forging = false;
      },
    );
    await flood;
  }, 120_000);

  it('is killed: requests go on, the metrics say so, and it is used again when it is back', async () => {
    const load = startLoad('killed');
    await served();
    const before = await troubles('gone');
    await redis.kill();
    await toldBy('gone', before);
    await servesNobody();
    const ready = await fetch(`${gateways[0].url}/api/v1/ready`);
    expect([ready.status, ((await ready.json()) as { status: string }).status]).toEqual([200, 'degraded']);
    await goesOn(load);
    await redis.start();
    await served();
    const hits = (await look(gateways[1])).hits;
    await eventually(async () => expect((await look(gateways[1])).hits).toBeGreaterThan(hits), PATIENT);
    await expectNothingLost(load);
  }, 180_000);

  it('is swallowed by the network: nobody waits for it, and a new connection is made when there is a way', async () => {
    const load = startLoad('swallowed');
    await served();
    const before = await troubles('slow');
    const from = load.answers.length;
    proxy.blackhole();
    await toldBy('slow', before);
    await goesOn(load);
    await servesNobody();
    // Three waits of 50 ms, now and then another; not one a request.
    const during = load.answers.slice(from);
    const waited = during.filter(({ ms }) => ms >= 1_000);
    expect(waited).toEqual([]);
    proxy.heal();
    await served();
    await expectNothingLost(load);
  }, 180_000);

  it('is slow: asked once a second until it is not', async () => {
    const load = startLoad('slow');
    await served();
    const before = await troubles('slow');
    proxy.delay(200);
    await toldBy('slow', before);
    await goesOn(load);
    proxy.delay(0);
    await served();
    await expectNothingLost(load);
  }, 180_000);

  it('is full: what it has is read, what it does not take is told', async () => {
    const load = startLoad('full');
    await served();
    const before = await troubles('full');
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await toldBy('full', before);
    await goesOn(load);
    // On a busy machine it is called slow for a second now and then: what it is asked next tells that it is full.
    await eventually(
      async () => {
        const told = await fetch(`${gateways[0].url}/api/v1/cache/stats`, {
          headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
        });
        expect(await told.json()).toMatchObject({ engine: 'redis', connected: true, trouble: 'full' });
      },
      { timeoutMs: 30_000 },
    );
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await served();
    await expectNothingLost(load);
  }, 180_000);

  it('is emptied again and again: what is not known takes the long way', async () => {
    const load = startLoad('emptied');
    await served();
    const target = load.answers.length + 3 * A_SECOND;
    let emptied = 0;
    while (load.answers.length < target) {
      await redis.command('FLUSHALL');
      emptied += 1;
    }
    expect(emptied).toBeGreaterThan(10);
    await expectNothingLost(load);
  }, 180_000);
});
