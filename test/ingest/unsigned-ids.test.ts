import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { handleWebhook } from '../../src/ingest/webhook.ts';
import type { ApiAnswer, ApiCall, WebhookRequest } from '../../src/providers/provider.ts';
import { URL as MOLLIE_URL, samples as mollie } from '../providers/mollie/samples.ts';
import { samples as plaid, plaidBody } from '../providers/plaid/samples.ts';
import { samples as razorpay } from '../providers/razorpay/samples.ts';
import { samples as xendit } from '../providers/xendit/samples.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import type { ProviderSamples } from '../support/provider-samples.ts';

/*
 * Whoever captured a signed request can send it again under any id that is outside the signature: under that of an event
 * which is still to come, too. Neither may keep the genuine event out, nor post anything twice.
 */
let database: TestDatabase;
const pipelines: Pipeline[] = [];
const endpoints: Endpoint[] = [];
const clock = { now: () => Date.now() };

/** What the processors tell about their objects, whatever the requests told. */
const objects = new Map<string, Buffer>();
const answer = (call: ApiCall): Promise<ApiAnswer> => {
  const body = objects.get(call.path);
  return Promise.resolve({ status: body === undefined ? 404 : 200, headers: {}, body: body ?? Buffer.alloc(0) });
};

beforeAll(async () => {
  database = await createTestDatabase();
  // The second is a gateway whose cache does not know what the first has seen.
  for (let n = 0; n < 2; n += 1) pipelines.push(await createPipeline(database, () => endpoints, { api: answer }));
  pipelines[0]?.worker.start();
  pipelines[0]?.fetcher.start();
});
afterAll(async () => {
  for (const pipeline of pipelines) await pipeline.stop();
  await database.drop();
});

async function newEndpoint(
  { provider, settings, secrets: [secret] }: ProviderSamples,
  { signed = true } = {},
): Promise<Endpoint> {
  const name = `e${endpoints.length + 1}`;
  const { rows } = await database.sql.query<{ id: number }>(
    'insert into postern.endpoints (provider, name, account) values ($1, $2, $2) returning id',
    [provider.name, name],
  );
  const secrets = signed ? [{ id: 's0', secret, notBefore: null, notAfter: null }] : [];
  const endpoint = { id: rows[0]?.id ?? 0, provider, name, account: name, settings, disabled: false, secrets };
  endpoints.push(endpoint);
  return endpoint;
}

/** As the route would take it; the answer's status. */
async function send(
  endpoint: Endpoint,
  request: WebhookRequest,
  gateway: 0 | 1 = 0,
  now: number = clock.now(),
): Promise<number> {
  const intake = pipelines[gateway]?.intake;
  if (intake === undefined) throw new Error('there is no such gateway');
  const outcome = await handleWebhook(
    endpoint,
    { ...request, path: new URL(request.url).pathname, sourceIp: '127.0.0.1', receivedAt: now },
    {
      endpoints: {
        activeSecrets: () => endpoint.secrets.map(({ secret }) => ({ id: ID, secret })),
        noteUse: () => undefined,
      },
      certificates: { get: () => undefined, request: () => undefined },
      visits: { request: () => undefined },
      hints: { take: () => true },
      intake,
      hashCredential: () => 'hmac-sha256:made',
      clock: { now: () => now },
    },
  );
  return 'answer' in outcome ? outcome.answer.status : 0;
}

/** Verdicts name a secret by a UUID, which the delivery keeps. */
const ID = '00000000-0000-7000-8000-000000000001';

function under(header: string, id: string, request: WebhookRequest): WebhookRequest {
  return { ...request, headers: request.headers.map(([name, value]) => [name, name === header ? id : value] as const) };
}

type Row = {
  event_id: string;
  status: string;
  waiting_for: string | null;
  conflict: boolean;
  duplicates: number;
};

async function settled(endpoint: Endpoint): Promise<Row[]> {
  return eventually(
    async () => {
      const { rows } = await database.sql.query<Row>(
        `select event_id, status, waiting_for, conflict, duplicates from postern.events where endpoint_id = $1
         order by event_id, id`,
        [endpoint.id],
      );
      expect(rows.filter((row) => row.status === 'queued')).toEqual([]);
      return rows;
    },
    { timeoutMs: 10_000 },
  );
}

async function postedEffects(account: string): Promise<Record<string, number>> {
  const { rows } = await database.sql.query<{ effect_key: string; times: bigint }>(
    'select effect_key, count(*) as times from postern.transactions where effect_key like $1 group by 1 order by 1',
    [`${account}:%`],
  );
  return Object.fromEntries(rows.map((row) => [row.effect_key.slice(account.length + 1), Number(row.times)]));
}

