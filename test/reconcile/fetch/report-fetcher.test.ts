import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportFetchView } from '../../../src/api/report-fetch-view.ts';
import { type QueueFigures, selectQueueFigures } from '../../../src/api/stats/queue-figures-store.ts';
import type { Endpoint } from '../../../src/endpoints/endpoint.ts';
import { PosternError } from '../../../src/errors.ts';
import { createQueueOrders } from '../../../src/ingest/queue-orders.ts';
import { createLog } from '../../../src/log.ts';
import { withTransaction } from '../../../src/postgres/sql.ts';
import type { EndpointSettings, Provider, TimeRange } from '../../../src/providers/provider.ts';
import type { OpenedReport, ProviderReports, ReportPage } from '../../../src/providers/provider-reports.ts';
import { planReports } from '../../../src/reconcile/fetch/plan-reports.ts';
import { type FetchRow, forgetFetches, selectFetch } from '../../../src/reconcile/fetch/report-fetch-store.ts';
import {
  createReportFetcher,
  orderAnnounced,
  type ReportFetcher,
} from '../../../src/reconcile/fetch/report-fetcher.ts';
import { askForReports } from '../../../src/reconcile/fetch/report-requests.ts';
import { createImporter } from '../../../src/reconcile/import/importer.ts';
import { uuidv7 } from '../../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { openReports, type Reports } from '../../support/reports.ts';
import { STUB_AT, type StubItem, stubFile, stubProvider } from '../../support/stub-report.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

const clock = { now: () => Math.max(Date.now(), STUB_AT) };
const DAY_MS = 86_400_000;

/** A whole payout of one charge. */
const payoutFile = (n: number): string => {
  const items: StubItem[] = [
    { kind: 'charge', id: `l${n}`, about: `p${n}`, gross: 1000, batch: `po_${n}` } as StubItem,
    { kind: 'payout', id: `o${n}`, about: `po_${n}`, gross: -1000, batch: `po_${n}` } as StubItem,
  ];
  return stubFile(items);
};

type Processor = {
  page?: (cursor: string | null, range: TimeRange) => ReportPage;
  open?: (report: string) => OpenedReport | Promise<OpenedReport>;
  wholeAt?: () => number;
};

const bytesOf = (text: string): AsyncIterable<Uint8Array> =>
  (async function* () {
    yield Buffer.from(text);
  })();
const report = (text: string): OpenedReport => ({ kind: 'report', fileName: 'made.csv', bytes: bytesOf(text) });

type Setup = {
  readonly reports: Reports;
  readonly endpoint: Endpoint;
  readonly fetcher: ReportFetcher;
  readonly opened: string[];
  /** What it warned of: the report where it is one, and why. */
  readonly warned: unknown[];
  ask(): Promise<string>;
  pause(paused: boolean): void;
  /** When it has asked twice whether it is paused. */
  looked(): Promise<void>;
  /** Works until nothing is due. */
  work(): Promise<void>;
  find(id: string): Promise<readonly FetchRow[]>;
};

async function setUp(processor: Processor, settings: EndpointSettings = {}): Promise<Setup> {
  // What another test left waiting is none of this one's.
  await database.sql.query(`delete from postern.report_fetches where status in ('queued', 'running')`);
  const opened: string[] = [];
  const told: ProviderReports = {
    what: 'made reports',
    days: 365,
    page: async (range, cursor) => processor.page?.(cursor, range) ?? { kind: 'page', reports: [], next: null },
    wholeAt: () => processor.wholeAt?.() ?? null,
    open: async (name) => {
      opened.push(name);
      return (await processor.open?.(name)) ?? { kind: 'missing', detail: 'there is none' };
    },
  };
  const provider: Provider = {
    ...stubProvider,
    api: {
      hosts: [],
      keySetting: 'api_key',
      fetchObject: async () => ({ kind: 'missing', detail: '' }),
      reports: told,
    },
  };
  const own = { api_key: 'made', ...settings };
  const reports = await openReports(database, own, provider);
  const { id, account } = reports.order.endpoint;
  const endpoint: Endpoint = { id, account, name: account, settings: own, provider, disabled: false, secrets: [] };
  let paused = false;
  let looks = 0;
  const warned: unknown[] = [];
  const log = createLog('silent');
  log.warn = (about: Record<string, unknown>) => void warned.push(about);
  const fetcher = createReportFetcher({
    pool: database.appPool,
    endpoints: { byId: (n) => (n === id ? endpoint : undefined), all: () => [endpoint] },
    importer: createImporter({ pool: database.appPool, clock, log }),
    call: async () => Promise.reject(new Error('no call is made here')),
    download: async () => Promise.reject(new Error('no file is asked for here')),
    clock,
    log,
    isPaused() {
      looks += 1;
      return paused;
    },
  });
  return {
    reports,
    endpoint,
    fetcher,
    opened,
    warned,
    ask: () =>
      askForReports(
        endpoint,
        { from: clock.now() - DAY_MS, to: clock.now() },
        { pool: database.appPool, clock, actor: 'test' },
      ),
    pause(now) {
      paused = now;
    },
    async looked() {
      const before = looks;
      await eventually(async () => expect(looks).toBeGreaterThan(before + 1), { timeoutMs: 20_000 });
    },
    async work() {
      while (await fetcher.step(null));
    },
    find: (order) => selectFetch(database.sql, order),
  };
}

