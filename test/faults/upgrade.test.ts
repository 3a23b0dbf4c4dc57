import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { ENDPOINTS_CHANNEL } from '../../src/endpoints/endpoint-store.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import type { SimulatedTarget } from '../../src/simulate/simulator.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { expectPostedOnce } from '../support/expect-posted.ts';
import { type Acknowledged, isOdd, startLiveTraffic } from '../support/live-traffic.ts';
import { createReleaseRunner, type ReleaseRunner, type Running } from '../support/release-runner.ts';
import { type Release, unpackRelease } from '../support/releases.ts';
import { chargeSucceeded, refundCreated, stripeEvent } from '../support/stripe-bodies.ts';
import { chargeIdOf, makeTarget, makeTargets, mixedTraffic, sendBody, take } from '../support/upgrade-traffic.ts';

/*
 * The first release's own process fills a database; then, under live traffic, the present one starts beside it (and
 * migrates), both run, and the old one is told to stop. docs/adr/0002-migrations.md says what a migration must keep.
 */

const FIRST = '0.1.0';
const SEED = process.env.UPGRADE_SEED ?? String(Date.now());
/** No simulated id begins like these charges'. */
const TAG = `upgrade${SEED}`;
const FILLED_WITH = 240;
const FILL_RATE_PER_S = 200;
const LIVE_RATE_PER_S = 60;
/** Answers that each phase of the live traffic must have seen. */
const PHASE = 50;
const AWAY = [1, 2, 3];
/** Passed long before; a machine in use by others may be ten times slower. */
const WITHIN = { timeoutMs: 30_000, everyMs: 50 };

let old: Release;
let folder: string;
let database: TestDatabase;
let releases: ReleaseRunner;

beforeAll(async () => {
  old = unpackRelease(FIRST);
  folder = mkdtempSync(join(tmpdir(), 'postern-upgrade-'));
  database = await createTestDatabase({ migrated: false });
  releases = createReleaseRunner({ databaseUrl: database.url, dataDir: folder });
});
afterAll(async () => {
  await releases.killAll();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
  old.remove();
});

const sha256 = (body: string | Buffer): string => createHash('sha256').update(body).digest('hex');

type EventRow = { id: string; event_id: string; status: string; error_code: string | null; attempts: number };

/** The events of one endpoint, by its name. */
async function eventsOf(name: string): Promise<EventRow[]> {
  const { rows } = await database.sql.query<EventRow>(
    `select e.id, e.event_id, e.status, e.error_code, e.attempts from postern.events e
     join postern.endpoints n on n.id = e.endpoint_id where n.name = $1 order by e.event_id, e.received_at, e.id`,
    [name],
  );
  return rows;
}

/** What must be the same at the end, row for row: all that is finished, and the whole ledger. */
async function finishedRows(): Promise<string[]> {
  const { rows } = await database.sql.query<{ row: string }>(
    `select concat_ws('|', 'event', e.id, e.delivery_id, e.endpoint_id, e.item, e.event_id, encode(e.body_sha256, 'hex'), e.type,
       e.account, e.status, e.reason, e.error_code, e.posted_at, e.conflict) as row
     from postern.events e where e.status in ('posted', 'no_effect', 'dead')
     union all
     select concat_ws('|', 'delivery', d.id, d.received_at, encode(sha256(d.body), 'hex'), md5(d.headers), d.level, d.secret_id)
     from postern.deliveries d
     union all
     select concat_ws('|', 'transaction', t.id, t.effect_key, encode(t.content, 'hex'), t.kind, t.effective_at, t.recorded_at,
       t.source_event, t.reverses) from postern.transactions t
     union all
     select concat_ws('|', 'posting', p.transaction_id, p.line, a.path, p.currency, p.amount, p.reference, p.component)
     from postern.postings p join postern.accounts a on a.id = p.account_id`,
  );
  return rows.map(({ row }) => row);
}

