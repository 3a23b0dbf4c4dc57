import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { drainSeconds, type QueueStats, readStats } from '../../../src/api/stats/read-stats.ts';
import { systemClock } from '../../../src/clock.ts';
import type { Endpoint } from '../../../src/endpoints/endpoint.ts';
import { LISTED_METHOD } from '../../../src/ingest/delivery.ts';
import { providers } from '../../../src/providers/index.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import { uuidv7 } from '../../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createPipeline, type Pipeline } from '../../support/pipeline.ts';
import { chargeSucceeded } from '../../support/stripe-bodies.ts';
import { stubDelivery } from '../../support/stub-endpoint.ts';

let database: TestDatabase;
let keeper: Pipeline;
const endpoints: Endpoint[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  // Its worker is not started: what is stored stays queued.
  keeper = await createPipeline(database, () => endpoints);
});
afterAll(async () => {
  await keeper.stop();
  await database.drop();
});
beforeEach(async () => {
  for (const table of ['endpoint_minutes', 'rejected_minutes', 'endpoint_hours', 'housekeeping_runs', 'backfills'])
    await database.sql.query(`delete from postern.${table}`);
});

async function newEndpoint(): Promise<Endpoint> {
  const name = `e${endpoints.length + 1}`;
  const { rows } = await database.sql.query<{ id: number }>(
    "insert into postern.endpoints (provider, name, account) values ('stripe', $1, $1) returning id",
    [name],
  );
  const endpoint = {
    id: rows[0]?.id ?? 0,
    provider: stripe,
    name,
    account: name,
    settings: {},
    disabled: false,
    secrets: [],
  };
  endpoints.push(endpoint);
  return endpoint;
}

function stats(): Promise<QueueStats> {
  return readStats({ pool: database.appPool, clock: systemClock, providers });
}

async function figuresOf({ name }: Endpoint): Promise<QueueStats['endpoints'][number]> {
  const found = (await stats()).endpoints.find((one) => one.endpoint === name);
  if (found === undefined) throw new Error(`no figures of ${name}`);
  return found;
}

/** A minute so long ago, with counts. */
async function minute(
  endpoint: Endpoint,
  secondsAgo: number,
  counts: Record<string, number> = { accepted: 1 },
): Promise<void> {
  const names = Object.keys(counts);
  await database.sql.query(
    `insert into postern.endpoint_minutes (writer, endpoint_id, minute, ${names.join(', ')})
     values ($1, $2, date_trunc('minute', now() - make_interval(secs => $3)), ${names.map((_, n) => `$${n + 4}`).join(', ')})`,
    [uuidv7(Date.now()), endpoint.id, secondsAgo, ...Object.values(counts)],
  );
}

const HOUR = 3_600;
const DAY = 24 * HOUR;

/** Asked before housekeeping added up the hours, after it did, and after it did so again. */
async function asHousekeepingGoes(check: () => Promise<void>): Promise<void> {
  await check();
  await keeper.housekeeping.run('measure_hours');
  await check();
  await keeper.housekeeping.run('measure_hours');
  await check();
}

describe('silence', () => {
  it('is expected for three times the largest gap of the last seven days', async () => {
    const endpoint = await newEndpoint();
    // Gaps of 5, 2 and 1 hours; the one of 40 hours ended over a week ago.
    for (const ago of [9 * DAY, 9 * DAY - 40 * HOUR, 9 * HOUR, 4 * HOUR, 2 * HOUR, HOUR]) await minute(endpoint, ago);
    await asHousekeepingGoes(async () => {
      const figures = await figuresOf(endpoint);
      expect(figures.expected_silence_seconds).toBeGreaterThan(15 * HOUR - 180);
      expect(figures.silence_seconds).toBeGreaterThan(HOUR - 61);
      expect(figures.silence_seconds).toBeLessThan(HOUR + 120);
      expect(figures.silent).toBe(false);
    });
  });

  it('is expected for ten minutes at least, and longer is told', async () => {
    const endpoint = await newEndpoint();
    for (const ago of [1_300, 1_200, 1_100, 1_000, 900]) await minute(endpoint, ago);
    await asHousekeepingGoes(async () => {
      const figures = await figuresOf(endpoint);
      expect(figures.expected_silence_seconds).toBe(600);
      expect(figures.silent).toBe(true);
    });
    await database.sql.query('update postern.endpoints set disabled = true where id = $1', [endpoint.id]);
    expect((await figuresOf(endpoint)).silent).toBe(false);
  });

  it('is not broken by refused requests, nor by what a backfill brings', async () => {
    const endpoint = await newEndpoint();
    for (const ago of [2_000, 1_900]) await minute(endpoint, ago);
    await minute(endpoint, 300, { rejected: 50 });
    await minute(endpoint, 240, { accepted: 7, filled: 7 });
    await keeper.intake.accept({ ...stubDelivery(endpoint, [{ id: `listed-${endpoint.id}` }]), method: LISTED_METHOD });
    await asHousekeepingGoes(async () => {
      const figures = await figuresOf(endpoint);
      expect(figures.silence_seconds).toBeGreaterThan(1_800);
      expect(figures.last_24_hours).toMatchObject({ accepted: 10, rejected: 50 });
    });
  });

  it('ends with the webhook, to the millisecond', async () => {
    const endpoint = await newEndpoint();
    const at = Date.now() - 900;
    await keeper.intake.accept(stubDelivery(endpoint, [{ id: 'heard' }], at));
    await asHousekeepingGoes(async () =>
      expect((await figuresOf(endpoint)).last_event_at).toBe(new Date(at).toISOString()),
    );
  });

  it('of an endpoint that was never heard is none, and of one that fell silent weeks ago is told', async () => {
    const never = await newEndpoint();
    expect(await figuresOf(never)).toMatchObject({ last_event_at: null, silence_seconds: null, silent: false });
    const lost = await newEndpoint();
    await database.sql.query(
      `insert into postern.endpoint_hours (endpoint_id, hour, accepted, heard_at)
       select $1, date_trunc('hour', now() - interval '20 days'), 3, now() - interval '20 days'`,
      [lost.id],
    );
    await asHousekeepingGoes(async () => {
      const figures = await figuresOf(lost);
      expect(figures.silence_seconds).toBeGreaterThan(20 * DAY - 60);
      expect(figures.silent).toBe(true);
    });
  });
});