const due = (): Promise<unknown> =>
  database.sql.query(`update postern.report_fetches set due_at = now() where status in ('queued', 'running')`);

const announce = async (at: Setup, ...names: string[]): Promise<void> =>
  withTransaction(database.appPool, (tx) =>
    orderAnnounced(
      tx,
      names.map((name) => ({ endpointId: at.endpoint.id, account: at.endpoint.account, report: name })),
      clock.now(),
    ),
  );

describe('reports of a range', () => {
  it('are listed to the last page, fetched and imported, once', async () => {
    const at = await setUp({
      page: (cursor) =>
        cursor === null
          ? { kind: 'page', reports: ['po_1', 'po_2'], next: 'more' }
          : { kind: 'page', reports: ['po_2'], next: null },
      open: (name) => report(payoutFile(Number(name.slice(3)))),
    });
    const id = await at.ask();
    await at.work();
    const [order, ...reports] = await at.find(id);
    expect(order).toMatchObject({ status: 'done', found: 2, report: null, actor: 'test' });
    expect(reports.map((one) => [one.report, one.status])).toEqual([
      ['po_1', 'done'],
      ['po_2', 'done'],
    ]);
    expect(reports.every((one) => one.settlement_id !== null)).toBe(true);
    expect(await at.reports.balances()).toMatchObject({
      'asset:bank_in_transit [po_1] EUR': '1000',
      'asset:bank_in_transit [po_2] EUR': '1000',
    });
    // Asked for again they are fetched again, and change nothing.
    const before = await at.reports.balances();
    const again = await at.ask();
    await at.work();
    expect((await at.find(again)).slice(1).map((one) => one.detail)).toEqual(
      Array(2).fill('these bytes were imported before'),
    );
    expect(await at.reports.balances()).toEqual(before);
    expect(at.opened).toHaveLength(4);
  });

  it('none: the order is done', async () => {
    const at = await setUp({});
    const id = await at.ask();
    await at.work();
    expect(await at.find(id)).toMatchObject([{ status: 'done', found: 0 }]);
  });

  it('that a key may not list fail the order, and a processor that asks to wait is waited for', async () => {
    const refused = await setUp({ page: () => ({ kind: 'refused', detail: 'answered 403' }) });
    const id = await refused.ask();
    await refused.work();
    expect(await refused.find(id)).toMatchObject([{ status: 'failed', detail: 'answered 403' }]);
    let calls = 0;
    const later = await setUp({
      page: () => {
        calls += 1;
        if (calls === 1) return { kind: 'later', at: clock.now() + 60_000, detail: 'answered 429' };
        return { kind: 'page', reports: [], next: null };
      },
    });
    const waits = await later.ask();
    await later.work();
    expect(await later.find(waits)).toMatchObject([{ status: 'queued', detail: 'answered 429' }]);
    await due();
    await later.work();
    expect(await later.find(waits)).toMatchObject([{ status: 'done' }]);
  });

  it('that others wait for already are followed under their orders, and one that fails fails this one', async () => {
    const at = await setUp({
      page: () => ({ kind: 'page', reports: ['po_1', 'po_2', 'po_3'], next: null }),
      open: (name) => (name === 'po_2' ? { kind: 'refused', detail: 'answered 403' } : report(payoutFile(1))),
    });
    await announce(at, 'po_1', 'po_2');
    const first = await at.ask();
    const second = await at.ask();
    // Both are listed before anything is fetched.
    for (const id of [first, second]) await at.fetcher.step(id);
    expect(at.opened).toEqual([]);
    const view = async (id: string) => reportFetchView(await at.find(id));
    for (const id of [first, second])
      expect(await view(id)).toMatchObject({ status: 'running', found: 3, reports: { length: 3 } });
    // By its own id alone, as the command does that asked for it.
    while (await at.fetcher.step(second));
    for (const id of [first, second])
      expect(await view(id)).toMatchObject({
        status: 'failed',
        found: 3,
        reports: [
          { report: 'po_1', status: 'done' },
          { report: 'po_2', status: 'failed', detail: 'answered 403' },
          { report: 'po_3', status: 'done' },
        ],
      });
    expect(at.opened.toSorted()).toEqual(['po_1', 'po_2', 'po_3']);
  });

  it('are not taken by two at once', async () => {
    const at = await setUp({
      page: () => ({ kind: 'page', reports: ['po_1', 'po_2', 'po_3'], next: null }),
      open: (name) => report(payoutFile(Number(name.slice(3)))),
    });
    await at.ask();
    await at.fetcher.step(null);
    await Promise.all([at.work(), at.work()]);
    expect(at.opened.toSorted()).toEqual(['po_1', 'po_2', 'po_3']);
  });
});

