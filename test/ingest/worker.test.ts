import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import type { EndpointSettings } from '../../src/providers/provider.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { chargeSucceeded, refundCreated, stripeEvent } from '../support/stripe-bodies.ts';

let database: TestDatabase;
let pipeline: Pipeline;
const endpoints: Endpoint[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pipeline = await createPipeline(database, () => endpoints);
  pipeline.worker.start();
});
afterAll(async () => {
  await pipeline.stop();
  await database.drop();
});

async function newEndpoint(settings: EndpointSettings = {}, provider = stripe): Promise<Endpoint> {
  const name = `e${endpoints.length + 1}`;
  const { rows } = await database.sql.query<{ id: number }>(
    'insert into postern.endpoints (provider, name, account) values ($1, $2, $2) returning id',
    [provider.name, name],
  );
  const endpoint = { id: rows[0]?.id ?? 0, provider, name, account: name, settings, disabled: false, secrets: [] };
  endpoints.push(endpoint);
  return endpoint;
}

type Row = { event_id: string; status: string; reason: string | null; error_code: string | null; attempts: number };

async function settled(endpoint: Endpoint, count: number): Promise<Row[]> {
  return eventually(
    async () => {
      const { rows } = await database.sql.query<Row>(
        'select event_id, status, reason, error_code, attempts from postern.events where endpoint_id = $1 order by event_id',
        [endpoint.id],
      );
      expect(rows).toHaveLength(count);
      expect(rows.filter((row) => row.status === 'queued')).toEqual([]);
      return rows;
    },
    { timeoutMs: 10_000 },
  );
}

async function balances(endpoint: Endpoint): Promise<Record<string, string>> {
  const { rows } = await database.sql.query<{ path: string; currency: string; amount: bigint }>(
    `select a.path, p.currency, sum(p.amount)::int8 as amount from postern.postings p
     join postern.accounts a on a.id = p.account_id join postern.transactions t on t.id = p.transaction_id
     where t.effect_key like $1 group by 1, 2 having sum(p.amount) <> 0 order by 1, 2`,
    [`stripe:${endpoint.account}:%`],
  );
  return Object.fromEntries(rows.map((row) => [`${row.path} ${row.currency}`, String(row.amount)]));
}