/** Events that each posting loop brought to an end so far. */
async function finishedByWriter(): Promise<Map<string, bigint>> {
  const { rows } = await database.sql.query<{ writer: string; finished: bigint }>(
    'select writer, sum(finished)::int8 as finished from postern.endpoint_minutes group by 1 having sum(finished) > 0',
  );
  return new Map(rows.map(({ writer, finished }) => [writer, finished]));
}

async function settled(): Promise<void> {
  const { rows } = await database.sql.query(
    `select e.event_id, e.error_message from postern.events e join postern.endpoints n on n.id = e.endpoint_id
     where e.status = 'queued' and n.name <> 'away' limit 5`,
  );
  expect(rows).toEqual([]);
}

/** Sends until the endpoint is known: it is new, and heard of a moment later. */
async function deliver(to: Running, target: SimulatedTarget, body: string): Promise<void> {
  await eventually(async () => expect(await sendBody(to.url, 'stripe', target, body)).toBe(200), WITHIN);
}

/**
 * Events that fail and are tried again: accepted while the worker waits for a lock of ours, and worked after their
 * endpoint was taken away.
 */
async function failSome(at: Running, target: SimulatedTarget): Promise<void> {
  await withTransaction(database.appPool, async (tx) => {
    await tx.query('lock table postern.workers in share mode');
    for (const n of AWAY) await deliver(at, target, chargeSucceeded(`away${n}`));
    await giveAwayTo('retired', at);
  });
  await eventually(async () => {
    const rows = await eventsOf('away');
    expect(rows.map(({ status, attempts }) => [status, attempts > 0])).toEqual(AWAY.map(() => ['queued', true]));
  }, WITHIN);
}

/**
 * An endpoint of a processor that no release knows is not loaded: its events are tried again until it comes back. Returns
 * when the gateway has heard of the change, by a request without a signature: 401 where the endpoint is known.
 */
async function giveAwayTo(provider: 'retired' | 'stripe', at: Running): Promise<void> {
  await database.sql.query(`update postern.endpoints set provider = $1 where name = 'away'`, [provider]);
  await database.sql.query('select pg_notify($1, $2)', [ENDPOINTS_CHANNEL, '']);
  await eventually(async () => {
    const { status } = await fetch(`${at.url}/webhooks/stripe/away`, { method: 'POST', body: '{}' });
    expect(status).toBe(provider === 'stripe' ? 401 : 404);
  }, WITHIN);
}

/** Their next attempt may be minutes away; a test has no minutes. */
async function letTimePass(): Promise<void> {
  await database.sql.query(
    `with due as (
       update postern.events set next_attempt_at = now() where status = 'queued' and next_attempt_at > now() returning job_id
     )
     update pgboss.job set start_after = now() where id in (select job_id from due) and state = 'created'`,
  );
}

