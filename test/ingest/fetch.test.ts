import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { PosternError } from '../../src/errors.ts';
import { wakeParked } from '../../src/ingest/wake-parked.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import type {
  ApiAnswer,
  ApiCall,
  AuthenticityLevel,
  EndpointSettings,
  Provider,
} from '../../src/providers/provider.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { stubProvider } from '../support/stub-endpoint.ts';

const HOST = 'api.stub.example';

/** Its events name a payment; what it is worth only the API tells. */
const fetching: Provider = {
  ...stubProvider,
  name: 'fetching',
  api: {
    hosts: [HOST],
    keySetting: 'api_key',
    async fetchObject({ id }, { call, settings, now }) {
      const headers = { authorization: `Bearer ${String(settings.api_key)}` };
      const answer = await call({ method: 'GET', host: HOST, path: `/payments/${encodeURIComponent(id)}`, headers });
      if (answer.status === 200) return { kind: 'found', body: answer.body };
      if (answer.status === 404) return { kind: 'missing', detail: `no payment ${id}` };
      if (answer.status === 401) return { kind: 'refused', detail: 'the key may not read payments' };
      return { kind: 'later', at: now + 86_400_000, detail: 'too many calls' };
    },
  },
  normalise(event) {
    const about = { references: [{ kind: 'payment', id: event.id }], amount: null };
    if (event.type === 'unknown')
      return { ...about, kind: 'deferred', waitingFor: 'adapter', until: null, reason: 'unknown' };
    if (event.fetched === null || event.type === 'greedy')
      return { ...about, kind: 'fetch', object: { kind: 'payment', id: event.id }, reason: 'the event names it only' };
    const { amount } = JSON.parse(event.fetched.toString()) as { amount: string };
    return {
      ...about,
      kind: 'effects',
      effects: [
        {
          type: 'payment.captured',
          key: `${event.id}:captured`,
          at: event.receivedAt,
          payment: event.id,
          amount: BigInt(amount),
          currency: 'EUR',
        },
      ],
    };
  },
};

let database: TestDatabase;
let pipeline: Pipeline;
const endpoints: Endpoint[] = [];
const asked: ApiCall[] = [];
let answer: (call: ApiCall) => ApiAnswer | Promise<ApiAnswer>;

beforeAll(async () => {
  database = await createTestDatabase();
  pipeline = await createPipeline(database, () => endpoints, {
    async api(call) {
      asked.push(call);
      return answer(call);
    },
  });
  pipeline.worker.start();
  pipeline.fetcher.start();
});
afterAll(async () => {
  await pipeline.stop();
  await database.drop();
});
beforeEach(() => {
  asked.length = 0;
  answer = () => ({ status: 200, headers: {}, body: Buffer.from('{"amount":"1000"}') });
});

