import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forgetMinutes } from '../../src/ingest/minutes-store.ts';
import { createRejections } from '../../src/ingest/rejections.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { sendRaw } from '../support/raw-request.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

const SECRET = 'whsec_rejections_secret';
const BODY_MAX = 4_096;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What the tables say of one endpoint, whatever the minute: by reason, and their sum. */
async function rejected(endpointId: number): Promise<{ byReason: Record<string, number>; sum: number }> {
  const reasons = await database.sql.query<{ reason: string; requests: bigint }>(
    'select reason, sum(requests)::int8 as requests from postern.rejected_minutes where endpoint_id = $1 group by 1',
    [endpointId],
  );
  const sums = await database.sql.query<{ rejected: bigint | null }>(
    'select sum(rejected)::int8 as rejected from postern.endpoint_minutes where endpoint_id = $1',
    [endpointId],
  );
  return {
    byReason: Object.fromEntries(reasons.rows.map((row) => [row.reason, Number(row.requests)])),
    sum: Number(sums.rows[0]?.rejected ?? 0),
  };
}

describe('requests that are refused', () => {
  let gateway: TestGateway;
  let endpointId: number;
  let stopped = false;
  beforeAll(async () => {
    gateway = await startTestGateway(database, { work: false, env: { BODY_LIMIT: String(BODY_MAX) } });
    await gateway.addEndpoint('stripe', 'main', [SECRET]);
    const { rows } = await database.sql.query<{ id: number }>('select id from postern.endpoints');
    endpointId = rows[0]?.id ?? 0;
  });
  afterAll(async () => {
    if (!stopped) await gateway.stop();
  });

  it('are counted by endpoint and reason, and written when the gateway stops at the latest', async () => {
    const body = Buffer.from(chargeSucceeded('rejected'));
    const send = (headers: Record<string, string>, bytes = body, path = '/webhooks/stripe/main', chunkAt?: number[]) =>
      sendRaw(gateway.url, {
        method: 'POST',
        path,
        headers: Object.entries(headers),
        body: bytes,
        ...(chunkAt === undefined ? {} : { chunkAt }),
      });
    const signed = (secret: string, bytes: Buffer, at = Date.now()): Record<string, string> =>
      Object.fromEntries(sign({ body: bytes, url: '' }, secret, at));
    const large = Buffer.alloc(BODY_MAX + 1, 'x');
    const empty = Buffer.alloc(0);

    expect(await send({})).toBe(401);
    expect(await send({})).toBe(401);
    expect(await send({ 'stripe-signature': 'nonsense' })).toBe(401);
    expect(await send(signed('whsec_another_secret', body))).toBe(401);
    expect(await send(signed(SECRET, body, Date.now() - 3_600_000))).toBe(401);
    expect(await send(signed(SECRET, empty), empty)).toBe(400);
    expect(await send({}, large)).toBe(413);
    expect(await send({}, large, '/webhooks/stripe/main', [100])).toBe(413);
    expect(await send({ ...signed(SECRET, body), 'content-encoding': 'gzip' })).toBe(413);
    // None of our endpoints is counted apart; one that was taken is not counted.
    expect(await send({}, body, '/webhooks/stripe/nobody')).toBe(404);
    expect(await send(signed(SECRET, body))).toBe(200);

    stopped = true;
    await gateway.stop();
    const counted = await rejected(endpointId);
    expect(counted).toEqual({
      byReason: {
        signature_missing: 2,
        signature_malformed: 1,
        signature_mismatch: 1,
        stale: 1,
        empty_body: 1,
        too_large: 3,
      },
      sum: 9,
    });
    expect(await rejected(0)).toEqual({ byReason: { unknown_endpoint: 1 }, sum: 0 });
    const { rows } = await database.sql.query('select distinct endpoint_id from postern.rejected_minutes order by 1');
    expect(rows).toEqual([{ endpoint_id: 0 }, { endpoint_id: endpointId }]);
    const accepted = await database.sql.query(
      'select sum(accepted)::int8 as accepted from postern.endpoint_minutes where endpoint_id = $1',
      [endpointId],
    );
    expect(accepted.rows).toEqual([{ accepted: 1n }]);
  });
});

describe('the counts', () => {
  const clock = { now: () => Date.now() };

  it('cost a refused request no statement, and all of them together one', async () => {
    let asked = 0;
    const counting: typeof database.app = {
      query: (...args) => {
        asked += 1;
        return database.app.query(...args);
      },
    };
    const rejections = createRejections({ sql: counting, clock, log: database.log });
    for (let n = 0; n < 1_000; n += 1) rejections.count(7_001, n % 2 === 0 ? 'stale' : 'signature_mismatch');
    expect(asked).toBe(0);
    await rejections.close();
    expect(asked).toBe(1);
    expect(await rejected(7_001)).toEqual({ byReason: { stale: 500, signature_mismatch: 500 }, sum: 1_000 });
  });

  it('of several instances add up', async () => {
    const instances = [1, 2].map(() => createRejections({ sql: database.app, clock, log: database.log }));
    for (const one of instances) for (let n = 0; n < 10; n += 1) one.count(7_002, 'stale');
    await Promise.all(instances.map((one) => one.close()));
    expect(await rejected(7_002)).toEqual({ byReason: { stale: 20 }, sum: 20 });
  });

  it('of old minutes are folded without a loss, again and again', async () => {
    const writer = '0190f000-0000-7000-8000-000000000001';
    for (let turn = 0; turn < 2; turn += 1) {
      await database.sql.query(
        `insert into postern.rejected_minutes (writer, endpoint_id, reason, minute, requests)
         select $1::uuid, 7003, reason, date_trunc('minute', now()) - make_interval(days => days), 2
         from unnest(array['stale', 'no_secret']) as r (reason), unnest(array[0, 100 + $2::int, 200 + $2::int]) as d (days)
         on conflict (minute, endpoint_id, reason, writer) do update set requests = rejected_minutes.requests + 2`,
        [writer, turn],
      );
      await database.sql.query(
        `insert into postern.endpoint_minutes (writer, endpoint_id, minute, rejected)
         select $1::uuid, 7003, date_trunc('minute', now()) - make_interval(days => days), 4
         from unnest(array[0, 100 + $2::int, 200 + $2::int]) as d (days)
         on conflict (minute, endpoint_id, writer) do update set rejected = endpoint_minutes.rejected + 4`,
        [writer, turn],
      );
      await withTransaction(database.appPool, (tx) => forgetMinutes(tx, 90));
    }
    expect(await rejected(7_003)).toEqual({ byReason: { stale: 12, no_secret: 12 }, sum: 24 });
    const old = await database.sql.query(
      `select from postern.rejected_minutes where endpoint_id = 7003 and minute < now() - interval '90 days'`,
    );
    expect(old.rowCount).toBe(2);
  });
});
