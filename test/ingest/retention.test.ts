import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { expectSums } from '../support/expect-posted.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { createOldDays, lastError, nothingQueued, type OldDays, oldTables } from '../support/old-days.ts';
import type { Pipeline } from '../support/pipeline.ts';
import { chargeSucceeded, refundCreated, stripeEvent } from '../support/stripe-bodies.ts';

let database: TestDatabase;
let gateway: TestGateway;
let old: OldDays;
let today: Pipeline;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database, { work: false });
  old = createOldDays(database);
  today = await old.today();
});
afterAll(async () => {
  await today.stop();
  await gateway.stop();
  await database.drop();
});

type Row = { id: string; event_id: string; delivery_id: string; status: string; conflict: boolean };

async function rowsOf(endpoint: Endpoint): Promise<Row[]> {
  const { rows } = await database.sql.query<Row>(
    'select id, event_id, delivery_id, status, conflict, error_code, error_message, duplicates from postern.events where endpoint_id = $1 order by event_id, id',
    [endpoint.id],
  );
  return rows;
}

async function rowOf(endpoint: Endpoint, eventId: string): Promise<Row> {
  const row = (await rowsOf(endpoint)).find((one) => one.event_id === eventId);
  if (row === undefined) throw new Error(`no event ${eventId}`);
  return row;
}