async function newEndpoint(settings: EndpointSettings = { api_key: 'k1' }): Promise<Endpoint> {
  const name = `f${endpoints.length + 1}`;
  const { rows } = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ('fetching', $1, $1) returning id`,
    [name],
  );
  const endpoint = {
    id: rows[0]?.id ?? 0,
    provider: fetching,
    name,
    account: name,
    settings,
    disabled: false,
    secrets: [],
  };
  endpoints.push(endpoint);
  return endpoint;
}

type Row = { status: string; reason: string | null; waiting_for: string | null; error_code: string | null };

async function deliver(
  endpoint: Endpoint,
  id: string,
  type = 'paid',
  level: AuthenticityLevel = 'hint',
): Promise<void> {
  await pipeline.deliver(endpoint, JSON.stringify({ events: [{ id, type }] }), level);
}

async function rowOf(endpoint: Endpoint, id: string): Promise<Row | undefined> {
  const { rows } = await database.sql.query<Row>(
    'select status, reason, waiting_for, error_code from postern.events where endpoint_id = $1 and event_id = $2',
    [endpoint.id, id],
  );
  return rows[0];
}

const becomes = (endpoint: Endpoint, id: string, row: Partial<Row>): Promise<void> =>
  eventually(async () => expect(await rowOf(endpoint, id)).toMatchObject(row), { timeoutMs: 10_000 });

async function orders(endpoint: Endpoint): Promise<{ object_id: string; attempts: number; in_s: number | null }[]> {
  const { rows } = await database.sql.query<{ object_id: string; attempts: number; in_s: number | null }>(
    `select object_id, attempts, case when leased_until is null then extract(epoch from due_at - now())::float8 end as in_s from postern.fetches where endpoint_id = $1`,
    [endpoint.id],
  );
  return rows;
}

/** As if the time until the next try had passed. */
const comeDue = (endpoint: Endpoint): Promise<unknown> =>
  database.sql.query('update postern.fetches set due_at = now() where endpoint_id = $1', [endpoint.id]);

async function posted(endpoint: Endpoint): Promise<number> {
  const { rows } = await database.sql.query('select 1 from postern.transactions where effect_key like $1', [
    `fetching:${endpoint.account}:%`,
  ]);
  return rows.length;
}

describe('an event that only names its object', () => {
  it('posts what the processor answers, and nothing before', async () => {
    const endpoint = await newEndpoint();
    await deliver(endpoint, 'tr_1');
    await becomes(endpoint, 'tr_1', { status: 'posted' });
    expect(asked).toMatchObject([{ path: '/payments/tr_1', headers: { authorization: 'Bearer k1' } }]);
    expect(await posted(endpoint)).toBe(1);
    expect(await orders(endpoint)).toEqual([]);
    const { rows } = await database.sql.query<{ body: Buffer; hashed: boolean }>(
      `select f.body, f.sha256 = sha256(f.body) as hashed from postern.fetched_objects f join postern.events e on e.id = f.event_id where e.endpoint_id = $1`,
      [endpoint.id],
    );
    expect(rows[0]?.body.toString()).toBe('{"amount":"1000"}');
    expect(rows[0]?.hashed, 'an archived copy can be proved once the body is removed').toBe(true);
  });

  it('is parked without a key, and goes on when one is set', async () => {
    const endpoint = await newEndpoint({});
    await deliver(endpoint, 'tr_1');
    await becomes(endpoint, 'tr_1', { status: 'deferred', waiting_for: 'api_key' });
    expect((await rowOf(endpoint, 'tr_1'))?.reason).toContain('set api_key on the endpoint');
    expect(await wake()).toBe(0);
    setKey(endpoint, 'k1');
    expect(await wake()).toBe(1);
    await becomes(endpoint, 'tr_1', { status: 'posted' });
  });

  it('waits for another key when this one may not read, and asks again with that only', async () => {
    const endpoint = await newEndpoint({ api_key: 'wrong' });
    answer = ({ headers }) =>
      headers.authorization === 'Bearer wrong'
        ? { status: 401, headers: {}, body: Buffer.alloc(0) }
        : { status: 200, headers: {}, body: Buffer.from('{"amount":"5"}') };
    await deliver(endpoint, 'tr_1');
    await becomes(endpoint, 'tr_1', {
      status: 'deferred',
      waiting_for: 'api_key',
      reason: 'the key may not read payments',
    });
    expect(await wake()).toBe(0);
    expect(asked).toHaveLength(1);
    setKey(endpoint, 'right');
    expect(await wake()).toBe(1);
    await becomes(endpoint, 'tr_1', { status: 'posted' });
  });

  it('ends without effect when it was a hint and the processor knows no such object, after some tries', async () => {
    const endpoint = await newEndpoint();
    answer = () => ({ status: 404, headers: {}, body: Buffer.alloc(0) });
    await deliver(endpoint, 'invented');
    for (let attempts = 1; attempts <= 4; attempts += 1) {
      await eventually(async () => expect(await orders(endpoint)).toMatchObject([{ attempts }]));
      await eventually(async () => expect((await orders(endpoint))[0]?.in_s).toBeGreaterThan(1));
      await comeDue(endpoint);
    }
    await becomes(endpoint, 'invented', { status: 'no_effect', reason: 'object_missing: no payment invented' });
    expect(await posted(endpoint)).toBe(0);
  });

  it('is for a person when it was signed and the processor knows no such object', async () => {
    const endpoint = await newEndpoint();
    answer = () => ({ status: 404, headers: {}, body: Buffer.alloc(0) });
    await deliver(endpoint, 'tr_1', 'paid', 'body');
    await eventually(async () => expect(await orders(endpoint)).toMatchObject([{ attempts: 1 }]));
    await eventually(async () => expect((await orders(endpoint))[0]?.in_s).toBeLessThan(10));
    await database.sql.query('update postern.fetches set due_at = now(), missed = 4 where endpoint_id = $1', [
      endpoint.id,
    ]);
    await becomes(endpoint, 'tr_1', { status: 'dead', error_code: 'object_missing' });
  });

  it('leaves a processor alone that asks to wait, for at most an hour, and goes on elsewhere', async () => {
    const [limited, other] = [await newEndpoint({ api_key: 'limited' }), await newEndpoint()];
    answer = ({ headers }) =>
      headers.authorization === 'Bearer limited'
        ? { status: 429, headers: {}, body: Buffer.alloc(0) }
        : { status: 200, headers: {}, body: Buffer.from('{"amount":"5"}') };
    await deliver(limited, 'tr_1');
    await eventually(async () => expect((await orders(limited))[0]?.in_s).toBeGreaterThan(3_500));
    expect((await orders(limited))[0]?.in_s).toBeLessThanOrEqual(3_600);
    await deliver(limited, 'tr_2');
    await deliver(other, 'tr_3');
    await becomes(other, 'tr_3', { status: 'posted' });
    expect(asked.filter((call) => call.headers.authorization === 'Bearer limited')).toHaveLength(1);
  });

  it('waits out an outage of the processor', async () => {
    const endpoint = await newEndpoint();
    answer = () => {
      throw new PosternError('egress_failed', 'no answer in time');
    };
    await deliver(endpoint, 'tr_1');
    await eventually(async () => expect((await orders(endpoint))[0]?.in_s).toBeGreaterThan(1));
    expect(await rowOf(endpoint, 'tr_1')).toMatchObject({ status: 'deferred', waiting_for: 'object' });
  });

  it('is not held to be missing for tries that met an outage', async () => {
    const endpoint = await newEndpoint();
    answer = () => {
      throw new PosternError('egress_failed', 'no answer in time');
    };
    await deliver(endpoint, 'tr_1');
    await eventually(async () => expect((await orders(endpoint))[0]?.in_s).toBeGreaterThan(1));
    answer = () => ({ status: 404, headers: {}, body: Buffer.alloc(0) });
    await database.sql.query('update postern.fetches set due_at = now(), attempts = 20 where endpoint_id = $1', [
      endpoint.id,
    ]);
    await becomes(endpoint, 'tr_1', {
      status: 'deferred',
      waiting_for: 'object',
      reason: 'no payment tr_1; it is asked for again',
    });
    await eventually(async () => expect((await orders(endpoint))[0]).toMatchObject({ attempts: 21 }));
  });

  it('is asked for ever more rarely when the processor always fails at it, and says so', async () => {
    const endpoint = await newEndpoint();
    answer = () => {
      throw new PosternError('egress_failed', 'the answer was cut short');
    };
    await deliver(endpoint, 'tr_1');
    await eventually(async () => expect((await orders(endpoint))[0]?.in_s).toBeGreaterThan(1));
    expect((await orders(endpoint))[0]?.in_s).toBeLessThan(6);
    expect((await rowOf(endpoint, 'tr_1'))?.reason).toBe('the answer was cut short; it is asked for again');
    await database.sql.query('update postern.fetches set due_at = now(), attempts = 9 where endpoint_id = $1', [
      endpoint.id,
    ]);
    await eventually(async () => expect((await orders(endpoint))[0]?.in_s).toBeGreaterThan(600), { timeoutMs: 15_000 });
  });

  it('does not wait for another endpoint whose processor does not answer', async () => {
    const [away, other] = [await newEndpoint({ api_key: 'away' }), await newEndpoint()];
    let answerAway: () => void = () => undefined;
    const later = new Promise<void>((resolve) => {
      answerAway = resolve;
    });
    answer = async ({ headers }) => {
      if (headers.authorization === 'Bearer away') await later;
      return { status: 200, headers: {}, body: Buffer.from('{"amount":"5"}') };
    };
    for (let n = 0; n < 10; n += 1) await deliver(away, `tr_${n}`);
    await eventually(async () => expect(asked.length).toBeGreaterThan(0));
    await deliver(other, 'tr_other');
    await becomes(other, 'tr_other', { status: 'posted' });
    expect(asked.filter((call) => call.headers.authorization === 'Bearer away')).toHaveLength(3);
    answerAway();
    for (let n = 0; n < 10; n += 1) await becomes(away, `tr_${n}`, { status: 'posted' });
  });

  it('dies alone when its adapter asks again for what it was given', async () => {
    const endpoint = await newEndpoint({ api_key: 'greedy' });
    await deliver(endpoint, 'tr_1', 'greedy');
    await becomes(endpoint, 'tr_1', { status: 'dead', error_code: 'normaliser_failed' });
    expect(asked.filter((call) => call.headers.authorization === 'Bearer greedy')).toHaveLength(1);
  });
});

it('sends parked events on when the adapter is newer than the one that parked them, and not before', async () => {
  const endpoint = await newEndpoint();
  await deliver(endpoint, 'e1', 'unknown', 'body');
  await becomes(endpoint, 'e1', { status: 'deferred', waiting_for: 'adapter' });
  expect(await wake()).toBe(0);
  const learned: Provider = { ...fetching, normaliserVersion: 2, normalise: stubProvider.normalise };
  endpoints.splice(endpoints.indexOf(endpoint), 1, { ...endpoint, provider: learned });
  expect(await wake()).toBe(1);
  await becomes(endpoint, 'e1', { status: 'no_effect' });
});

function setKey(endpoint: Endpoint, key: string): void {
  endpoints.splice(endpoints.indexOf(endpoint), 1, { ...endpoint, settings: { api_key: key } });
}

function wake(): Promise<number> {
  const { queue } = pipeline;
  return withTransaction(database.appPool, (tx) =>
    wakeParked(tx, { endpoints, queue, clock: { now: () => Date.now() } }),
  );
}