describe('one report', () => {
  const orders = async (at: Setup): Promise<readonly Record<string, unknown>[]> => {
    const { rows } = await database.sql.query(
      'select * from postern.report_fetches where endpoint_id = $1 order by created_at, id',
      [at.endpoint.id],
    );
    return rows;
  };
  const settlements = async (at: Setup): Promise<readonly Record<string, unknown>[]> => {
    const { rows } = await database.sql.query('select * from postern.settlements where account = $1', [
      at.reports.account,
    ]);
    return rows;
  };

  it('that was announced is fetched, however often it is announced before', async () => {
    const at = await setUp({ open: () => report(payoutFile(1)) });
    await announce(at, 'po_1', 'po_1');
    await announce(at, 'po_1');
    await at.work();
    expect(at.opened).toEqual(['po_1']);
    expect(await orders(at)).toMatchObject([{ origin: 'webhook', status: 'done', report: 'po_1' }]);
    // Paid is told after sent: the payout may have changed.
    await announce(at, 'po_1');
    await at.work();
    expect(at.opened).toHaveLength(2);
    expect(await settlements(at)).toHaveLength(1);
  });

  it('is of the account that its event named', async () => {
    const at = await setUp({ open: () => report(payoutFile(1)) });
    const one = { endpointId: at.endpoint.id, account: `${at.endpoint.account}_other`, report: 'po_1' };
    await withTransaction(database.appPool, (tx) => orderAnnounced(tx, [one], clock.now()));
    await at.work();
    const { rows } = await database.sql.query('select status from postern.settlements where account = $1', [
      one.account,
    ]);
    expect(rows).toEqual([{ status: 'imported' }]);
    expect(await at.reports.balances()).toEqual({});
  });

  it('that breaks off leaves no settlement behind, and is fetched again', async () => {
    let tries = 0;
    const at = await setUp({
      open: () => {
        tries += 1;
        if (tries > 1) return report(payoutFile(1));
        const broken = (async function* () {
          yield Buffer.from(payoutFile(1).slice(0, 20));
          throw new PosternError('egress_failed', 'the answer was cut short');
        })();
        return { kind: 'report', fileName: 'made.csv', bytes: broken };
      },
    });
    await announce(at, 'po_1');
    await at.work();
    expect(await orders(at)).toMatchObject([{ status: 'queued', detail: expect.stringContaining('cut short') }]);
    expect(await settlements(at)).toEqual([]);
    await due();
    await at.work();
    expect(await orders(at)).toMatchObject([{ status: 'done', attempts: 2 }]);
    expect(await settlements(at)).toMatchObject([{ status: 'imported' }]);
  });

  it.each<[OpenedReport['kind'], OpenedReport, string]>([
    ['missing', { kind: 'missing', detail: 'answered 404' }, 'queued'],
    ['refused', { kind: 'refused', detail: 'answered 401' }, 'failed'],
    ['later', { kind: 'later', at: 0, detail: 'answered 503' }, 'queued'],
  ])('that is %s', async (_, answer, status) => {
    const at = await setUp({ open: () => answer });
    await announce(at, 'po_1');
    await at.work();
    expect(await orders(at)).toMatchObject([{ status, detail: 'detail' in answer ? answer.detail : '' }]);
  });

  it.each<OpenedReport>([
    { kind: 'later', at: 0, detail: 'answered 503' },
    { kind: 'missing', detail: 'answered 404' },
  ])('that was announced and never comes is given up, and told: %j', async (answer) => {
    const at = await setUp({ open: () => answer });
    await announce(at, 'po_1');
    for (let n = 0; n < 12; n += 1) {
      expect(at.warned).toEqual([]);
      await due();
      await at.work();
    }
    const detail = `${'detail' in answer ? answer.detail : ''} (12 tries)`;
    expect(await orders(at)).toMatchObject([{ status: 'failed', detail, attempts: 12 }]);
    expect(at.warned).toEqual([{ provider: 'stripe', endpoint: at.endpoint.name, report: 'po_1', detail }]);
  });

  it('that was asked for and is not there is none', async () => {
    const at = await setUp({ page: () => ({ kind: 'page', reports: ['po_1'], next: null }) });
    const id = await at.ask();
    await at.work();
    expect((await at.find(id))[1]).toMatchObject({ status: 'done', detail: 'there is none' });
  });

  it('that is announced while it is fetched is fetched once more afterwards, for the account that was named', async () => {
    const at: Setup = await setUp({
      page: () => ({ kind: 'page', reports: ['po_1'], next: null }),
      open: async () => {
        if (at.opened.length === 1) for (let n = 0; n < 2; n += 1) await announce(at, 'po_1');
        return report(payoutFile(at.opened.length));
      },
    });
    await at.ask();
    await at.work();
    expect(at.opened).toEqual(['po_1', 'po_1']);
    expect((await orders(at)).slice(1)).toMatchObject([
      { status: 'done', origin: 'asked', account: at.endpoint.account },
      { status: 'done', origin: 'webhook', account: at.endpoint.account, actor: 'webhook' },
    ]);
    expect(await at.reports.balances()).toMatchObject({ 'asset:bank_in_transit [po_2] EUR': '1000' });
  });

  it('that is announced while it is fetched in vain is not fetched twice: the next try is after it', async () => {
    const at: Setup = await setUp({
      open: async () => {
        if (at.opened.length > 1) return report(payoutFile(1));
        await announce(at, 'po_1');
        return { kind: 'later', at: 0, detail: 'answered 503' };
      },
    });
    await announce(at, 'po_1');
    await at.work();
    await due();
    await at.work();
    expect(at.opened).toHaveLength(2);
    expect(await orders(at)).toMatchObject([{ status: 'done', attempts: 2 }]);
  });

  describe('of a day that is not over', () => {
    it.each<[string, () => OpenedReport, string]>([
      ['comes', () => report(payoutFile(1)), 'done'],
      ['is refused', () => ({ kind: 'refused', detail: 'answered 403' }), 'failed'],
    ])(
      'which %s, is fetched again when it is, or when it is announced anew, and then no more',
      async (_, open, status) => {
        const tomorrow = clock.now() + DAY_MS;
        let wholeAt = tomorrow;
        const at = await setUp({ open, wholeAt: () => wholeAt });
        await announce(at, 'today');
        await at.work();
        const waiting = { status: 'queued', origin: 'webhook', attempts: 0, due_at: new Date(tomorrow) };
        expect(await orders(at)).toMatchObject([{ status }, waiting]);
        await announce(at, 'today');
        await at.work();
        expect(at.opened).toHaveLength(2);
        expect(await orders(at)).toMatchObject([{ status }, { status }, waiting]);
        wholeAt = clock.now();
        await due();
        await at.work();
        expect(await orders(at)).toMatchObject([{ status }, { status }, { status }]);
      },
    );
  });

  it('that cannot be read is kept as a failed settlement, and told', async () => {
    const at = await setUp({ open: () => report(`${payoutFile(1)}not to be read\n`) });
    await announce(at, 'po_1');
    await at.work();
    const [order] = await orders(at);
    expect(order).toMatchObject({ status: 'failed' });
    const kept = await settlements(at);
    expect(kept).toMatchObject([{ status: 'failed', id: order?.settlement_id }]);
    expect(await at.reports.balances()).toEqual({});
  });

  it('whose fetcher died is fetched by another, when its lease is over', async () => {
    const at = await setUp({ open: () => report(payoutFile(1)) });
    await announce(at, 'po_1');
    await database.sql.query(
      `update postern.report_fetches set status = 'running', attempts = 1, due_at = now() + interval '1 hour' where endpoint_id = $1`,
      [at.endpoint.id],
    );
    await at.work();
    expect(at.opened).toEqual([]);
    await due();
    await at.work();
    expect(await orders(at)).toMatchObject([{ status: 'done', attempts: 2 }]);
  });
});

