import pg from 'pg';
import { PgBoss } from 'pg-boss';
import type { Accepted, Delivery } from '../src/ingest/delivery.ts';
import { uuidText } from '../src/uuid.ts';

const POOL_MAX = 10;
const QUEUE = 'naive';

/** What most gateways do: for each webhook a transaction with one insert and one `boss.send`. */
export async function createNaive(
  url: string,
): Promise<{ accept(delivery: Delivery): Promise<Accepted>; close(): Promise<void> }> {
  const pool = new pg.Pool({ connectionString: url, max: POOL_MAX });
  await pool.query('create schema if not exists bench');
  await pool.query(
    `create table if not exists bench.webhooks (id uuid primary key, event_id text not null unique, received_at timestamptz not null,
     headers text not null, body bytea not null)`,
  );
  const boss = new PgBoss({ connectionString: url, schema: 'bench_boss', schedule: false, supervise: false });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(QUEUE);
  return {
    async accept(delivery) {
      const client = await pool.connect();
      try {
        await client.query('begin');
        const eventId = delivery.events[0]?.eventId ?? '';
        const inserted = await client.query(
          'insert into bench.webhooks (id, event_id, received_at, headers, body) values ($1, $2, $3, $4, $5) on conflict (event_id) do nothing',
          [
            uuidText(delivery.id),
            eventId,
            new Date(delivery.receivedAt),
            JSON.stringify(delivery.headers),
            delivery.body,
          ],
        );
        const stored = inserted.rowCount ?? 0;
        if (stored === 1) {
          const db = {
            executeSql: async (text: string, values: unknown[] = []) => client.query(text, values),
          };
          await boss.send(QUEUE, { webhook: uuidText(delivery.id) }, { db });
        }
        await client.query('commit');
        return { stored, duplicates: 1 - stored, conflicts: 0 };
      } catch (error) {
        await client.query('rollback');
        throw error;
      } finally {
        client.release();
      }
    },
    async close() {
      await boss.stop({ graceful: false, close: true });
      await pool.end();
    },
  };
}