it(`upgrades a filled ${FIRST} under live traffic: no 5xx but 503, nothing lost (UPGRADE_SEED=${SEED})`, async () => {
  process.stdout.write(`upgrade: UPGRADE_SEED=${SEED}\n`);
  const before = await releases.running(old.launcher);
  const targets = await makeTargets(before.api);
  const plan = mixedTraffic(TAG);

  // Filled by the first release: five processors' lives, and one of each that does not end at once.
  const filling = startLiveTraffic({
    plan: take(plan, FILLED_WITH),
    targets,
    origins: () => [before.url],
    ratePerS: FILL_RATE_PER_S,
  });
  onTestFinished(filling.abandon);
  const [market, dead, away] = await Promise.all([
    makeTarget(before.api, 'stripe', 'market', { account: 'market', settings: { marketplace: 'on_capture' } }),
    makeTarget(before.api, 'stripe', 'dead', { account: 'dead' }),
    makeTarget(before.api, 'stripe', 'away', { account: 'away' }),
  ]);
  const sent: string[] = [];
  const fill = async (target: SimulatedTarget, body: string): Promise<void> => {
    await deliver(before, target, body);
    sent.push(body);
  };
  const contradicted = chargeSucceeded('d', { amount: 2_000, amount_captured: 2_000 });
  await Promise.all([
    fill(market, refundCreated('m', 'ch_m', 400)),
    fill(market, stripeEvent('evt_parked', 'charge.something_new', { id: 'ch_p' })),
    fill(dead, chargeSucceeded('d')).then(() => fill(dead, contradicted)),
    failSome(before, away),
  ]);
  expect(await filling.end()).toEqual([]);
  await eventually(settled, WITHIN);
  const deferred = [
    ['evt_parked', 'deferred'],
    ['evt_re_m', 'deferred'],
  ];
  const statuses = async (name: string) => (await eventsOf(name)).map(({ event_id: id, status }) => [id, status]);
  expect(await statuses('market')).toEqual(deferred);
  expect(await statuses('dead')).toEqual([
    ['evt_d', 'posted'],
    ['evt_d', 'dead'],
  ]);
  const filledRows = await finishedRows();
  const filled = await database.sql.query<{ id: string }>('select id from postern.events');
  const filledIds = filled.rows.map(({ id }) => id);
  const oldWriters = await finishedByWriter();

  // Beside it the present one: it migrates, and the old one goes on.
  let origins = [before.url];
  const live = startLiveTraffic({ plan, targets, origins: () => origins, ratePerS: LIVE_RATE_PER_S });
  onTestFinished(live.abandon);
  await eventually(() => expect(live.acknowledgedBy(before.url)).toBeGreaterThanOrEqual(PHASE), WITHIN);
  const after = await releases.running();
  const migratedAt = await finishedByWriter();
  const acknowledgedThen = live.acknowledgedBy(before.url);
  origins = [before.url, after.url];
  await eventually(async () => {
    expect(live.attempts.filter(isOdd)).toEqual([]);
    const last = live.attempts.findLast(({ origin }) => origin === before.url);
    const silent = `${FIRST} acknowledges on the present schema; its last answer was ${last?.status}, ${last?.about}`;
    expect(live.acknowledgedBy(before.url) - acknowledgedThen, silent).toBeGreaterThanOrEqual(PHASE);
    expect(live.acknowledgedBy(after.url), 'the present release acknowledges').toBeGreaterThanOrEqual(PHASE);
    const now = await finishedByWriter();
    const ofOld = [...now].filter(([writer]) => oldWriters.has(writer));
    const more = ofOld.every(([writer, finished]) => finished > (migratedAt.get(writer) ?? 0n));
    expect(more, `${FIRST} posts on the present schema`).toBe(true);
    expect(now.size, 'the present release posts').toBeGreaterThan(ofOld.length);
  }, WITHIN);

  // Traffic moves to the new one: what the old one refuses is sent again.
  const toldToStopAt = performance.now();
  const stopped = await before.stop();
  expect({ status: stopped.status, err: stopped.err }).toEqual({ status: 0, err: '' });
  origins = [after.url];
  const movedThen = live.acknowledgedBy(after.url);
  await eventually(() => expect(live.acknowledgedBy(after.url) - movedThen).toBeGreaterThanOrEqual(PHASE), WITHIN);
  expect(await live.stop()).toEqual([]);
  const answers = [...filling.attempts, ...live.attempts];
  const acknowledged = [...filling.acknowledged, ...live.acknowledged];
  expect(answers.filter(isOdd)).toEqual([]);
  const unanswered = answers.filter(({ status }) => status === 0);
  expect(unanswered.filter(({ origin, at }) => origin !== before.url || at < toldToStopAt)).toEqual([]);

  // What waited goes on under the present release.
  await deliver(after, market, chargeSucceeded('m'));
  await giveAwayTo('stripe', after);
  await eventually(async () => {
    await letTimePass();
    expect(await statuses('away')).toEqual(AWAY.map((n) => [`evt_away${n}`, 'posted']));
    expect(await statuses('market')).toEqual([
      ['evt_m', 'posted'],
      ['evt_parked', 'deferred'],
      ['evt_re_m', 'posted'],
    ]);
  }, WITHIN);

  await eventually(settled, WITHIN);
  await expectStoredOnce(acknowledged);
  const ids = acknowledged.map(({ planned }) => chargeIdOf(planned, TAG)).filter((id) => id !== null);
  await expectPostedOnce(database.sql, [...new Set(ids), ...AWAY.map((n) => `evt_away${n}`)]);
  const rowsNow = new Set(await finishedRows());
  expect(filledRows.filter((row) => !rowsNow.has(row))).toEqual([]);
  await expectReadable(after, filledIds, [...sent.map(sha256), ...filling.acknowledged.map((one) => one.sha256)]);
  expect((await after.stop()).status).toBe(0);
}, 360_000);