describe('the last 24 hours of an endpoint', () => {
  it('tell duplicates, conflicts, failed signatures and gaps, whoever wrote them', async () => {
    const endpoint = await newEndpoint();
    await minute(endpoint, 26 * HOUR, { accepted: 1_000, duplicates: 100 });
    await minute(endpoint, 20 * HOUR, { accepted: 10, duplicates: 4 });
    await minute(endpoint, 20 * HOUR, { accepted: 5, conflicts: 1 });
    await minute(endpoint, 120, { accepted: 2, duplicates: 1, rejected: 9 });
    for (const [reason, requests] of [
      ['signature_mismatch', 5],
      ['stale', 2],
      ['too_large', 2],
    ])
      await database.sql.query(
        `insert into postern.rejected_minutes (writer, endpoint_id, reason, minute, requests)
         values ($1, $2, $3, date_trunc('minute', now() - interval '2 minutes'), $4)`,
        [uuidv7(Date.now()), endpoint.id, reason, requests],
      );
    await database.sql.query(
      `insert into postern.backfills (id, endpoint_id, from_at, to_at, actor, gaps)
       values ($1, $3, now() - interval '3 days', now(), 'test', 40), ($2, $3, now() - interval '1 hour', now(), 'test', 3)`,
      [uuidv7(Date.now() - 2 * DAY * 1_000), uuidv7(Date.now()), endpoint.id],
    );
    await asHousekeepingGoes(async () =>
      expect((await figuresOf(endpoint)).last_24_hours).toEqual({
        accepted: 17,
        duplicates: 5,
        conflicts: 1,
        rejected: 9,
        signature_failures: 7,
        gaps: 3,
      }),
    );
  });

  it('lose nothing and count nothing twice over an hour in which housekeeping did not run', async () => {
    const endpoint = await newEndpoint();
    for (const ago of [4 * HOUR, 3 * HOUR]) await minute(endpoint, ago, { accepted: 2 });
    await keeper.housekeeping.run('measure_hours');
    // As if that had been three and a half hours ago: what came since was never added up.
    await database.sql.query("update postern.housekeeping_runs set last_success_at = now() - interval '210 minutes'");
    for (const ago of [2 * HOUR, 60]) await minute(endpoint, ago, { accepted: 3 });
    await asHousekeepingGoes(async () => expect((await figuresOf(endpoint)).last_24_hours.accepted).toBe(10));
  });
});

