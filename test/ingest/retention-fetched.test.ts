import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createOldDays, lastError, type OldDays } from '../support/old-days.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { chargeSucceeded, refundCreated, stripeEvent } from '../support/stripe-bodies.ts';

const AGO = 50;
let database: TestDatabase;
let old: OldDays;
let today: Pipeline;
let endpoint: Endpoint;

beforeAll(async () => {
  database = await createTestDatabase();
  old = createOldDays(database);
  endpoint = await old.newEndpoint(stripe);
  await old.ago(AGO, async (past) => {
    for (const n of ['posted', 'lately', 'unhashed']) await past.deliver(endpoint, chargeSucceeded(n));
    await past.deliver(endpoint, chargeSucceeded('dead').replaceAll(':1000,', `:1${'0'.repeat(30)},`));
    await past.deliver(endpoint, stripeEvent('evt_parked', 'charge.something_new', { id: 'ch_x' }));
    await past.deliver(endpoint, chargeSucceeded('first'));
    await past.deliver(endpoint, chargeSucceeded('first', { amount: 9000 }));
    await past.deliver(endpoint, refundCreated('told', 'ch_told', 400));
    await past.deliver(endpoint, refundCreated('told', 'ch_told', 500).replace('evt_re_', 'evt_other_'));
  });
  await old.ago(3, (past) => past.deliver(endpoint, chargeSucceeded('young')).then(() => undefined));
  await old.ago(AGO, (past) => past.deliver(endpoint, chargeSucceeded('queued')).then(() => undefined), {
    worked: false,
  });
  // As if the processor had been asked about each of them as it came.
  await database.sql.query(
    `insert into postern.fetched_objects (event_id, kind, object_id, outcome, body, sha256, fetched_at)
     select id, 'charge', event_id, 'found', b.body, case when event_id <> 'evt_unhashed' then sha256(b.body) end,
       case when event_id = 'evt_lately' then now() else received_at end
     from postern.events cross join lateral (select convert_to(event_id || ' answered', 'UTF8') as body) b`,
  );
  today = await old.today();
});
afterAll(async () => {
  await today.stop();
  await database.drop();
});

type Fetched = { event_id: string; status: string; conflict: boolean; body: string | null; sha256: string | null };

async function fetched(): Promise<Fetched[]> {
  const { rows } = await database.sql.query<Fetched>(
    `select e.event_id, e.status, e.conflict, convert_from(f.body, 'UTF8') as body, encode(f.sha256, 'hex') as sha256
     from postern.fetched_objects f join postern.events e on e.id = f.event_id order by e.event_id collate "C", e.id`,
  );
  return rows;
}

const goneOf = (rows: readonly Fetched[]): string[] =>
  rows.filter(({ body }) => body === null).map(({ event_id: id }) => id);

describe('what processors answered about events', () => {
  it('stays where nothing is to be removed', async () => {
    const keeper = await createPipeline(database, () => old.endpoints);
    await keeper.housekeeping.run('remove_bodies');
    await keeper.stop();
    expect(goneOf(await fetched())).toEqual([]);
  });

  it('goes past the retention, counted from when it was fetched, but for what deliveries are kept for', async () => {
    await today.housekeeping.run('remove_bodies');
    expect(await lastError(database.sql)).toBeNull();
    const rows = await fetched();
    expect(rows.map(({ event_id: id, status, conflict, body }) => [id, status, conflict, body !== null])).toEqual([
      ['evt_dead', 'dead', false, true],
      ['evt_first', 'posted', false, true],
      ['evt_first', 'dead', true, true],
      ['evt_lately', 'posted', false, true],
      ['evt_other_told', 'dead', false, true],
      ['evt_parked', 'deferred', false, true],
      ['evt_posted', 'posted', false, false],
      ['evt_queued', 'queued', false, true],
      ['evt_re_told', 'posted', false, true],
      ['evt_unhashed', 'posted', false, false],
      ['evt_young', 'posted', false, true],
    ]);
  });

  it('leaves its hash, so that an archived copy can be proved, also where it came before hashes were kept', async () => {
    const hash = (id: string) => createHash('sha256').update(`${id} answered`).digest('hex');
    const gone = (await fetched()).filter(({ body }) => body === null);
    expect(gone.map(({ sha256 }) => sha256)).toEqual(['evt_posted', 'evt_unhashed'].map(hash));
  });

  it('goes once its event is through', async () => {
    await database.sql.query(`update postern.events set status = 'posted' where event_id = 'evt_queued'`);
    await today.housekeeping.run('remove_bodies');
    expect(goneOf(await fetched())).toEqual(['evt_posted', 'evt_queued', 'evt_unhashed']);
  });

  it('goes in bounded steps, past those that stay', async () => {
    await database.sql.query(
      `with made as (
         insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
         select (lpad(to_hex((extract(epoch from now() - interval '60 days') * 1000)::bigint + n), 12, '0') || '7000800000000000' || lpad(n::text, 4, '0'))::uuid,
           gen_random_uuid(), now() - interval '60 days', $1, 0, 'many_' || n, '', 'x', 'a', case when n % 3 = 0 then 'dead' else 'posted' end
         from generate_series(1, 450) n returning id, received_at
       )
       insert into postern.fetched_objects (event_id, kind, object_id, outcome, body, fetched_at)
       select id, 'charge', 'c', 'found', '\\x00', received_at from made`,
      [endpoint.id],
    );
    await today.housekeeping.run('remove_bodies');
    const many = (
      await database.sql.query<{ status: string; left: number }>(
        `select e.status, count(f.body)::int as left from postern.events e join postern.fetched_objects f on f.event_id = e.id
       where e.event_id like 'many_%' group by 1 order by 1`,
      )
    ).rows;
    expect(many).toEqual([
      { status: 'dead', left: 150 },
      { status: 'posted', left: 0 },
    ]);
  });
});