describe('the worker', () => {
  it('posts a charge and its refund, in either order, and completes the jobs', async () => {
    const [a, b] = [await newEndpoint(), await newEndpoint()];
    for (const body of [chargeSucceeded(1), refundCreated(1, 'ch_1', 400)]) await pipeline.deliver(a, body);
    for (const body of [refundCreated(1, 'ch_1', 400), chargeSucceeded(1)]) await pipeline.deliver(b, body);
    expect((await settled(a, 2)).map((row) => row.status)).toEqual(['posted', 'posted']);
    await settled(b, 2);
    expect(await balances(a)).toEqual({
      [`asset:processor_pending:stripe:${a.account} EUR`]: '600',
      'income:refunds EUR': '400',
      'income:revenue EUR': '-1000',
    });
    expect(Object.values(await balances(b))).toEqual(Object.values(await balances(a)));
    await eventually(async () => {
      const { rows } = await database.sql.query<{ live: bigint }>(
        `select count(*) as live from pgboss.job where name = 'events' and state in ('created', 'retry', 'active')`,
      );
      expect(rows[0]?.live).toBe(0n);
    });
  });

  it('posts once what two event ids announce, and links the second to the first', async () => {
    const endpoint = await newEndpoint();
    await pipeline.deliver(endpoint, chargeSucceeded('t1'));
    await pipeline.deliver(endpoint, chargeSucceeded('t1').replace('evt_t1', 'evt_t2'));
    const rows = await settled(endpoint, 2);
    expect(rows.map((row) => [row.status, row.reason])).toContainEqual(['posted', 'already_posted']);
    const { rows: transactions } = await database.sql.query(
      'select id from postern.transactions where effect_key like $1',
      [`stripe:${endpoint.account}:ch_t1:captured:%`],
    );
    expect(transactions).toHaveLength(1);
    const { rows: evidence } = await database.sql.query(
      `select 1 from postern.transaction_evidence x join postern.events e on e.id = x.event_id where e.endpoint_id = $1`,
      [endpoint.id],
    );
    expect(evidence).toHaveLength(1);
  });

  it('lets 500 good events through beside one with an impossible amount and one whose normaliser throws', async () => {
    const thrower = {
      ...stripe,
      normalise: (event: Parameters<typeof stripe.normalise>[0], settings: EndpointSettings) => {
        if (event.type === 'charge.throws') throw new Error('a mistake of ours');
        return stripe.normalise(event, settings);
      },
    };
    const endpoint = await newEndpoint({}, thrower);
    const huge = chargeSucceeded('huge').replaceAll(':1000,', `:1${'0'.repeat(30)},`);
    await Promise.all([
      ...Array.from({ length: 500 }, (_, n) => pipeline.deliver(endpoint, chargeSucceeded(`g${n}`))),
      pipeline.deliver(endpoint, huge),
      pipeline.deliver(endpoint, stripeEvent('evt_throws', 'charge.throws', { id: 'ch_throws' })),
    ]);
    const rows = await settled(endpoint, 502);
    expect(rows.filter((row) => row.status === 'posted')).toHaveLength(500);
    expect(rows.filter((row) => row.status === 'dead').map((row) => row.error_code)).toEqual([
      'amount_invalid',
      'normaliser_failed',
    ]);
  });

  it('parks a type that quotes what no database stores, with a reason that does not', async () => {
    const endpoint = await newEndpoint();
    await pipeline.deliver(endpoint, stripeEvent('evt_nul', 'tele\u0000ported', { id: 'x' }));
    expect(await settled(endpoint, 1)).toMatchObject([
      { status: 'deferred', reason: expect.stringContaining('tele\ufffdported') },
    ]);
  });

  it('parks an unknown type, skips the other mode, and says why', async () => {
    const endpoint = await newEndpoint({ mode: 'live' });
    await pipeline.deliver(endpoint, chargeSucceeded('test'));
    const both = await newEndpoint();
    await pipeline.deliver(both, stripeEvent('evt_new', 'charge.something_new', { id: 'ch_x' }));
    expect(await settled(endpoint, 1)).toMatchObject([{ status: 'no_effect', reason: 'test_mode' }]);
    expect(await settled(both, 1)).toMatchObject([{ status: 'deferred' }]);
  });

  it('marks an event that tells other content of a posted effect, and posts nothing of it', async () => {
    const endpoint = await newEndpoint();
    await pipeline.deliver(endpoint, refundCreated(9, 'ch_9', 400));
    await settled(endpoint, 1);
    await pipeline.deliver(endpoint, refundCreated(9, 'ch_9', 500).replace('evt_re_9', 'evt_re_9b'));
    expect(await settled(endpoint, 2)).toMatchObject([
      { status: 'posted' },
      { status: 'dead', error_code: 'conflicting_announcement' },
    ]);
    expect(await balances(endpoint)).toMatchObject({ 'income:refunds EUR': '400' });
  });

  it('posts every event once though all jobs are deleted while nobody works', async () => {
    const endpoint = await newEndpoint();
    await pipeline.worker.stop();
    await Promise.all(Array.from({ length: 50 }, (_, n) => pipeline.deliver(endpoint, chargeSucceeded(`d${n}`))));
    await database.sql.query('delete from pgboss.job');
    // The sweeper leaves what became due in the last 30 s to its job.
    await database.sql.query(
      `update postern.events set next_attempt_at = now() - interval '31 seconds' where endpoint_id = $1`,
      [endpoint.id],
    );
    const other = await createPipeline(database, () => endpoints);
    other.worker.start();
    other.housekeeping.start();
    const rows = await settled(endpoint, 50);
    await other.stop();
    expect(rows.every((row) => row.status === 'posted')).toBe(true);
    expect(await balances(endpoint)).toMatchObject({ 'income:revenue EUR': '-50000' });
  });
});
