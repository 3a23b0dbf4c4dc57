import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BackfillRow, selectBackfillEvents, selectBackfills } from '../../src/api/backfill-store.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { PosternError } from '../../src/errors.ts';
import { planBackfills, scheduleOf, selectSchedules } from '../../src/ingest/backfill-schedule.ts';
import { cancelBackfill, insertBackfill } from '../../src/ingest/backfill-store.ts';
import { type Backfiller, createBackfiller } from '../../src/ingest/backfiller.ts';
import type { Intake } from '../../src/ingest/intake.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import type { ApiAnswer, ApiCall, EndpointSettings } from '../../src/providers/provider.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createListing } from '../support/listing-provider.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { stubProvider } from '../support/stub-endpoint.ts';

const HOUR_MS = 3_600_000;

const listing = createListing('listing', 'api.stub.example');

let database: TestDatabase;
let pipeline: Pipeline;
const endpoints: Endpoint[] = [];
/** What the processor lists, by cursor. */
const pages = new Map<string, string>();
const asked: ApiCall[] = [];
let answer: (call: ApiCall) => ApiAnswer | Promise<ApiAnswer>;
const metrics = createMetrics({ process: false });

const OLD = Date.now() - 2 * HOUR_MS;
const sent = (id: string, more = '"amount":"1000"', type = 'paid', at = OLD): string =>
  `{"id":"${id}","type":"${type}",${more},"at":${at}}`;

beforeAll(async () => {
  database = await createTestDatabase();
  pipeline = await createPipeline(database, () => endpoints, {
    api: async ({ path }) => ({ status: path.includes('closed') ? 403 : 404, headers: {}, body: Buffer.alloc(0) }),
  });
  pipeline.worker.start();
  pipeline.fetcher.start();
});
afterAll(async () => {
  await pipeline.stop();
  await database.drop();
});
beforeEach(() => {
  pages.clear();
  asked.length = 0;
  answer = ({ path }) => ({
    status: 200,
    headers: {},
    body: Buffer.from(pages.get(path.slice('/events?cursor='.length)) ?? '{"data":[]}'),
  });
});

function backfillerWith(intake: Pick<Intake, 'accept'> = pipeline.intake): Backfiller {
  return createBackfiller({
    pool: database.appPool,
    intake,
    endpoints: { byId: (id) => endpoints.find((one) => one.id === id), all: () => endpoints },
    call: async (_provider, call) => {
      asked.push(call);
      return answer(call);
    },
    clock: { now: () => Date.now() },
    random: () => 0,
    log: database.log,
    metrics,
  });
}