async function delivery(id: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await gateway.api(`/api/v1/deliveries/${id}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Other bytes, the same content: Stripe counts its pending webhooks down between tries. */
const triedAgain = (body: string): string => body.replace('"pending_webhooks":1', '"pending_webhooks":0');

/** A day leaves the partitions in one turn and is dropped in a later one. */
async function removeOldDays(): Promise<void> {
  for (let turn = 1; turn <= 2; turn += 1) {
    await today.housekeeping.run('remove_bodies');
    expect(await lastError(database.sql)).toBeNull();
  }
  expect(await oldTables(database.sql)).toEqual({});
}

describe('a day past the retention', () => {
  let endpoint: Endpoint;
  let shop: Endpoint;
  const posted = chargeSucceeded('old_posted');

  it('goes, but for the deliveries of events that wait, are dead or in a conflict', async () => {
    endpoint = await old.newEndpoint(stripe);
    shop = await old.newEndpoint(stripe, { marketplace: 'on_capture' });
    const poison = chargeSucceeded('old_dead').replaceAll(':1000,', `:1${'0'.repeat(30)},`);
    await old.ago(50, async (past) => {
      await past.deliver(endpoint, posted);
      await past.deliver(endpoint, triedAgain(posted));
      await past.deliver(endpoint, poison);
      await past.deliver(endpoint, triedAgain(poison));
      await past.deliver(endpoint, stripeEvent('evt_old_parked', 'charge.something_new', { id: 'ch_x' }));
      await past.deliver(endpoint, chargeSucceeded('old_first'));
      await past.deliver(endpoint, chargeSucceeded('old_first', { amount: 9000 }));
      await past.deliver(endpoint, refundCreated('old_told', 'ch_old_told', 400));
      await past.deliver(shop, refundCreated('old_shop', 'ch_old_shop', 400));
    });
    // Another event id under which the posted refund is told otherwise: the first one's bytes are evidence now.
    await old.ago(49, async (past) => {
      await past.deliver(endpoint, refundCreated('old_told', 'ch_old_told', 500).replace('evt_re_', 'evt_other_'));
    });
    await old.ago(50, (past) => past.deliver(endpoint, chargeSucceeded('old_queued')).then(() => undefined), {
      worked: false,
    });
    expect((await rowsOf(endpoint)).map((row) => [row.event_id, row.status, row.conflict])).toEqual([
      ['evt_old_dead', 'dead', false],
      ['evt_old_first', 'posted', false],
      ['evt_old_first', 'dead', true],
      ['evt_old_parked', 'deferred', false],
      ['evt_old_posted', 'posted', false],
      ['evt_old_queued', 'queued', false],
      ['evt_other_old_told', 'dead', false],
      ['evt_re_old_told', 'posted', false],
    ]);
    expect(await rowsOf(shop)).toMatchObject([{ status: 'deferred' }]);

    await removeOldDays();
    const answers = await Promise.all(
      [...(await rowsOf(endpoint)), ...(await rowsOf(shop))].map(async (row) => [
        row.event_id,
        (await delivery(row.delivery_id)).status,
      ]),
    );
    expect(answers).toEqual([
      ['evt_old_dead', 200],
      ['evt_old_first', 200],
      ['evt_old_first', 200],
      ['evt_old_parked', 200],
      ['evt_old_posted', 410],
      ['evt_old_queued', 200],
      ['evt_other_old_told', 200],
      ['evt_re_old_told', 200],
      ['evt_re_old_shop', 200],
    ]);
    await expectSums(database.sql);
  });

  it('leaves a clear answer with the hash of what went, also where the event came again in other bytes', async () => {
    const row = await rowOf(endpoint, 'evt_old_posted');
    const { body } = await delivery(row.delivery_id);
    const sha256 = createHash('sha256').update(posted).digest('hex');
    expect(body).toMatchObject({ status: 410, title: 'Gone', detail: expect.stringContaining(sha256) });
    expect(body.detail).toContain(row.id);

    const event = await (await gateway.api(`/api/v1/events/${row.id}`)).json();
    const { deliveries } = event as { deliveries: string[] };
    expect(deliveries).toHaveLength(2);
    const again = deliveries.find((id) => id !== row.delivery_id) ?? '';
    expect(await delivery(again)).toMatchObject({
      status: 410,
      body: { detail: expect.stringContaining('were removed') },
    });
  });

  it('keeps the later deliveries of a dead event, and its bytes exactly', async () => {
    const { id } = await rowOf(endpoint, 'evt_old_dead');
    const { deliveries } = (await (await gateway.api(`/api/v1/events/${id}`)).json()) as { deliveries: string[] };
    const kept = await Promise.all(deliveries.map(delivery));
    expect(kept.map(({ status }) => status)).toEqual([200, 200]);
    const bodies = kept.map(({ body }) => Buffer.from(String(body.body_base64), 'base64').toString());
    expect(bodies[0]).toContain('"pending_webhooks":1');
    expect(bodies[1]).toContain('"pending_webhooks":0');
    expect(kept[0]?.body.events).toEqual([id]);
  });

  it('is noted in the audit log with how much was kept', async () => {
    const { rows } = await database.sql.query<{ kept: string }>(
      `select details ->> 'kept' as kept from postern.audit_log where action = 'deliveries.removed' order by subject`,
    );
    // Three days a time: of 51 and 48 days ago there was nothing.
    expect(rows.map((row) => row.kept).filter((kept) => kept !== '0')).toEqual(['8', '1']);
  });

  it('does not keep an event from being worked: what was queued posts, what waited is woken and posts', async () => {
    today.worker.start();
    await nothingQueued(database.sql);
    expect(await rowOf(endpoint, 'evt_old_queued')).toMatchObject({ status: 'posted' });

    await today.deliver(shop, chargeSucceeded('old_shop'));
    await eventually(async () => {
      expect(await rowsOf(shop)).toMatchObject([{ status: 'posted' }, { status: 'posted' }]);
    });
    const { rows } = await database.sql.query(
      `select 1 from postern.transactions where effect_key like 'stripe:${shop.account}:re_old_shop:%'`,
    );
    expect(rows.length).toBeGreaterThan(0);
    await today.worker.stop();
  });

  it('takes the bytes along once nobody needs them any more', async () => {
    const { delivery_id: id } = await rowOf(endpoint, 'evt_old_queued');
    expect((await delivery(id)).status).toBe(200);
    await today.housekeeping.run('remove_bodies');
    expect((await delivery(id)).status).toBe(410);
    expect((await delivery((await rowOf(endpoint, 'evt_old_dead')).delivery_id)).status).toBe(200);
    expect((await delivery((await rowOf(endpoint, 'evt_old_parked')).delivery_id)).status).toBe(200);
  });

  it('says 404 of a delivery that never was', async () => {
    expect((await delivery('01890000-0000-7000-8000-000000000000')).status).toBe(404);
  });
});

describe('an event whose body was removed', () => {
  let endpoint: Endpoint;
  const body = chargeSucceeded('gone');

  it('still deduplicates the same bytes', async () => {
    endpoint = await old.newEndpoint(stripe);
    await old.ago(60, (past) => past.deliver(endpoint, body).then(() => undefined));
    await removeOldDays();
    expect(await today.deliver(endpoint, body)).toMatchObject({ stored: 0, duplicates: 1, conflicts: 0 });
    await eventually(async () => expect(await rowsOf(endpoint)).toMatchObject([{ status: 'posted', duplicates: 1 }]));
    await expectSums(database.sql);
  });

  it('shows other bytes to a person instead of counting them as a duplicate or posting them', async () => {
    expect(await today.deliver(endpoint, triedAgain(body))).toMatchObject({ stored: 0, conflicts: 1 });
    expect(await today.deliver(endpoint, triedAgain(triedAgain(body)))).toMatchObject({ conflicts: 0, duplicates: 1 });
    expect(await rowsOf(endpoint)).toMatchObject([
      { status: 'posted' },
      { status: 'dead', conflict: true, error_message: expect.stringContaining('whose body was removed') },
    ]);
    await expectSums(database.sql);
  });

  it('compares with bytes that outlived their day', async () => {
    const parked = stripeEvent('evt_kept_parked', 'charge.something_new', { id: 'ch_p' });
    await old.ago(60, (past) => past.deliver(endpoint, parked).then(() => undefined));
    await removeOldDays();
    expect(await today.deliver(endpoint, triedAgain(parked))).toMatchObject({ duplicates: 1, conflicts: 0 });
    expect(await today.deliver(endpoint, parked.replace('ch_p', 'ch_q'))).toMatchObject({ conflicts: 1 });
  });

  it('dies with a reason when somebody removed by hand what it still needs', async () => {
    const lost = await old.newEndpoint(stripe);
    await old.ago(60, (past) => past.deliver(lost, chargeSucceeded('lost')).then(() => undefined), { worked: false });
    await removeOldDays();
    await database.sql.query('delete from postern.deliveries_kept where endpoint_id = $1', [lost.id]);
    const worker = await old.today();
    worker.worker.start();
    await eventually(async () =>
      expect(await rowsOf(lost)).toMatchObject([{ status: 'dead', error_code: 'body_missing' }]),
    );
    await worker.stop();
  });
});

describe('what became needed while its day went', () => {
  it('is found and kept before the table is dropped', async () => {
    const endpoint = await old.newEndpoint(stripe);
    await old.ago(55, (past) => past.deliver(endpoint, chargeSucceeded('late')).then(() => undefined));
    await today.housekeeping.run('remove_bodies');
    expect(new Set(Object.values(await oldTables(database.sql)))).toEqual(new Set(['detached']));
    await today.deliver(endpoint, chargeSucceeded('late', { amount: 7 }));
    await today.housekeeping.run('remove_bodies');
    expect(await oldTables(database.sql)).toEqual({});
    const rows = await rowsOf(endpoint);
    expect(rows).toMatchObject([{ conflict: false }, { conflict: true }]);
    expect((await delivery(rows[0]?.delivery_id ?? '')).status).toBe(200);
  });
});

describe('a day with what discrepancies name', () => {
  it('keeps what an open discrepancy names, by itself or by what it is about, until it is closed', async () => {
    const asked = await old.newEndpoint(stripe);
    await old.ago(50, async (past) => {
      for (const name of ['about', 'itself', 'elsewhere', 'closed'])
        await past.deliver(asked, chargeSucceeded(`old_${name}`));
    });
    const itself = await rowOf(asked, 'evt_old_itself');
    await database.sql.query(
      `insert into postern.discrepancies (id, fingerprint, class, in_proof, provider, account, reference, currency, delta, occurred_at, evidence, status)
       select gen_random_uuid(), 'retention ' || d.reference, 'missing_in_settlement', true, 'stripe', d.account, d.reference, 'EUR', 1, now(),
         case when d.event is null then '{}' else jsonb_build_object('event', d.event) end, d.status
       from (values ('ch_old_about', $1, null, 'open'), ('x', 'x', $2, 'assigned'), ('ch_old_elsewhere', 'x', null, 'open'),
         ('ch_old_closed', $1, null, 'resolved')) as d (reference, account, event, status)`,
      [asked.account, itself.id],
    );
    const kept = async (): Promise<string[]> => {
      const answers = await Promise.all(
        (await rowsOf(asked)).map(async (row) => [row.event_id, (await delivery(row.delivery_id)).status] as const),
      );
      return answers.flatMap(([id, status]) => (status === 200 ? [id] : []));
    };
    await removeOldDays();
    expect(await kept()).toEqual(['evt_old_about', 'evt_old_itself']);
    await database.sql.query(
      `update postern.discrepancies set status = 'resolved' where fingerprint = 'retention ch_old_about'`,
    );
    await today.housekeeping.run('remove_bodies');
    expect(await kept()).toEqual(['evt_old_itself']);
  });
});
