import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { type BatchParts, runBatch } from '../../src/ingest/batch.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { Pools } from '../../src/postgres/pools.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { chargeSucceeded, refundCreated } from '../support/stripe-bodies.ts';

let database: TestDatabase;
let pipeline: Pipeline;
let pools: Pools;
let shop: Endpoint;
const metrics = createMetrics({ process: false });

beforeAll(async () => {
  database = await createTestDatabase();
  const { rows } = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ('stripe', 'shop', 'shop') returning id`,
  );
  const id = rows[0]?.id ?? 0;
  const settings = { marketplace: 'on_capture' } as const;
  shop = { id, provider: stripe, name: 'shop', account: 'shop', settings, disabled: false, secrets: [] };
  pipeline = await createPipeline(database, () => [shop]);
  pools = database.pools();
});
afterAll(async () => {
  await pipeline.stop();
  await database.drop();
});

function parts(pool: BatchParts['pool'] = pools.worker): BatchParts {
  const clock = { now: () => Date.now() };
  return {
    pool,
    queue: pipeline.queue,
    ledger: createLedger({ clock }),
    endpoints: { byId: () => shop },
    clock,
    random: Math.random,
    log: database.log,
    metrics,
    writer: uuidv7(Date.now()),
  };
}

async function rowOf(eventId: string): Promise<{ id: string; status: string }> {
  const { rows } = await database.sql.query<{ id: string; status: string }>(
    'select id, status from postern.events where event_id = $1',
    [eventId],
  );
  if (rows[0] === undefined) throw new Error(`no event ${eventId}`);
  return rows[0];
}

/** A refund that waits for the capture of its payment, and that capture, still queued: the refund has the lower id. */
async function refundBeforeCapture(n: string): Promise<{ refund: string; capture: string }> {
  await pipeline.deliver(shop, refundCreated(n, `ch_${n}`, 400));
  const refund = await rowOf(`evt_re_${n}`);
  await runBatch([refund.id], [], parts());
  expect((await rowOf(`evt_re_${n}`)).status).toBe('deferred');
  await pipeline.deliver(shop, chargeSucceeded(n));
  return { refund: refund.id, capture: (await rowOf(`evt_${n}`)).id };
}

async function deadlocks(): Promise<number> {
  const { values } = await metrics.serializationFailures.get();
  const { rows } = await database.sql.query<{ deadlocks: bigint }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  return values.reduce((sum, { value }) => sum + value, 0) + Number(rows[0]?.deadlocks ?? 0);
}

async function somebodyWaits(): Promise<void> {
  await eventually(async () => {
    const { rows } = await database.sql.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    expect(rows).toHaveLength(1);
  });
}

describe('an event that waits for an effect', () => {
  it('is woken by the posting, which waits for nobody who counts duplicates of both', async () => {
    const { refund, capture } = await refundBeforeCapture('order');
    const counting = await pools.api.connect();
    try {
      // As intake does: both in one transaction, in id order.
      const count = (id: string) =>
        counting.query('update postern.events set duplicates = duplicates + 1 where id = $1', [id]);
      await counting.query('begin');
      await count(refund);
      const batch = runBatch([capture], [], parts());
      await somebodyWaits();
      await count(capture);
      await counting.query('commit');
      await batch;
    } finally {
      counting.release();
    }
    expect((await rowOf('evt_order')).status).toBe('posted');
    expect((await rowOf('evt_re_order')).status).toBe('queued');
    expect(await deadlocks()).toBe(0);
    await runBatch([refund], [], parts());
    expect((await rowOf('evt_re_order')).status).toBe('posted');
    expect((await database.sql.query('select 1 from postern.effects_awaited')).rows).toEqual([]);
  });

  it('is woken by housekeeping where the process died between the posting and the waking', async () => {
    const { capture } = await refundBeforeCapture('crash');
    let connections = 0;
    const dying = {
      connect() {
        connections += 1;
        if (connections > 1) throw new Error('Connection terminated unexpectedly');
        return pools.worker.connect();
      },
    };
    await runBatch([capture], [], parts(dying as unknown as pg.Pool));
    expect((await rowOf('evt_crash')).status, 'what is posted stays posted').toBe('posted');
    expect((await rowOf('evt_re_crash')).status).toBe('deferred');
    await pipeline.housekeeping.run('wake_parked');
    expect((await rowOf('evt_re_crash')).status).toBe('queued');
    expect((await database.sql.query('select 1 from postern.effects_awaited')).rows).toEqual([]);
  });

  it('is left alone by a posting that is rolled back', async () => {
    const { capture } = await refundBeforeCapture('undone');
    const failing = { ...parts(), queue: { ...pipeline.queue, complete: () => Promise.reject(new Error('no')) } };
    await runBatch([capture], [], failing).catch(() => undefined);
    expect((await rowOf('evt_re_undone')).status).toBe('deferred');
    await pipeline.housekeeping.run('wake_parked');
    expect((await rowOf('evt_re_undone')).status).toBe('deferred');
  });

  it('is woken once each, without a deadlock, with two workers and copies of everything at once', async () => {
    const PAYMENTS = 60;
    const ids = Array.from({ length: PAYMENTS }, (_, n) => `storm_${n}`);
    const other = await createPipeline(database, () => [shop]);
    const statuses = async (status: string): Promise<number> => {
      const { rows } = await database.sql.query(
        `select 1 from postern.events where event_id like 'evt%storm_%' and status = $1`,
        [status],
      );
      return rows.length;
    };
    pipeline.worker.start();
    other.worker.start();
    try {
      await Promise.all(ids.map((n) => pipeline.deliver(shop, refundCreated(n, `ch_${n}`, 400))));
      await eventually(async () => expect(await statuses('deferred')).toBe(PAYMENTS), { timeoutMs: 20_000 });
      await Promise.all(
        ids.flatMap((n, at) => [
          (at % 2 === 0 ? pipeline : other).deliver(shop, chargeSucceeded(n)),
          pipeline.deliver(shop, refundCreated(n, `ch_${n}`, 400)),
          other.deliver(shop, refundCreated(n, `ch_${n}`, 400)),
        ]),
      );
      await eventually(async () => expect(await statuses('posted')).toBe(2 * PAYMENTS), { timeoutMs: 20_000 });
    } finally {
      await other.stop();
    }
    expect(await deadlocks()).toBe(0);
  }, 120_000);
});