describe('a captured Razorpay request under another id', () => {
  const { money, secrets, now } = razorpay;
  const signed = (n: number): WebhookRequest => razorpay.sign(money(n), secrets[0], now);
  const as = (id: string, n: number): WebhookRequest => under('x-razorpay-event-id', id, signed(n));
  const account = 'razorpay:acc_MADEACCOUNT01';
  const once = (n: number) => ({
    [`pay_MADE${n}:captured`]: 1,
    [`pay_MADE${n}:fee`]: 1,
    [`pay_MADE${n}:memo_final`]: 1,
  });

  it('keeps the genuine event out neither before it nor after it, and posts each movement once', async () => {
    const endpoint = await newEndpoint(razorpay);
    expect(await send(endpoint, as('genuine-1', 1))).toBe(200);
    // Before: under the id of the event that is still to come; the second gateway's cache cannot fold it.
    expect(await send(endpoint, as('genuine-2', 1), 1)).toBe(200);
    expect(await send(endpoint, as('genuine-2', 2))).toBe(200);
    await settled(endpoint);
    expect(await postedEffects(account)).toEqual({ ...once(1), ...once(2) });
    // After: under its id, under the first's, and under one that nobody has seen.
    expect(await send(endpoint, as('genuine-2', 1), 1)).toBe(200);
    expect(await send(endpoint, as('genuine-1', 2), 1)).toBe(200);
    expect(await send(endpoint, as('made-up', 2))).toBe(200);

    const rows = await settled(endpoint);
    expect(rows.filter((row) => row.conflict)).toEqual([]);
    expect(new Set(rows.map((row) => row.status))).toEqual(new Set(['posted']));
    expect(rows.map((row) => row.event_id)).toEqual(expect.arrayContaining(['genuine-1', 'genuine-2']));
    expect(await postedEffects(account)).toEqual({ ...once(1), ...once(2) });
  });
});

describe('a captured Xendit request under another id', () => {
  const { money, secrets, now } = xendit;
  const as = (id: string, n: number): WebhookRequest => under('webhook-id', id, xendit.sign(money(n), secrets[0], now));

  it('keeps the genuine event out neither before it nor after it, and none posts before it was fetched', async () => {
    const endpoint = await newEndpoint({ ...xendit, settings: {} });
    expect(await send(endpoint, as('genuine-1', 1))).toBe(200);
    expect(await send(endpoint, as('genuine-2', 1), 1)).toBe(200);
    expect(await send(endpoint, as('genuine-2', 2))).toBe(200);
    expect(await send(endpoint, as('genuine-2', 1), 1)).toBe(200);
    expect(await send(endpoint, as('made-up', 2), 1)).toBe(200);

    const rows = await settled(endpoint);
    expect(rows.map((row) => row.event_id)).toEqual(['genuine-1', 'genuine-2', 'genuine-2', 'made-up']);
    for (const row of rows) expect(row).toMatchObject({ conflict: false, status: 'deferred', waiting_for: 'api_key' });
    expect(await postedEffects(`xendit:${endpoint.account}`)).toEqual({});
  });

  it('posts each movement once, as fetched', async () => {
    const endpoint = await newEndpoint(xendit);
    for (const n of [1, 2]) objects.set(`/v2/invoices/made0000000000000000inv${n}`, money(n));
    expect(await send(endpoint, as('genuine-1', 1))).toBe(200);
    expect(await send(endpoint, as('genuine-2', 1), 1)).toBe(200);
    expect(await send(endpoint, as('genuine-2', 2))).toBe(200);
    const once = { 'made0000000000000000inv1:captured': 1, 'made0000000000000000inv2:captured': 1 };
    const posted = async (): Promise<void> => {
      expect(new Set((await settled(endpoint)).map((row) => row.status))).toEqual(new Set(['posted']));
      expect(await postedEffects(`xendit:${endpoint.account}`)).toEqual(once);
    };
    await eventually(posted, { timeoutMs: 10_000 });
    expect(await send(endpoint, as('genuine-2', 1), 1)).toBe(200);
    expect(await send(endpoint, as('made-up', 2), 1)).toBe(200);
    await eventually(posted, { timeoutMs: 10_000 });
    expect((await settled(endpoint)).map((row) => row.event_id)).toEqual([
      'genuine-1',
      'genuine-2',
      'genuine-2',
      'made-up',
    ]);
  });
});

describe('a Mollie call that says only that something changed', () => {
  it('is folded with those of its ten seconds, and never with a later one in the same bytes', async () => {
    const endpoint = await newEndpoint({ ...mollie, settings: {} }, { signed: false });
    const body = Buffer.from('id=tr_MADE1');
    const call: WebhookRequest = { method: 'POST', url: MOLLIE_URL, headers: [], body };
    const begins = Math.ceil(clock.now() / 10_000) * 10_000;
    // The second gateway knows nothing of what the first has in its cache.
    for (const gateway of [0, 1] as const) {
      for (const after of [0, 9_999, 10_000, 10_001])
        expect(await send(endpoint, call, gateway, begins + after)).toBe(200);
    }
    await eventually(async () => {
      const rows = await settled(endpoint);
      expect(rows).toMatchObject([
        { event_id: `tr_MADE1@${begins / 1000}`, status: 'deferred', conflict: false, duplicates: 3 },
        { event_id: `tr_MADE1@${begins / 1000 + 10}`, status: 'deferred', conflict: false, duplicates: 3 },
      ]);
    });
  });
});

describe('a call of Plaid’s, which says only that there is something to ask for', () => {
  it('is no copy of the one before in the same bytes; the same call again is', async () => {
    const endpoint = await newEndpoint(plaid);
    const now = Math.floor(clock.now() / 1000) * 1000;
    const first = plaid.sign(plaidBody(), plaid.secrets[0], now);
    const next = plaid.sign(plaidBody(), plaid.secrets[0], now + 1_000);
    for (const gateway of [0, 1] as const)
      for (const call of [first, first, next]) expect(await send(endpoint, call, gateway, now)).toBe(200);
    await eventually(async () => {
      expect(await settled(endpoint)).toMatchObject([
        { event_id: `TRANSFER.TRANSFER_EVENTS_UPDATE:@${now / 1000}`, conflict: false, duplicates: 3 },
        { event_id: `TRANSFER.TRANSFER_EVENTS_UPDATE:@${now / 1000 + 1}`, conflict: false, duplicates: 1 },
      ]);
    });
  });
});