describe('by schedule', () => {
  const plan = (at: Setup): Promise<void> =>
    withTransaction(database.appPool, (tx) => planReports(tx, [at.endpoint], clock.now()));

  it('an endpoint that expects reports is listed, and what was fetched is not fetched again', async () => {
    const at = await setUp(
      { page: () => ({ kind: 'page', reports: ['po_1'], next: null }), open: () => report(payoutFile(1)) },
      { report_calendar: 'daily' },
    );
    await plan(at);
    await plan(at);
    await at.work();
    expect(at.opened).toEqual(['po_1']);
    await database.sql.query('update postern.report_schedules set next_at = now()');
    await plan(at);
    await at.work();
    expect(at.opened).toEqual(['po_1']);
    const { rows } = await database.sql.query<{ n: number }>(
      `select count(*)::int4 as n from postern.report_fetches where endpoint_id = $1 and report is null and status = 'done'`,
      [at.endpoint.id],
    );
    expect(rows).toEqual([{ n: 2 }]);
  });

  it('what failed is ordered again once a day and not at each listing, and at once when it is announced or asked for', async () => {
    const at = await setUp(
      { page: () => ({ kind: 'page', reports: ['po_1'], next: null }), open: () => report('not to be read') },
      { report_calendar: 'daily' },
    );
    const listing = async () => {
      await database.sql.query('update postern.report_schedules set next_at = now()');
      await plan(at);
      await at.work();
      return at.opened.length;
    };
    expect([await listing(), await listing(), await listing()]).toEqual([1, 1, 1]);
    await database.sql.query(
      `update postern.report_fetches set finished_at = now() - interval '25 hours' where endpoint_id = $1`,
      [at.endpoint.id],
    );
    expect([await listing(), await listing()]).toEqual([2, 2]);
    await announce(at, 'po_1');
    await at.work();
    expect(at.opened).toHaveLength(3);
    await at.ask();
    await at.work();
    expect(at.opened).toHaveLength(4);
  });

  it('a list that is refused is told, and what it would have named is listed once it is not', async () => {
    let key = 'wrong';
    const ranges: { from: number; to: number }[] = [];
    const at = await setUp(
      {
        page: (_cursor, range) => {
          ranges.push(range);
          if (key === 'wrong') return { kind: 'refused', detail: 'answered 401' };
          return { kind: 'page', reports: ['po_1'], next: null };
        },
        open: () => report(payoutFile(1)),
      },
      { report_calendar: 'daily' },
    );
    const listing = async (daysLater: number): Promise<void> => {
      const now = clock.now() + daysLater * DAY_MS;
      await database.sql.query('update postern.report_schedules set next_at = now()');
      await withTransaction(database.appPool, (tx) => planReports(tx, [at.endpoint], now));
      await at.work();
    };
    await listing(0);
    await listing(20);
    const told = { provider: 'stripe', endpoint: at.endpoint.name, detail: 'answered 401' };
    expect(at.warned).toEqual([told, told]);
    expect(ranges[1]?.from).toBe(ranges[0]?.from);
    key = 'right';
    await listing(20);
    expect(at.opened).toEqual(['po_1']);
    await listing(20);
    expect(ranges[2]?.from).toBe(ranges[0]?.from);
    expect(ranges[3]).toEqual({ from: (ranges[2]?.to ?? 0) - 7 * DAY_MS, to: expect.any(Number) });
  });

  it('a long time that was not listed is made up for a month at a time', async () => {
    const ranges: { from: number; to: number }[] = [];
    const at = await setUp(
      {
        page: (_cursor, range) => {
          ranges.push(range);
          return { kind: 'page', reports: [], next: null };
        },
      },
      { report_calendar: 'daily' },
    );
    await plan(at);
    await database.sql.query(
      `update postern.report_schedules set fetched_to = now() - interval '90 days', next_at = now()`,
    );
    await database.sql.query('delete from postern.report_fetches where endpoint_id = $1', [at.endpoint.id]);
    await plan(at);
    await at.work();
    await database.sql.query('update postern.report_schedules set next_at = now()');
    await plan(at);
    await at.work();
    expect(ranges.map(({ from, to }) => to - from)).toEqual([31 * DAY_MS, 31 * DAY_MS]);
    expect(ranges[1]?.from).toBe((ranges[0]?.to ?? 0) - 7 * DAY_MS);
  });

  it('one that does not, has no key, or is disabled, is left alone', async () => {
    for (const settings of [{}, { report_calendar: 'daily', api_key: undefined }] as EndpointSettings[]) {
      const at = await setUp({ page: () => ({ kind: 'page', reports: ['po_1'], next: null }) }, settings);
      await plan(at);
      await at.work();
      expect(at.opened).toEqual([]);
    }
  });
});