describe('money at risk', () => {
  it('counts what is queued for over a minute once it was read, what is deferred and what is dead', async () => {
    const endpoint = await newEndpoint();
    const old = Date.now() - 300_000;
    const pipeline = await createPipeline(database, () => endpoints, { clock: { now: () => old } });
    try {
      await pipeline.deliver(endpoint, chargeSucceeded(`risk${endpoint.id}a`));
      await pipeline.deliver(endpoint, chargeSucceeded(`risk${endpoint.id}b`));
    } finally {
      await pipeline.stop();
    }
    // On its way, and no risk.
    await keeper.deliver(endpoint, chargeSucceeded(`risk${endpoint.id}c`));
    const drops = new Date(old + stripe.facts.retryHorizonHours * HOUR * 1_000).toISOString();
    expect((await figuresOf(endpoint)).amount_at_risk).toEqual([
      { currency: null, amount: null, events: 2, drop_off_at: drops },
    ]);
    await keeper.housekeeping.run('appraise_queue');
    expect((await figuresOf(endpoint)).amount_at_risk).toEqual([
      { currency: 'EUR', amount: '2000', events: 2, drop_off_at: drops },
    ]);
    // Another turn reads none twice; what left the queue is forgotten.
    await database.sql.query(
      "update postern.events set status = 'posted' where endpoint_id = $1 and event_id like '%a'",
      [endpoint.id],
    );
    await keeper.housekeeping.run('appraise_queue');
    expect((await figuresOf(endpoint)).amount_at_risk).toMatchObject([{ currency: 'EUR', amount: '1000', events: 1 }]);
    const { rows } = await database.sql.query<{ count: bigint }>('select count(*) from postern.queued_amounts');
    expect(rows[0]?.count).toBe(1n);
  });

  it('takes a refund for as much as a payment, by currency, and tells what could not be read apart', async () => {
    const endpoint = await newEndpoint();
    for (const [n, [status, currency, amount]] of [
      ['dead', 'EUR', 48_000],
      ['deferred', 'EUR', -210],
      ['dead', 'JPY', 7],
      ['dead', null, null],
      ['posted', 'EUR', 99_999],
    ].entries()) {
      const id = uuidv7(Date.now());
      await database.sql.query(
        `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
         values ($1, $1, now(), $2, 0, $3, '', 'x', 'x', $4)`,
        [id, endpoint.id, `risk-${n}`, status],
      );
      if (currency !== null)
        await database.sql.query('insert into postern.event_amounts values ($1, $2, $3)', [id, currency, amount]);
    }
    expect((await figuresOf(endpoint)).amount_at_risk).toMatchObject([
      { currency: 'EUR', amount: '48210', events: 2 },
      { currency: 'JPY', amount: '7', events: 1 },
      { currency: null, amount: null, events: 1 },
    ]);
  });

  it('of an event whose body cannot be found is unknown, and does not stop the others from being read', async () => {
    const endpoint = await newEndpoint();
    const old = Date.now() - 300_000;
    const pipeline = await createPipeline(database, () => endpoints, { clock: { now: () => old } });
    try {
      await pipeline.deliver(endpoint, chargeSucceeded(`lost${endpoint.id}a`));
      await pipeline.deliver(endpoint, chargeSucceeded(`lost${endpoint.id}b`));
      await pipeline.deliver(
        endpoint,
        `{"id":"evt_lost${endpoint.id}c","type":"charge.succeeded","data":{"object":{"id":7}}}`,
      );
    } finally {
      await pipeline.stop();
    }
    await database.sql.query(
      "update postern.events set delivery_id = gen_random_uuid() where endpoint_id = $1 and event_id like '%a'",
      [endpoint.id],
    );
    await keeper.housekeeping.run('appraise_queue');
    expect((await figuresOf(endpoint)).amount_at_risk).toMatchObject([
      { currency: 'EUR', amount: '1000', events: 1 },
      { currency: null, events: 2 },
    ]);
  });
});

describe('the time until a queue is empty', () => {
  it.each([
    ['nothing is left', { depth: 0, active: 0, rateOut: 0, rateIn: 0 }, 0],
    ['nobody works', { depth: 1, active: 0, rateOut: 0, rateIn: 0 }, null],
    ['less comes than leaves', { depth: 900, active: 100, rateOut: 30, rateIn: 10 }, 50],
    ['more comes than leaves', { depth: 900, active: 100, rateOut: 10, rateIn: 30 }, null],
    ['it is in step with what comes', { depth: 30, active: 10, rateOut: 100, rateIn: 101 }, 0.4],
    ['nobody counts what comes', { depth: 100, active: 0, rateOut: 10, rateIn: null }, 10],
  ])('where %s', (_what, figures, seconds) => {
    expect(drainSeconds(figures)).toBe(seconds);
  });
});

describe('rates', () => {
  it('are of the minutes that ran, not of a whole window', async () => {
    const endpoint = await newEndpoint();
    await database.sql.query(
      `insert into postern.endpoint_minutes (writer, endpoint_id, minute, accepted, duplicates, conflicts, finished)
       values ($1, $2, date_trunc('minute', now()) - interval '1 minute', 700, 60, 40, 1200),
         ($1, $2, date_trunc('minute', now()) - interval '2 minutes', 9000, 0, 0, 9000)`,
      [uuidv7(Date.now()), endpoint.id],
    );
    const { queues } = await stats();
    const [events] = queues;
    expect(events?.rate_in_per_second).toBeGreaterThan(4.9);
    expect(events?.rate_in_per_second).toBeLessThanOrEqual(10);
    expect((events?.rate_per_second ?? 0) / (events?.rate_in_per_second ?? 1)).toBeCloseTo(2, 5);
  });
});
