import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import type { EndpointSettings } from '../../src/providers/provider.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

/* Books are an account's, whichever of its endpoints tells: its money is counted once, and its days are its own. */

let database: TestDatabase;
let pipeline: Pipeline;
const endpoints: Endpoint[] = [];

const charge = {
  object: 'charge',
  amount: 1000,
  amount_captured: 1000,
  captured: true,
  status: 'succeeded',
  currency: 'eur',
  created: 1_767_225_500,
};

beforeAll(async () => {
  database = await createTestDatabase();
  pipeline = await createPipeline(database, () => endpoints, {
    api: async ({ path }) => {
      const id = path.split('/')[3]?.split('?')[0];
      return { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ ...charge, id })) };
    },
  });
  pipeline.worker.start();
  pipeline.fetcher.start();
});
afterAll(async () => {
  await pipeline.stop();
  await database.drop();
});

async function endpointOf(account: string, settings: EndpointSettings = {}): Promise<Endpoint> {
  const name = `b${endpoints.length + 1}`;
  const { rows } = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ('stripe', $1, $2) returning id`,
    [name, account],
  );
  const endpoint = { id: rows[0]?.id ?? 0, provider: stripe, name, account, settings, disabled: false, secrets: [] };
  endpoints.push(endpoint);
  return endpoint;
}

async function statuses(...of: readonly Endpoint[]): Promise<string[]> {
  return eventually(
    async () => {
      const { rows } = await database.sql.query<{ status: string; reason: string | null }>(
        'select status, reason from postern.events where endpoint_id = any ($1) order by endpoint_id',
        [of.map(({ id }) => id)],
      );
      expect(rows.length).toBe(of.length);
      expect(rows.filter(({ status }) => status === 'queued' || status === 'deferred')).toEqual([]);
      return rows.map(({ status, reason }) => (reason === null ? status : `${status}: ${reason}`));
    },
    { timeoutMs: 10_000 },
  );
}

const booksOf = async (account: string) =>
  (
    await database.sql.query(
      `select t.effect_key, t.accounting_date::text as day, array_agg(a.path || ' ' || p.amount order by p.line) as postings
       from postern.transactions t join postern.postings p on p.transaction_id = t.id join postern.accounts a on a.id = p.account_id
       where starts_with(t.effect_key, $1) group by 1, 2`,
      [`stripe:${account}:`],
    )
  ).rows;

function thin(id: string, object: string): string {
  return JSON.stringify({
    id,
    object: 'v2.core.event',
    type: 'v1.charge.succeeded',
    created: '2026-01-01T00:00:00.000Z',
    livemode: false,
    related_object: { id: object, type: 'charge', url: `/v1/charges/${object}` },
  });
}

it('the snapshot and the thin twin of an event, at two endpoints of one account, post once', async () => {
  for (const order of ['snapshot first', 'thin first']) {
    const account = order.replace(' ', '_');
    const snapshots = await endpointOf(account);
    const thins = await endpointOf(account, { api_key: 'sk_test_made' });
    const tell = [
      () => pipeline.deliver(snapshots, chargeSucceeded('twin')),
      () => pipeline.deliver(thins, thin('evt_thin', 'ch_twin')),
    ];
    const [first, second] = order === 'snapshot first' ? tell : tell.toReversed();
    await first?.();
    await statuses(order === 'snapshot first' ? snapshots : thins);
    await second?.();
    expect((await statuses(snapshots, thins)).sort()).toEqual(['posted', 'posted: already_posted']);
    expect(await booksOf(account)).toEqual([
      {
        effect_key: `stripe:${account}:ch_twin:captured:1000`,
        day: '2025-12-31',
        postings: [`asset:processor_pending:stripe:${account} 1000`, 'income:revenue -1000'],
      },
    ]);
  }
});

it('an account’s books are kept in the days of its endpoint’s time_zone', async () => {
  // 23:58:20 on the last of December in UTC.
  for (const [zone, day] of [
    ['UTC', '2025-12-31'],
    ['Europe/Berlin', '2026-01-01'],
    ['America/Los_Angeles', '2025-12-31'],
  ]) {
    const account = `in_${zone?.replace('/', '_')}`;
    const endpoint = await endpointOf(account, { time_zone: zone ?? 'UTC' });
    await pipeline.deliver(endpoint, chargeSucceeded('day'));
    expect(await statuses(endpoint)).toEqual(['posted']);
    expect(await booksOf(account)).toMatchObject([{ day }]);
  }
});