describe('the queue', () => {
  const figures = (): Promise<QueueFigures> =>
    withTransaction(database.appPool, (tx) => selectQueueFigures(tx, 'settlements'));

  it('counts what waits, what is in hand, what is tried again and what failed until it does no more', async () => {
    let answer: OpenedReport | null = { kind: 'refused', detail: 'answered 403' };
    const at = await setUp({ open: () => answer ?? report(payoutFile(1)) });
    const before = await figures();
    expect(before).toMatchObject({ depth: 0, active: 0, deferred: 0, failed: 0, oldestAgeSeconds: 0, rateIn: null });
    await announce(at, 'po_1', 'po_2');
    expect(await figures()).toMatchObject({ depth: 2, active: 0, dead: before.dead });
    await at.fetcher.step(null);
    expect(await figures()).toMatchObject({ depth: 1, dead: before.dead + 1 });
    answer = { kind: 'later', at: clock.now() + 60_000, detail: 'answered 503' };
    await at.work();
    expect(await figures()).toMatchObject({ depth: 0, deferred: 1, failed: 1, dead: before.dead + 1 });
    const taken = `update postern.report_fetches set status = 'running' where endpoint_id = $1 and status = 'queued'`;
    await database.sql.query(taken, [at.endpoint.id]);
    expect(await figures()).toMatchObject({ active: 1, depth: 0, deferred: 0, failed: 0 });
    // Whoever had it died.
    await due();
    expect(await figures()).toMatchObject({ active: 0, depth: 1, failed: 1 });
    answer = null;
    await announce(at, 'po_1', 'po_2');
    await at.work();
    const after = await figures();
    expect(after).toMatchObject({ depth: 0, deferred: 0, failed: 0, dead: before.dead });
    expect(after.rateOut).toBeGreaterThan(0);
  });

  it('counts a list that failed by schedule, once, and none that somebody asked for', async () => {
    let isRefused = true;
    const page = (): ReportPage =>
      isRefused ? { kind: 'refused', detail: 'answered 401' } : { kind: 'page', reports: [], next: null };
    const at = await setUp({ page }, { report_calendar: 'daily' });
    const { dead } = await figures();
    const failed = async () => (await figures()).dead - dead;
    await at.ask();
    await at.work();
    expect(await failed()).toBe(0);
    for (let n = 0; n < 2; n += 1) {
      await database.sql.query('update postern.report_schedules set next_at = now()');
      await withTransaction(database.appPool, (tx) => planReports(tx, [at.endpoint], clock.now()));
      await at.work();
      expect(await failed()).toBe(1);
    }
    isRefused = false;
    await at.ask();
    await at.work();
    expect(await failed()).toBe(0);
  });

  it('that is paused is neither listed nor fetched, and goes on when it is resumed', async () => {
    const at = await setUp(
      { page: () => ({ kind: 'page', reports: ['po_2'], next: null }), open: () => report(payoutFile(1)) },
      { report_calendar: 'daily' },
    );
    await announce(at, 'po_1');
    at.pause(true);
    at.fetcher.start();
    await at.looked();
    expect(at.opened).toEqual([]);
    expect(await figures()).toMatchObject({ depth: 1 });
    at.pause(false);
    await eventually(async () => expect(at.opened.toSorted()).toEqual(['po_1', 'po_2']), { timeoutMs: 20_000 });
    await at.fetcher.stop();
  });

  it('that is drained tries at once what waits for its next try, and nothing whose time has not come', async () => {
    let wholeAt = 0;
    const at = await setUp({ open: () => ({ kind: 'later', at: 0, detail: 'answered 503' }), wholeAt: () => wholeAt });
    await announce(at, 'po_1');
    await at.work();
    wholeAt = clock.now() + DAY_MS;
    const waits = `insert into postern.report_fetches (id, endpoint_id, report, origin, actor, due_at)
      values ($1, $2, 'today', 'webhook', 'webhook', now() + interval '1 day')`;
    await database.sql.query(waits, [uuidv7(clock.now()), at.endpoint.id]);
    const orders = createQueueOrders({ pool: database.appPool });
    expect(await orders.drain({ queue: 'settlements', reason: 'mended', actor: 'test' })).toBe(1);
    await at.work();
    expect(at.opened).toEqual(['po_1', 'po_1']);
  });
});