/** Every acknowledged body is there with each of its events once, and all of them are through. */
async function expectStoredOnce(deliveries: readonly Acknowledged[]): Promise<void> {
  const events = new Map(deliveries.map(({ sha256: sum, planned }) => [sum, planned.events]));
  const { rows } = await database.sql.query<{ sum: string; statuses: string[] }>(
    `select a.sum, array_agg(e.status order by e.item) as statuses from unnest($1::text[]) a (sum)
     left join postern.events e on e.body_sha256 = decode(a.sum, 'hex') group by 1`,
    [[...events.keys()]],
  );
  expect(rows).toHaveLength(events.size);
  expect(rows.filter(({ sum, statuses }) => statuses.length !== events.get(sum))).toEqual([]);
  const through = ['posted', 'no_effect', 'deferred'];
  expect(rows.filter(({ statuses }) => !statuses.every((status) => through.includes(status)))).toEqual([]);
}

/** What was stored before shows in the API as it did, each delivery with the bytes that were sent then. */
async function expectReadable({ api }: Running, events: readonly string[], sums: readonly string[]): Promise<void> {
  const found = new Set<string>();
  const left = [...events];
  async function readSome(): Promise<void> {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const event = (await api('GET', `/events/${id}`)) as { id: string; deliveries: string[] };
      expect(event.id).toBe(id);
      expect(event.deliveries.length).toBeGreaterThan(0);
      for (const name of event.deliveries) {
        const delivery = (await api('GET', `/deliveries/${name}`)) as { body_base64: string; body_sha256: string };
        const sum = sha256(Buffer.from(delivery.body_base64, 'base64'));
        expect(delivery.body_sha256).toBe(sum);
        found.add(sum);
      }
    }
  }
  await Promise.all(Array.from({ length: 4 }, readSome));
  expect(sums.filter((sum) => !found.has(sum))).toEqual([]);
}

it(`${FIRST} runs on a schema one release newer, and refuses one two releases newer in one line`, async () => {
  // The rows that the next releases' migrations will write, where there are none yet.
  const note = (name: string, release: number) =>
    database.sql.query('insert into postern.migrations (name, sha256, release) values ($1, $2, $3)', [
      name,
      'x',
      release,
    ]);
  await note('9001-next.sql', 2);
  const beside = await releases.running(old.launcher);
  const target = await makeTarget(beside.api, 'stripe', 'back', { account: 'back' });
  await deliver(beside, target, chargeSucceeded('back'));
  await eventually(async () => expect(await eventsOf('back')).toMatchObject([{ status: 'posted' }]), WITHIN);
  expect((await beside.stop()).status).toBe(0);

  await note('9002-after-next.sql', 3);
  const { status, out, err } = await releases.start(old.launcher).ended;
  expect({ status, out }).toEqual({ status: 1, out: '' });
  expect(err).toMatch(/^postern: the database was migrated by a later release than this program knows[^\n]*\n$/);
}, 240_000);