async function newEndpoint(settings: EndpointSettings = { api_key: 'k1' }): Promise<Endpoint> {
  const name = `b${endpoints.length + 1}`;
  const { rows } = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ('listing', $1, $1) returning id`,
    [name],
  );
  const id = rows[0]?.id ?? 0;
  const endpoint = { id, provider: listing, name, account: name, settings, disabled: false, secrets: [] };
  endpoints.push(endpoint);
  return endpoint;
}

async function ask(endpoint: Endpoint, more: { dryRun?: boolean; scheduled?: boolean } = {}): Promise<string> {
  const id = uuidv7(Date.now());
  const { dryRun = false, scheduled = false } = more;
  await withTransaction(database.appPool, (tx) =>
    insertBackfill(tx, {
      id,
      endpointId: endpoint.id,
      from: Date.now() - 24 * HOUR_MS,
      to: Date.now(),
      dryRun,
      scheduled,
      actor: 'test',
    }),
  );
  return id;
}

async function run(endpoint: Endpoint, more: { dryRun?: boolean; scheduled?: boolean } = {}): Promise<BackfillRow> {
  const id = await ask(endpoint, more);
  const backfiller = backfillerWith();
  while (await backfiller.step(id));
  return report(id);
}

async function report(id: string): Promise<BackfillRow> {
  const [row] = await selectBackfills(database.app, { id }, { before: null, limit: 1 });
  if (row === undefined) throw new Error('there is no such backfill');
  return row;
}

const found = async (id: string): Promise<[string, string][]> =>
  (await selectBackfillEvents(database.app, id, { after: null, limit: 100 })).map((one) => [one.event_id, one.outcome]);

/** As if the wait, or the lease of a process that died, were over. */
const comeDue = (id: string): Promise<unknown> =>
  database.sql.query('update postern.backfills set due_at = now() where id = $1', [id]);

async function settled(endpoint: Endpoint): Promise<void> {
  await eventually(async () => {
    const { rows } = await database.sql.query(
      `select 1 from postern.events where endpoint_id = $1 and status = 'queued'`,
      [endpoint.id],
    );
    expect(rows).toEqual([]);
  });
}

/** Waits until an event is at its end; the tries of a fetch that finds nothing are over at once. */
async function ends(
  endpoint: Endpoint,
  eventId: string,
  status: string,
  waitingFor: string | null = null,
): Promise<void> {
  await eventually(
    async () => {
      await database.sql.query(
        'update postern.fetches set due_at = now(), missed = 4 where leased_until is null and missed between 1 and 3',
      );
      const { rows } = await database.sql.query(
        'select status, waiting_for from postern.events where endpoint_id = $1 and event_id = $2',
        [endpoint.id, eventId],
      );
      expect(rows).toEqual([{ status, waiting_for: waitingFor }]);
    },
    { timeoutMs: 10_000 },
  );
}

async function postedAmounts(endpoint: Endpoint): Promise<string[]> {
  await settled(endpoint);
  const { rows } = await database.sql.query<{ amount: bigint }>(
    `select p.amount from postern.transactions t join postern.postings p on p.transaction_id = t.id
     where t.effect_key like $1 and p.amount > 0 order by t.effect_key`,
    [`listing:${endpoint.account}:%`],
  );
  return rows.map((row) => String(row.amount));
}

const page = (events: readonly string[], next: string | null = null): string =>
  `{"data":[${events.join(',')}],"next":${JSON.stringify(next)}}`;

describe('what the processor lists', () => {
  it('is taken in where it is missing, through the same pipeline, and posted once', async () => {
    const endpoint = await newEndpoint();
    await pipeline.deliver(endpoint, sent('e1'));
    await settled(endpoint);
    pages.set('', page([sent('e3', '"amount":"300"'), sent('e2', '"amount":"9007199254740993"')], 'p2'));
    pages.set('p2', page([sent('e1'), sent('n1', '"x":1', 'note')]));
    const first = await run(endpoint);
    expect(first).toMatchObject({ status: 'done', issued: 4n, received: 1n, missing: 3n, filled: 3n, conflicts: 0n });
    // The note moves no money: its type may never have been asked for.
    expect(first.gaps).toBe(2n);
    expect(await postedAmounts(endpoint)).toEqual(['1000', '9007199254740993', '300']);
    expect(await report(first.id)).toMatchObject({ posted: 3n, queued: 0n, dead: 0n });

    const again = await run(endpoint);
    expect(again).toMatchObject({ issued: 4n, received: 4n, posted: 3n, filled: 0n, gaps: 0n });
    expect(await postedAmounts(endpoint)).toHaveLength(3);
    const { rows } = await database.sql.query(
      `select 1 from postern.duplicate_deliveries d join postern.events e on e.id = d.event_id where e.endpoint_id = $1`,
      [endpoint.id],
    );
    expect(rows, 'looking again keeps no copies').toEqual([]);
  });

  it('is kept in its own bytes, and says what brought it', async () => {
    const endpoint = await newEndpoint();
    const bytes = `{ "id":"e1", "type":"paid" , "amount":"5","big":12345678901234567890, "r":1.10,"at":${OLD} }`;
    pages.set('', page([bytes]));
    const { id } = await run(endpoint);
    const { rows } = await database.sql.query<{ body: Buffer; method: string; headers: string; path: string }>(
      'select body, method, headers, path from postern.deliveries where endpoint_id = $1',
      [endpoint.id],
    );
    expect(rows.map((row) => ({ ...row, body: String(row.body) }))).toEqual([
      { body: bytes, method: 'GET', path: '/events', headers: JSON.stringify([['postern-backfill', id]]) },
    ]);
  });

  it('is told and not taken in by a dry run', async () => {
    const endpoint = await newEndpoint();
    await pipeline.deliver(endpoint, sent('e1'));
    pages.set('', page([sent('e1'), sent('e2')]));
    const dry = await run(endpoint, { dryRun: true });
    expect(dry).toMatchObject({ status: 'done', issued: 2n, received: 1n, missing: 1n, filled: 0n, gaps: 1n });
    expect(await found(dry.id)).toContainEqual(['e2', 'missing']);
    expect(await postedAmounts(endpoint)).toEqual(['1000']);
  });

  it('counts what came by webhook while its page was compared as received', async () => {
    const endpoint = await newEndpoint();
    pages.set('', page([sent('e1')]));
    const id = await ask(endpoint);
    const raced = backfillerWith({
      async accept(delivery) {
        await pipeline.deliver(endpoint, sent('e1', '"amount":"1000","try":2'));
        return pipeline.intake.accept(delivery);
      },
    });
    await raced.step(id);
    expect(await report(id)).toMatchObject({ status: 'done', issued: 1n, received: 1n, filled: 0n, gaps: 0n });
    expect(await postedAmounts(endpoint)).toEqual(['1000']);
  });

  it('is no conflict when its webhook comes late, in another version and other bytes', async () => {
    const endpoint = await newEndpoint();
    pages.set('', page([sent('e1')]));
    await run(endpoint);
    const accepted = await pipeline.deliver(endpoint, sent('e1', '"amount":"1000","new_in_this_version":true'));
    expect(accepted).toMatchObject({ stored: 0, duplicates: 1, conflicts: 0 });
    expect(await postedAmounts(endpoint)).toEqual(['1000']);
    expect((await run(endpoint)).conflicts).toBe(0n);
  });

  it('is a conflict for a person when it tells other money than came under its id', async () => {
    const endpoint = await newEndpoint();
    await pipeline.deliver(endpoint, sent('e1', '"amount":"999999"'));
    pages.set('', page([sent('e1')]));
    const dry = await run(endpoint, { dryRun: true });
    expect(dry).toMatchObject({ conflicts: 1n, received: 0n });
    const { id, conflicts } = await run(endpoint);
    expect(conflicts).toBe(1n);
    expect(await found(id)).toEqual([['e1', 'conflict']]);
    const { rows } = await database.sql.query(
      'select status, conflict from postern.events where endpoint_id = $1 order by id',
      [endpoint.id],
    );
    expect(rows).toMatchObject([{ conflict: false }, { conflict: true, status: 'dead' }]);
    expect(await run(endpoint)).toMatchObject({ conflicts: 0n, received: 1n, dead: 1n });
  });

  it('is left alone outside the time asked for, and of types that the webhook does not bring', async () => {
    const endpoint = await newEndpoint({ api_key: 'k', backfill_types: ['pa*', 'exact'] });
    pages.set(
      '',
      page([
        sent('e1'),
        sent('e2', '"amount":"1"', 'exactly'),
        sent('e3', '"amount":"1"', 'paid', Date.now() - 48 * HOUR_MS),
        sent('e4', '"amount":"1"', 'paid', Date.now() + HOUR_MS),
      ]),
    );
    expect(await run(endpoint)).toMatchObject({ issued: 1n, filled: 1n });
  });

  it('is no gap while its webhook may be on its way, nor where it is an object', async () => {
    const endpoint = await newEndpoint();
    pages.set(
      '',
      page([sent('e1', '"amount":"1"', 'paid', Date.now() - 60_000), sent('o1', '"amount":"1"', 'object')]),
    );
    expect(await run(endpoint)).toMatchObject({ filled: 2n, gaps: 0n });
  });

  it('is no gap where another event told the same money, nor of a type that only a fetch explains and no webhook brings', async () => {
    const endpoint = await newEndpoint();
    await pipeline.deliver(endpoint, sent('e1', '"amount":"7","payment":"p1"'));
    await settled(endpoint);
    const hint = sent('h1', '"x":1', 'hint');
    pages.set('', page([sent('e2', '"amount":"7","payment":"p1"'), hint, sent('e3', '"amount":"7","payment":"p3"')]));
    const first = await run(endpoint);
    expect(first).toMatchObject({ filled: 3n, gaps: 1n });
    await pipeline.deliver(endpoint, sent('h2', '"x":1', 'hint'));
    pages.set('', page([sent('h3', '"x":1', 'hint')]));
    expect(await run(endpoint)).toMatchObject({ filled: 1n, gaps: 1n });
  });

  it('is not told as filled, nor as finished, where the processor does not show what it names', async () => {
    const endpoint = await newEndpoint();
    const hint = (id: string): string => sent(id, '"x":1', 'hint');
    await pipeline.deliver(endpoint, hint('gone_1'), 'hint');
    await ends(endpoint, 'gone_1', 'no_effect');
    pages.set('', page([hint('gone_1'), hint('gone_2'), hint('closed_3'), sent('e4')]));
    const { id } = await run(endpoint);
    await ends(endpoint, 'gone_2', 'dead');
    await ends(endpoint, 'closed_3', 'deferred', 'api_key');
    await ends(endpoint, 'e4', 'posted');
    expect(await report(id)).toMatchObject({
      issued: 4n,
      received: 1n,
      posted: 1n,
      missing: 3n,
      filled: 1n,
      unreadable: 3n,
      ...{ queued: 0n, deferred: 0n, dead: 0n },
    });
    const events = await selectBackfillEvents(database.app, id, { after: null, limit: 9 });
    expect(events.map((one) => [one.event_id, one.outcome, one.status, one.reason])).toEqual([
      ['closed_3', 'filled', 'deferred', 'the key may not read objects'],
      ['e4', 'filled', 'posted', null],
      ['gone_1', 'unfinished', 'no_effect', 'object_missing: no object gone_1'],
      ['gone_2', 'filled', 'dead', 'no object gone_2'],
    ]);
    // All of them are here by now; none of them can be read for that.
    expect(await run(endpoint)).toMatchObject({ issued: 4n, received: 4n, posted: 1n, filled: 0n, unreadable: 3n });
  });

  it('is not told as filled where it is dead', async () => {
    const endpoint = await newEndpoint();
    pages.set('', page([sent('e1', '"amount":"none"')]));
    const { id } = await run(endpoint);
    await ends(endpoint, 'e1', 'dead');
    expect(await report(id)).toMatchObject({ missing: 1n, filled: 0n, dead: 1n, unreadable: 0n });
  });

  it('is not compared with an endpoint that gets other events than are listed', async () => {
    const endpoint = await newEndpoint();
    await pipeline.deliver(endpoint, sent('t1', '"amount":"5"', 'thin'));
    pages.set('', page([sent('e1')]));
    const { status, error, filled } = await run(endpoint);
    expect({ status, filled }).toEqual({ status: 'failed', filled: 0n });
    expect(error).toContain('not what Listing lists');
  });

  it('is counted once when two pages overlap', async () => {
    const endpoint = await newEndpoint();
    pages.set('', page([sent('e1'), sent('e2'), sent('e2')], 'p2'));
    pages.set('p2', page([sent('e2'), sent('e3')]));
    expect(await run(endpoint)).toMatchObject({ issued: 3n, filled: 3n, received: 0n, gaps: 3n });
  });

  it('is not posted under the endpoint for another account, whose own endpoint tells it', async () => {
    const endpoint = await newEndpoint();
    await pipeline.deliver(endpoint, sent('c1', '"amount":"5","account":"acct_9"'));
    pages.set('', page([sent('e1')]));
    const { status, error, filled } = await run(endpoint);
    expect({ status, filled }).toEqual({ status: 'failed', filled: 0n });
    expect(error).toContain('acct_9');
  });
});

describe('a backfill that is interrupted', () => {
  it('goes on where it was when the process died between two pages', async () => {
    const endpoint = await newEndpoint();
    pages.set('', page([sent('e1')], 'p2'));
    pages.set('p2', page([sent('e2')]));
    const id = await ask(endpoint);
    await backfillerWith().step(id);
    expect(await report(id)).toMatchObject({ status: 'running', pages: 1, filled: 1n });
    const usual = answer;
    answer = () => new Promise(() => undefined);
    void backfillerWith().step(id);
    await eventually(async () => expect(asked).toHaveLength(2));
    // Leased: nobody else takes it before the lease is over.
    expect(await backfillerWith().step(id)).toBe(false);
    answer = usual;
    await comeDue(id);
    await backfillerWith().step(id);
    expect(await report(id)).toMatchObject({ status: 'done', pages: 2, issued: 2n, filled: 2n });
    expect(asked.map(({ path }) => path)).toEqual(['/events?cursor=', '/events?cursor=p2', '/events?cursor=p2']);
  });

  it('counts what it took in once when it died before it could note it', async () => {
    const endpoint = await newEndpoint();
    pages.set('', page([sent('e1'), sent('e2')]));
    const id = await ask(endpoint);
    const dying = backfillerWith({
      async accept(delivery) {
        await pipeline.intake.accept(delivery);
        throw new PosternError('commit_unknown', 'died');
      },
    });
    await dying.step(id);
    expect(await report(id)).toMatchObject({ status: 'running', issued: 0n, filled: 0n, error: 'died' });
    await comeDue(id);
    await backfillerWith().step(id);
    expect(await report(id)).toMatchObject({ status: 'done', issued: 2n, received: 0n, filled: 2n, gaps: 2n });
    expect(await postedAmounts(endpoint)).toEqual(['1000', '1000']);
  });

  it('takes nothing more once it is cancelled, and counts the page in hand', async () => {
    const endpoint = await newEndpoint();
    pages.set('', page([sent('e1')], 'p2'));
    pages.set('p2', page([sent('e2')]));
    const id = await ask(endpoint);
    const cancelling = backfillerWith({
      async accept(delivery) {
        expect(await withTransaction(database.appPool, (tx) => cancelBackfill(tx, id))).toBe(true);
        return pipeline.intake.accept(delivery);
      },
    });
    await cancelling.step(id);
    expect(await cancelling.step(id)).toBe(false);
    expect(await report(id)).toMatchObject({ status: 'cancelled', filled: 1n });
    expect(await withTransaction(database.appPool, (tx) => cancelBackfill(tx, id))).toBe(false);
  });
});

describe('a processor that does not list', () => {
  it('is asked again when it said it may be, and within the hour', async () => {
    const endpoint = await newEndpoint();
    const id = await ask(endpoint);
    const usual = answer;
    answer = () => ({ status: 429, headers: {}, body: Buffer.alloc(0) });
    const backfiller = backfillerWith();
    await backfiller.step(id);
    expect(await backfiller.step(id)).toBe(false);
    const { rows } = await database.sql.query<{ in_s: number }>(
      `select extract(epoch from due_at - now())::float8 as in_s from postern.backfills where id = $1`,
      [id],
    );
    expect(rows[0]?.in_s).toBeGreaterThan(3_500);
    expect(rows[0]?.in_s).toBeLessThanOrEqual(3_600);
    expect(await report(id)).toMatchObject({ status: 'running', error: 'too many calls' });
    answer = usual;
    pages.set('', page([sent('e1')]));
    await comeDue(id);
    await backfiller.step(id);
    expect(await report(id)).toMatchObject({ status: 'done', filled: 1n, error: null });
  });

  it('is waited for while it is away, not for ever', async () => {
    const endpoint = await newEndpoint();
    const id = await ask(endpoint);
    answer = () => {
      throw new PosternError('egress_failed', 'no answer in time');
    };
    await backfillerWith().step(id);
    expect(await report(id)).toMatchObject({ status: 'running', error: 'no answer in time' });
    await database.sql.query('update postern.backfills set due_at = now(), attempts = 39 where id = $1', [id]);
    await backfillerWith().step(id);
    expect(await report(id)).toMatchObject({ status: 'failed', error: 'no answer in time' });
  });

  it.each<[string, () => ApiAnswer, string]>([
    ['refuses the key', () => ({ status: 401, headers: {}, body: Buffer.alloc(0) }), 'the key may not read events'],
    ['answers what is no list', () => ({ status: 200, headers: {}, body: Buffer.from('<html>') }), 'not JSON'],
    ['names the page it was asked for as the next', () => okPage(page([], 'p2')), 'as the next one'],
  ])('fails the backfill when it %s', async (_name, refusal, error) => {
    const endpoint = await newEndpoint();
    const id = await ask(endpoint);
    answer = refusal;
    const backfiller = backfillerWith();
    await backfiller.step(id);
    await backfiller.step(id);
    const row = await report(id);
    expect(row.status).toBe('failed');
    expect(row.error).toContain(error);
  });

  it('is not asked without a key', async () => {
    const endpoint = await newEndpoint({});
    expect(await run(endpoint)).toMatchObject({ status: 'failed', error: 'set api_key on the endpoint' });
    expect(asked).toEqual([]);
  });
});

describe('on schedule', () => {
  const plan = (endpoint: Endpoint, now = Date.now()): Promise<void> =>
    withTransaction(database.appPool, (tx) => planBackfills(tx, [endpoint], now));
  const planned = (endpoint: Endpoint): Promise<BackfillRow[]> =>
    selectBackfills(database.app, { endpoint: endpoint.name }, { before: null, limit: 10 });
  const nextTime = (endpoint: Endpoint): Promise<unknown> =>
    database.sql.query('update postern.backfill_schedules set next_at = now() where endpoint_id = $1', [endpoint.id]);

  it('is every endpoint with a key, hourly; a setting says otherwise', async () => {
    const endpoint = await newEndpoint();
    expect(scheduleOf(endpoint)).toBe(3_600);
    expect(scheduleOf({ ...endpoint, settings: { api_key: 'k', backfill_every_s: 900 } })).toBe(900);
    expect(scheduleOf({ ...endpoint, settings: { api_key: 'k', backfill_every_s: 0 } })).toBeNull();
    expect(scheduleOf({ ...endpoint, settings: {} })).toBeNull();
    expect(scheduleOf({ ...endpoint, disabled: true })).toBeNull();
    expect(scheduleOf({ ...endpoint, provider: stubProvider })).toBeNull();
  });

  it('begins with the endpoint, goes on from its cursor with an overlap, and raises the gaps', async () => {
    const endpoint = await newEndpoint();
    await database.sql.query(`update postern.endpoints set created_at = now() - interval '4 hours' where id = $1`, [
      endpoint.id,
    ]);
    await plan(endpoint);
    await plan(endpoint);
    const [first, ...others] = await planned(endpoint);
    expect(others).toEqual([]);
    if (first === undefined) throw new Error('nothing was planned');
    expect(first).toMatchObject({ scheduled: true, actor: 'schedule', status: 'queued' });
    expect(Date.now() - first.from_at.getTime()).toBeGreaterThanOrEqual(4 * HOUR_MS);
    expect(Date.now() - first.to_at.getTime()).toBeGreaterThanOrEqual(10 * 60_000);

    // Not twice at once, however long it takes.
    await nextTime(endpoint);
    await plan(endpoint);
    expect(await planned(endpoint)).toHaveLength(1);

    pages.set('', page([sent('e1'), sent('n1', '"x":1', 'note')]));
    await backfillerWith().step(first.id);
    expect(await report(first.id)).toMatchObject({ status: 'done', filled: 2n, gaps: 1n });
    const gaps = await metrics.gapEvents.get();
    expect(gaps.values).toContainEqual(
      expect.objectContaining({ labels: { provider: 'listing', endpoint: endpoint.name }, value: 1 }),
    );
    const state = (await selectSchedules(database.app)).find((one) => one.endpoint === endpoint.name);
    expect(state).toMatchObject({ lastGaps: 1, comparedTo: first.to_at });

    await nextTime(endpoint);
    await plan(endpoint);
    const [second] = await planned(endpoint);
    expect(second?.from_at.getTime()).toBe(first.to_at.getTime() - 15 * 60_000);
  });

  it('does not move its cursor past what it could not compare', async () => {
    const endpoint = await newEndpoint();
    await database.sql.query(`update postern.endpoints set created_at = now() - interval '4 hours' where id = $1`, [
      endpoint.id,
    ]);
    await plan(endpoint);
    const [first] = await planned(endpoint);
    if (first === undefined) throw new Error('nothing was planned');
    answer = () => ({ status: 401, headers: {}, body: Buffer.alloc(0) });
    await backfillerWith().step(first.id);
    expect(await report(first.id)).toMatchObject({ status: 'failed' });
    await nextTime(endpoint);
    await plan(endpoint);
    const [second] = await planned(endpoint);
    expect(second?.id).not.toBe(first.id);
    expect(second?.from_at.getTime()).toBe(first.from_at.getTime());
  });

  it('works by itself in a process that works', async () => {
    const endpoint = await newEndpoint();
    await database.sql.query(`update postern.endpoints set created_at = now() - interval '4 hours' where id = $1`, [
      endpoint.id,
    ]);
    pages.set('', page([sent('e1')]));
    const backfiller = backfillerWith();
    backfiller.start();
    await eventually(async () => expect(await planned(endpoint)).toMatchObject([{ status: 'done', filled: 1n }]), {
      timeoutMs: 15_000,
    });
    await backfiller.stop();
    expect(await postedAmounts(endpoint)).toEqual(['1000']);
  });
});

function okPage(text: string): ApiAnswer {
  return { status: 200, headers: {}, body: Buffer.from(text) };
}
