import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { buryKiller } from '../../src/ingest/batch.ts';
import { createJobQueue } from '../../src/ingest/job-queue.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createBoss } from '../../src/postgres/boss.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

let database: TestDatabase;
let pipeline: Pipeline;
let endpoint: Endpoint;
/** Those the worker knows. */
let loaded: Endpoint[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const { rows } = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ('stripe', 'main', 'acct_1') returning id`,
  );
  const about = { name: 'main', account: 'acct_1', settings: {}, disabled: false, secrets: [] };
  endpoint = { id: rows[0]?.id ?? 0, provider: stripe, ...about };
  pipeline = await createPipeline(database, () => loaded);
});
afterAll(async () => {
  await pipeline.stop();
  await database.drop();
});

type Line = { what: string; attempt: number; error_code: string; error_message: string; at: Date };

async function history(eventId: string): Promise<Line[]> {
  const { rows } = await database.sql.query<Line>(
    `select h.what, h.attempt, h.error_code, h.error_message, h.at from postern.event_history h
     join postern.events e on e.id = h.event_id where e.event_id = $1 order by h.id`,
    [eventId],
  );
  return rows;
}

async function row(eventId: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await database.sql.query<Record<string, unknown>>(
    `select id, status, attempts, error_code, amount, currency,
       array(select value from postern.event_references r where r.event_id = e.id order by 1) as "references"
     from postern.events e where event_id = $1`,
    [eventId],
  );
  return rows[0];
}

it('keeps every attempt that failed with its time, and nothing of one that went well', async () => {
  await pipeline.deliver(endpoint, chargeSucceeded('early'));
  pipeline.worker.start();
  await eventually(async () => expect(await history('evt_early')).toHaveLength(1), { timeoutMs: 15_000 });
  expect(await row('evt_early')).toMatchObject({ status: 'queued', attempts: 1, error_code: 'overloaded' });
  loaded = [endpoint];
  await database.sql.query('update postern.events set next_attempt_at = now()');
  await database.sql.query(`update pgboss.job set start_after = now() where name = 'events' and state < 'active'`);
  await eventually(async () => expect(await row('evt_early')).toMatchObject({ status: 'posted', amount: 1000n }), {
    timeoutMs: 15_000,
  });
  const [line, ...more] = await history('evt_early');
  expect(line).toMatchObject({ what: 'failed', attempt: 1, error_code: 'overloaded', at: expect.any(Date) });
  expect(line?.error_message).toContain('is not loaded yet');
  expect(more).toEqual([]);
});

it('keeps of what cannot be read why, and what could be read of the others beside it', async () => {
  await pipeline.deliver(endpoint, chargeSucceeded('huge').replaceAll(':1000,', `:1${'0'.repeat(30)},`));
  await pipeline.deliver(endpoint, chargeSucceeded('fine'));
  await eventually(async () => expect(await row('evt_fine')).toMatchObject({ status: 'posted' }), {
    timeoutMs: 15_000,
  });
  await eventually(async () => expect(await row('evt_huge')).toMatchObject({ status: 'dead', amount: null }));
  expect(await history('evt_huge')).toMatchObject([{ what: 'died', attempt: 1, error_code: 'amount_invalid' }]);
  expect(await history('evt_fine')).toEqual([]);
});

it('does not look once more into an event that killed three workers', async () => {
  await pipeline.worker.stop();
  await pipeline.deliver(endpoint, chargeSucceeded('killer'));
  const before = await row('evt_killer');
  const boss = createBoss(database.pools().boss, database.log);
  await boss.start();
  let looks = 0;
  const watched = {
    ...endpoint,
    provider: {
      ...stripe,
      normalise: () => {
        looks += 1;
        throw new Error('this ends the process');
      },
    },
  };
  const clock = { now: () => Date.now() };
  await buryKiller(String(before?.id), {
    pool: database.pools().worker,
    queue: createJobQueue(boss),
    ledger: createLedger({ clock }),
    endpoints: { byId: () => watched },
    clock,
    random: Math.random,
    log: database.log,
    metrics: createMetrics({ process: false }),
    writer: uuidv7(clock.now()),
  });
  await boss.stop({ graceful: false, close: false });
  expect(looks).toBe(0);
  expect(await row('evt_killer')).toMatchObject({ status: 'dead', error_code: 'worker_killed', references: [] });
  expect(await history('evt_killer')).toMatchObject([{ what: 'died', attempt: 1, error_code: 'worker_killed' }]);
});

it('buries without what it is about where that is what Postgres refuses', async () => {
  await database.sql.query(`create function public.refuse() returns trigger language plpgsql as
    $$ begin raise exception using errcode = '22001', message = 'too long'; end $$`);
  await database.sql.query(`create trigger refuse before insert on postern.event_references for each row
    when (new.value like 'ch_long%') execute function public.refuse()`);
  await pipeline.stop();
  pipeline = await createPipeline(database, () => loaded);
  pipeline.worker.start();
  await pipeline.deliver(endpoint, chargeSucceeded('long'));
  await eventually(async () => expect(await row('evt_long')).toMatchObject({ status: 'dead', references: [] }), {
    timeoutMs: 15_000,
  });
  expect(await history('evt_long')).toMatchObject([{ what: 'died', error_code: 'refused_by_database' }]);
});