describe('asking', () => {
  const ask = (at: Setup, from: number, to: number) =>
    askForReports(at.endpoint, { from, to }, { pool: database.appPool, clock, actor: 'test' });

  it('is refused for what cannot be', async () => {
    const at = await setUp({});
    const now = clock.now();
    await expect(ask(at, now, now - 1)).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(ask(at, now - 1, now + DAY_MS)).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(ask(at, now - 400 * DAY_MS, now)).rejects.toMatchObject({ code: 'invalid_request' });
    const keyless = await setUp({}, { api_key: undefined });
    await expect(keyless.ask()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('set api_key'),
    });
  });
});

describe('what is done with', () => {
  const OLD_MS = 91 * DAY_MS;

  /** An order made and ended so long ago, or not ended yet. */
  async function order(
    at: Setup,
    status: string,
    ago: { readonly made: number; readonly ended: number | null; readonly parent?: string },
  ): Promise<string> {
    const id = uuidv7(Date.now() - ago.made);
    const ended = ago.ended === null ? null : new Date(Date.now() - ago.ended);
    await database.sql.query(
      `insert into postern.report_fetches (id, endpoint_id, parent, report, origin, status, actor, finished_at)
       values ($1::uuid, $2, $3, $1::uuid::text, 'asked', $4, 'test', $5)`,
      [id, at.endpoint.id, ago.parent ?? null, status, ended],
    );
    return id;
  }

  const forget = (limit: number): Promise<number> =>
    withTransaction(database.appPool, (tx) => forgetFetches(tx, limit));

  async function left(at: Setup): Promise<string[]> {
    const { rows } = await database.sql.query<{ id: string }>(
      'select id from postern.report_fetches where endpoint_id = $1',
      [at.endpoint.id],
    );
    return rows.map(({ id }) => id).sort();
  }

  it('goes after 90 days, whatever became of it, a bounded number a turn', async () => {
    const at = await setUp({});
    for (const status of ['done', 'failed', 'done']) await order(at, status, { made: OLD_MS, ended: OLD_MS });
    expect(await forget(2)).toBe(2);
    expect(await left(at)).toHaveLength(1);
    expect(await forget(2)).toBe(1);
    expect(await forget(2)).toBe(0);
    expect(await left(at)).toEqual([]);
  });

  it('stays while it is young, and what is not done stays however old it is', async () => {
    const at = await setUp({});
    const kept = [
      await order(at, 'done', { made: 89 * DAY_MS, ended: 89 * DAY_MS }),
      await order(at, 'failed', { made: OLD_MS, ended: DAY_MS }),
      await order(at, 'queued', { made: OLD_MS, ended: null }),
      await order(at, 'running', { made: OLD_MS, ended: null }),
    ];
    expect(await forget(100)).toBe(0);
    expect(await left(at)).toEqual(kept.sort());
  });

  it('takes none of the reports of its range with it: it goes after the last of them', async () => {
    const at = await setUp({});
    const range = await order(at, 'done', { made: OLD_MS, ended: OLD_MS });
    await order(at, 'done', { made: OLD_MS, ended: OLD_MS, parent: range });
    const waits = await order(at, 'queued', { made: OLD_MS, ended: null, parent: range });
    expect(await forget(100)).toBe(1);
    expect(await forget(100)).toBe(0);
    expect(await left(at)).toEqual([range, waits].sort());
    await database.sql.query(
      `update postern.report_fetches set status = 'failed', finished_at = now() - interval '91 days' where id = $1`,
      [waits],
    );
    expect(await forget(100)).toBe(1);
    expect(await forget(100)).toBe(1);
    expect(await left(at)).toEqual([]);
  });
});
