import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takeEvents } from '../../src/ingest/work-store.ts';
import { type Sql, sqlOf, txOf, withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const QUEUED = 5_000;

let database: TestDatabase;
let ids: string[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Events with a delivery each, as intake leaves them. */
async function queue(sql: Sql, made: readonly string[], body: Buffer): Promise<void> {
  await sql.query(
    `with deliveries as (
       insert into postern.deliveries (id, received_at, endpoint_id, method, path, source_ip, headers, body, level)
       select id, now(), 1, 'POST', '/', '127.0.0.1', '[]', $2, 'body' from unnest($1::uuid[]) as id
     )
     insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account)
     select id, id, now(), 1, 0, id::text, '', 'charge.succeeded', 'main' from unnest($1::uuid[]) as id`,
    [made, body],
  );
}

describe('takeEvents', () => {
  it('reads none but its own events, also where the planner was last told that the queue is empty', async () => {
    await database.sql.query('analyze postern.events');
    ids = Array.from({ length: QUEUED }, () => uuidv7(Date.now()));
    await queue(database.sql, ids, Buffer.from('{}'));
    const pools = database.pools();
    const client = await pools.worker.connect();
    try {
      // The plan a worker's connection ends up with after its first batches.
      await client.query('set plan_cache_mode = force_generic_plan');
      await client.query('begin');
      const taken = await takeEvents(txOf(client), ids.slice(-10));
      await client.query('commit');
      expect(taken.map((event) => event.id)).toEqual(ids.slice(-10));
      await client.query('select pg_stat_force_next_flush()');
      const read = await sqlOf(client).query<{ name: string; rows: bigint }>(
        `select indexrelname as name, idx_tup_read as rows from pg_stat_user_indexes
         where schemaname = 'postern' and (relname = 'events' or relname like 'deliveries%') and idx_tup_read > 0`,
      );
      for (const index of read.rows) expect(Number(index.rows), index.name).toBeLessThan(QUEUED / 10);
    } finally {
      client.release(true);
    }
  });

  it('gives back the bytes as they came', async () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const bodies = [every, Buffer.from('\\x41 \\\\ \\101 é 💶'), Buffer.alloc(0), Buffer.from('\\')];
    const pools = database.pools();
    for (const body of bodies) {
      const id = uuidv7(Date.now());
      await queue(database.sql, [id], body);
      const [taken] = await withTransaction(pools.worker, (tx) => takeEvents(tx, [id]));
      expect(taken?.body).toEqual(body);
    }
  });
});
