import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { forgetQuarantined, keepRefused, type QuarantineRow } from '../../../src/ingest/quarantine/quarantine-store.ts';
import { withTransaction } from '../../../src/postgres/sql.ts';
import { uuidv7Bytes } from '../../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

const HOUR_MS = 3_600_000;
/** The beginning of an hour, so that what comes within it is of one kind. */
const NOON = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 2 * HOUR_MS;
const CAPS = { rows: 64, bytes: 1_000_000 };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
afterEach(async () => {
  // What the kinds say they hold is what is there, whoever added and took.
  const { rows } = await database.sql.query(
    `select k.* from postern.quarantine_kinds k
     left join (
       select endpoint_id, reason, date_trunc('hour', received_at) as hour, count(*) as n, sum(bytes) as bytes
       from postern.quarantine group by 1, 2, 3
     ) q using (endpoint_id, reason, hour)
     where k.held <> coalesce(q.n, 0) or k.bytes <> coalesce(q.bytes, 0)`,
  );
  expect(rows).toEqual([]);
});

async function endpoint(name: string): Promise<number> {
  const { rows } = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ('stripe', $1, 'acct') returning id`,
    [name],
  );
  return rows[0]?.id ?? 0;
}

function refused(at: number, reason: string, body = Buffer.from('{}')): QuarantineRow {
  return {
    id: uuidv7Bytes(at),
    receivedAt: at,
    reason,
    detail: 'as it was',
    method: 'POST',
    origin: 'http://localhost',
    path: '/webhooks/stripe/main',
    sourceIp: '127.0.0.1',
    headers: '[]',
    body,
  };
}

/** So many of one kind, spread over its hour, in batches as the writer's. */
async function flood(id: number, hour: number, reason: string, count: number, caps = CAPS): Promise<void> {
  const rows = Array.from({ length: count }, (_, n) => refused(hour + Math.floor((n * HOUR_MS) / count), reason));
  for (let n = 0; n < rows.length; n += 10)
    await withTransaction(database.appPool, (tx) => keepRefused(tx, id, rows.slice(n, n + 10), caps));
}

async function held(id: number): Promise<Record<string, number>> {
  const { rows } = await database.sql.query<{ kind: string; n: bigint }>(
    `select reason || ' ' || extract(epoch from date_trunc('hour', received_at))::int8 as kind, count(*) as n
     from postern.quarantine where endpoint_id = $1 group by 1`,
    [id],
  );
  return Object.fromEntries(rows.map(({ kind, n }) => [kind, Number(n)]));
}
const kind = (reason: string, hour: number): string => `${reason} ${hour / 1_000}`;

it('keeps all while there is room', async () => {
  const id = await endpoint('room');
  await flood(id, NOON, 'stale', 64);
  expect(await held(id)).toEqual({ [kind('stale', NOON)]: 64 });
});

it('is never over its cap, and what is left of a flood tells of the whole hour', async () => {
  const id = await endpoint('flood');
  await flood(id, NOON, 'signature_mismatch', 2_000);
  const { rows } = await database.sql.query<{ n: bigint; early: bigint; seen: bigint; kept_every: number }>(
    `select count(*) as n, count(*) filter (where extract(minute from received_at) < 30) as early, max(k.seen) as seen,
       max(k.kept_every) as kept_every
     from postern.quarantine q join postern.quarantine_kinds k using (endpoint_id, reason) where q.endpoint_id = $1`,
    [id],
  );
  const [found] = rows;
  expect(Number(found?.n)).toBeLessThanOrEqual(CAPS.rows);
  expect(Number(found?.n)).toBeGreaterThanOrEqual(CAPS.rows / 4);
  expect(Math.abs(2 * Number(found?.early) - Number(found?.n))).toBeLessThanOrEqual(4);
  expect(found).toMatchObject({ seen: 2_000n, kept_every: 32 });
});

it('does not let a flood push out another reason, nor another hour', async () => {
  const id = await endpoint('others');
  await flood(id, NOON - HOUR_MS, 'stale', 10);
  await flood(id, NOON - HOUR_MS, 'signature_mismatch', 10);
  await flood(id, NOON, 'signature_mismatch', 1_000);
  expect(await held(id)).toMatchObject({
    [kind('stale', NOON - HOUR_MS)]: 10,
    [kind('signature_mismatch', NOON - HOUR_MS)]: 10,
  });
  // Nor does one that came first keep others from coming.
  await flood(id, NOON + HOUR_MS, 'no_secret', 10);
  expect(await held(id)).toMatchObject({
    [kind('stale', NOON - HOUR_MS)]: 10,
    [kind('no_secret', NOON + HOUR_MS)]: 10,
  });
  expect(Object.values(await held(id)).reduce((a, b) => a + b)).toBeLessThanOrEqual(CAPS.rows);
});

it('does not let an endpoint cost another its room', async () => {
  const [one, other] = [await endpoint('one'), await endpoint('other')];
  await flood(one, NOON, 'stale', 20);
  await flood(other, NOON, 'stale', 500);
  expect(await held(one)).toEqual({ [kind('stale', NOON)]: 20 });
});

it('is bounded in bytes: large bodies make room for themselves', async () => {
  const id = await endpoint('bytes');
  const large = Buffer.alloc(50_000, 'x');
  await flood(id, NOON, 'stale', 10);
  for (let n = 0; n < 40; n += 1)
    await withTransaction(database.appPool, (tx) =>
      keepRefused(tx, id, [refused(NOON + n, 'signature_mismatch', large)], CAPS),
    );
  const { rows } = await database.sql.query<{ bytes: bigint }>(
    'select sum(bytes) as bytes from postern.quarantine where endpoint_id = $1',
    [id],
  );
  expect(Number(rows[0]?.bytes)).toBeLessThanOrEqual(CAPS.bytes);
  expect(Number(rows[0]?.bytes)).toBeGreaterThan(CAPS.bytes / 4);
  expect((await held(id))[kind('stale', NOON)]).toBe(10);
});

it('keeps its cap where several instances write at once', async () => {
  const id = await endpoint('instances');
  await Promise.all([1, 2, 3].map(() => flood(id, NOON, 'stale', 200)));
  expect(Object.values(await held(id)).reduce((a, b) => a + b)).toBeLessThanOrEqual(CAPS.rows);
  const { rows } = await database.sql.query('select seen from postern.quarantine_kinds where endpoint_id = $1', [id]);
  expect(rows).toEqual([{ seen: 600n }]);
});

it('forgets what is older than seven days, some at a time, and nothing younger', async () => {
  const id = await endpoint('old');
  const day = 86_400_000;
  await flood(id, Date.now() - 8 * day, 'stale', 10);
  await withTransaction(database.appPool, (tx) =>
    keepRefused(tx, id, [refused(Date.now() - 7 * day + 60_000, 'stale')], CAPS),
  );
  const count = async (): Promise<number> => Object.values(await held(id)).reduce((a, b) => a + b);
  const forget = (): Promise<number> => withTransaction(database.appPool, (tx) => forgetQuarantined(tx, 6));
  expect(await count()).toBe(11);
  expect([await forget(), await forget(), await forget()]).toEqual([6, 4, 0]);
  expect(await count()).toBe(1);
});

it('goes with its endpoint', async () => {
  const id = await endpoint('gone');
  await flood(id, NOON, 'stale', 5);
  await database.sql.query('delete from postern.endpoints where id = $1', [id]);
  expect(await held(id)).toEqual({});
});
