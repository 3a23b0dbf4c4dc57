import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addsUp } from '../../src/commands/doctor.ts';
import { countExactly } from '../../src/commands/doctor-store.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { expectSums } from '../support/expect-posted.ts';
import { createOldDays, type OldDays } from '../support/old-days.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { chargeSucceeded, stripeEvent } from '../support/stripe-bodies.ts';
import { stubProvider } from '../support/stub-endpoint.ts';

/** Past PayPal's 60 days, the longest of those with an end. */
const LONG_AGO = 70;
let database: TestDatabase;
let old: OldDays;
let today: Pipeline;
let both: Endpoint;
let liveOnly: Endpoint;
let endless: Endpoint;

beforeAll(async () => {
  database = await createTestDatabase();
  old = createOldDays(database);
  both = await old.newEndpoint(stripe);
  // Events of the other mode have no effect.
  liveOnly = await old.newEndpoint(stripe, { mode: 'live' });
  endless = await old.newEndpoint(stubProvider);
  today = await old.today();
  await old.ago(LONG_AGO, async (past) => {
    for (const n of ['a', 'b', 'again']) await past.deliver(liveOnly, chargeSucceeded(n));
    await past.deliver(liveOnly, chargeSucceeded('a'));
    await past.deliver(liveOnly, chargeSucceeded('b').replace('"pending_webhooks":1', '"pending_webhooks":0'));
    await past.deliver(liveOnly, chargeSucceeded('contradicted'));
    await past.deliver(liveOnly, chargeSucceeded('contradicted', { amount: 1 }));
    await past.deliver(both, chargeSucceeded('posted'));
    await past.deliver(both, stripeEvent('evt_parked', 'charge.something_new', { id: 'ch_x' }));
    await past.deliver(endless, JSON.stringify({ events: [{ id: 'for ever' }] }));
  });
  await old.ago(45, async (past) => {
    await past.deliver(liveOnly, chargeSucceeded('younger'));
  });
  await database.sql.query(
    `insert into postern.event_references (event_id, kind, value) select id, 'payment', 'ch_a' from postern.events where event_id = 'evt_a'`,
  );
  await database.sql.query(
    `insert into postern.fetched_objects (event_id, kind, object_id, outcome, detail)
     select id, 'payment', 'ch_a', 'missing', 'no such object' from postern.events where event_id = 'evt_a'`,
  );
  // Came again the other day: whoever sends it may do so once more.
  await today.deliver(liveOnly, chargeSucceeded('again'));
});
afterAll(async () => {
  await today.stop();
  await database.drop();
});

async function eventIds(endpoint: Endpoint): Promise<string[]> {
  const { rows } = await database.sql.query<{ event_id: string }>(
    'select event_id from postern.events where endpoint_id = $1 order by event_id, id',
    [endpoint.id],
  );
  return rows.map((row) => row.event_id);
}

const ALL = ['evt_a', 'evt_again', 'evt_b', 'evt_contradicted', 'evt_contradicted', 'evt_younger'];

describe('event rows', () => {
  it('outlive their bodies', async () => {
    await today.housekeeping.run('forget_events');
    expect(await eventIds(liveOnly)).toEqual(ALL);
  });

  it('stay where nothing is to be removed', async () => {
    const keeper = await createPipeline(database, () => old.endpoints);
    for (const task of ['remove_bodies', 'remove_bodies', 'forget_events'] as const)
      await keeper.housekeeping.run(task);
    await keeper.stop();
    expect(await eventIds(liveOnly)).toEqual(ALL);
    expect((await database.sql.query('select 1 from postern.removed_days')).rowCount).toBe(0);
  });

  it('go past the horizon where they left no trace, and only there', async () => {
    // The count of what came again is written in groups, half a second late.
    await today.intake.close();
    for (let turn = 1; turn <= 2; turn += 1) await today.housekeeping.run('remove_bodies');
    // A turn a day that was removed: three a time, as partitions are made.
    for (let turn = 1; turn <= 8; turn += 1) await today.housekeeping.run('forget_events');
    expect(await eventIds(liveOnly)).toEqual(['evt_again', 'evt_contradicted', 'evt_contradicted', 'evt_younger']);
    expect(await eventIds(both)).toEqual(['evt_parked', 'evt_posted']);
    expect(await eventIds(endless)).toEqual(['for ever']);
  });

  it('take along what hangs on them, and are counted: the sums stay right', async () => {
    const { rowCount } = await database.sql.query(
      `select event_id from postern.event_references where event_id not in (select id from postern.events)
       union all select event_id from postern.duplicate_deliveries where event_id not in (select id from postern.events)
       union all select event_id from postern.fetched_objects where event_id not in (select id from postern.events)`,
    );
    expect(rowCount).toBe(0);
    await expectSums(database.sql);
    const counts = await countExactly(database.sql);
    expect(counts.every(addsUp)).toBe(true);
    expect(counts.map((count) => count.forgotten)).toEqual([0n, 4n, 0n]);
  });

  it('are looked at once: another turn finds nothing, and counts nothing twice', async () => {
    await today.housekeeping.run('forget_events');
    expect((await countExactly(database.sql)).map((count) => count.forgotten)).toEqual([0n, 4n, 0n]);
    const { rows } = await database.sql.query(
      `select sum(forgotten)::int as forgotten, count(*) filter (where forgotten_at is null)::int as younger from postern.removed_days`,
    );
    expect(rows).toEqual([{ forgotten: 2, younger: 3 }]);
  });

  it('are taken for new when they come after all, and have no effect again', async () => {
    const keeper = await old.today();
    expect(await keeper.deliver(liveOnly, chargeSucceeded('a'))).toMatchObject({ stored: 1 });
    await keeper.stop();
    await expectSums(database.sql);
  });
});
