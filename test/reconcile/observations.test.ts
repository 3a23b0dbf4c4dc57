import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLedger } from '../../src/ledger/post.ts';
import { fromEvent } from '../../src/ledger/source.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import type { FeeTerm } from '../../src/providers/provider.ts';
import { createReconciler } from '../../src/reconcile/engine/reconciler.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { AT, captured, line } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createEngineWorld, DAY, type EngineWorld, type WorldBooks } from './engine-world.ts';

let database: TestDatabase;
let world: EngineWorld;
beforeAll(async () => {
  database = await createTestDatabase();
  world = createEngineWorld(database, AT);
});
afterAll(async () => {
  await world.reconciler.stop();
  await database.drop();
});
beforeEach(() => {
  world.now = AT;
});

type File = {
  readonly status?: string;
  readonly name?: string;
  readonly repeated?: number;
  readonly lines?: number;
  readonly fresh?: number;
  readonly supersedes?: string;
  /** What its bytes are: the same text, the same bytes. */
  readonly bytes?: string;
  readonly batches?: readonly {
    readonly batch: string;
    readonly series?: string;
    readonly sequence?: string;
    readonly at?: number;
  }[];
  readonly faults?: readonly {
    readonly kind: string;
    readonly batch?: string;
    readonly expected?: string;
    readonly found?: string;
    readonly currency?: string;
    readonly difference?: number;
  }[];
};

async function addFile(books: WorldBooks, file: File): Promise<string> {
  const id = uuidv7(world.now);
  world.now += 1000;
  const { status = 'imported', name = null, repeated = 0, lines = 1, fresh = lines, supersedes = null } = file;
  const sha256 = file.bytes === undefined ? null : createHash('sha256').update(file.bytes).digest();
  await database.sql.query(
    `insert into postern.settlements (id, provider, account, endpoint_id, format, moves_money, mode, status, file_name, lines, lines_new, repeated,
       supersedes, actor, created_at, finished_at, sha256, fault_count)
     values ($1, $2, $3, 1, 'f', true, 'batch', $4, $5, $6, $7, $8, $9, 'test', $10, $10, $11, $12)`,
    [
      ...[id, books.provider, books.account, status, name, lines, fresh, repeated, supersedes, new Date(world.now)],
      ...[sha256, file.faults?.length ?? 0],
    ],
  );
  for (const { batch, series, sequence, at } of file.batches ?? [])
    await database.sql.query(
      `insert into postern.settlement_batches (settlement_id, batch, currency, lines, gross, fee, tax, net, payout, opening, closing, is_stated,
         series, sequence, last_at) values ($1, $2, 'EUR', 1, 0, 0, 0, 0, 0, 0, 0, true, $3, $4, $5)`,
      [id, batch, series ?? null, sequence ?? null, at === undefined ? null : new Date(at)],
    );
  for (const [no, { kind, batch, expected, found, currency, difference }] of (file.faults ?? []).entries())
    await database.sql.query(
      `insert into postern.settlement_faults (settlement_id, no, kind, row_no, reason, batch, expected, found, currency, difference)
       values ($1, $2, $3, 7, 'r', $4, $5, $6, $7, $8)`,
      [id, no, kind, batch ?? null, expected ?? null, found ?? null, currency ?? null, difference ?? null],
    );
  return id;
}

describe('a file', () => {
  it('handed in twice, or without a line that is new, is told once', async () => {
    const books = await world.open();
    await addFile(books, { repeated: 2, batches: [{ batch: 'B1' }] });
    await addFile(books, { fresh: 0, batches: [{ batch: 'B2' }] });
    await world.catchUp();
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({
      'duplicate_file B1': 'open 0 EUR',
      'duplicate_file B2': 'open 0 EUR',
    });
  });

  it('that amends another is told', async () => {
    const books = await world.open();
    const first = await addFile(books, { status: 'amended', batches: [{ batch: 'B1' }] });
    await addFile(books, { supersedes: first, batches: [{ batch: 'B1' }] });
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'amended_file B1': 'open 0 EUR' });
  });

  it('that amends one of its batches is told under that one', async () => {
    const books = await world.open();
    const first = await addFile(books, { status: 'amended', batches: [{ batch: 'B2' }] });
    await addFile(books, { supersedes: first, batches: [{ batch: 'B1' }, { batch: 'B2' }] });
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'amended_file B2': 'open 0 EUR' });
  });

  it('that contradicts itself is told with what it is off by, until one comes that does not', async () => {
    const books = await world.open();
    const faults = [{ kind: 'contradiction', batch: 'B1', currency: 'EUR', difference: -100 }];
    await addFile(books, { status: 'failed', name: 'a.csv', faults });
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'file_total_mismatch B1': 'open -100 EUR' });
    await addFile(books, { batches: [{ batch: 'B1' }] });
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'file_total_mismatch B1': 'auto_cleared -100 EUR' });
  });

  describe('that contradicts itself and is handed in again and again', () => {
    const off = { kind: 'contradiction', batch: 'B1', currency: 'EUR', difference: -100 };
    const bad: File = { status: 'failed', name: 'a.csv', bytes: 'bad', faults: [off] };
    const told = async (books: WorldBooks): Promise<unknown> => {
      const { rows } = await database.sql.query(
        `select class, status, delta::text as delta, evidence ->> 'settlement' as settlement from postern.discrepancies
         where account = $1 order by class, status`,
        [books.account],
      );
      return rows;
    };
    const MISMATCH = { class: 'file_total_mismatch', delta: '-100' };

    it('is told once, by the copy that came last, and keeps what a person made of it', async () => {
      const books = await world.open();
      await addFile(books, bad);
      await world.catchUp();
      await database.sql.query(`update postern.discrepancies set status = 'assigned' where account = $1`, [
        books.account,
      ]);
      await addFile(books, bad);
      const last = await addFile(books, { ...bad, name: 'b.csv' });
      await world.catchUp();
      expect(await told(books)).toEqual([{ ...MISMATCH, status: 'assigned', settlement: last }]);
    });

    it('is cleared by a good version under any name that it had, and comes not back with one more copy', async () => {
      const books = await world.open();
      await addFile(books, bad);
      await addFile(books, { ...bad, name: 'b.csv' });
      await world.catchUp();
      await addFile(books, { name: 'b.csv', bytes: 'good' });
      await addFile(books, bad);
      await world.catchUp();
      expect(await told(books)).toMatchObject([{ ...MISMATCH, status: 'auto_cleared' }]);
    });

    it('is cleared once somebody takes it as it is, whatever it is called then', async () => {
      const books = await world.open();
      await addFile(books, bad);
      await addFile(books, { name: 'taken.csv', bytes: 'bad' });
      await world.catchUp();
      expect(await told(books)).toEqual([]);
    });

    it('is told by what it was found to be last, and not by an import that broke off', async () => {
      const books = await world.open();
      await addFile(books, { ...bad, faults: [{ ...off, difference: -70 }] });
      const last = await addFile(books, bad);
      await addFile(books, { ...bad, faults: [] });
      await world.catchUp();
      expect(await told(books)).toEqual([{ ...MISMATCH, status: 'open', settlement: last }]);
    });

    it('is another than a file of other bytes, or of no known ones, of the same name', async () => {
      const books = await world.open();
      for (const bytes of ['bad', 'worse']) await addFile(books, { ...bad, bytes });
      const { bytes: _, ...unknown } = bad;
      for (let n = 0; n < 2; n += 1) await addFile(books, unknown);
      await world.catchUp();
      expect(await told(books)).toHaveLength(4);
    });
  });

  it('that has another number of rows than it states is off by no money', async () => {
    const books = await world.open();
    const rows = { kind: 'contradiction', expected: '7', found: '6' };
    await addFile(books, { status: 'failed', name: 'a.csv', faults: [rows] });
    await addFile(books, { status: 'failed', name: 'b.csv', faults: [{ ...rows, currency: 'EUR' }] });
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({
      'file_total_mismatch a.csv': 'open 0 XXX',
      'file_total_mismatch b.csv': 'open 0 EUR',
    });
  });

  it('with a row that cannot be read is told by that row, and not by sums that lack it', async () => {
    const books = await world.open();
    const faults = [{ kind: 'unreadable' }, { kind: 'contradiction', expected: '1', found: '2' }];
    await addFile(books, { status: 'failed', name: 'a.csv', faults });
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'unparsed_line a.csv': 'open 0 XXX' });
  });
});

describe('a report in several files', () => {
  async function addWaiting(books: WorldBooks, parts: readonly number[], of?: { name?: string; movesMoney?: boolean }) {
    const id = uuidv7(world.now);
    await database.sql.query(
      `insert into postern.settlements (id, provider, account, endpoint_id, format, moves_money, mode, status, part_key, actor, created_at)
       values ($1, $2, $3, 1, 'f', $4, 'batch', 'waiting', $5, 'test', $6)`,
      [id, books.provider, books.account, of?.movesMoney ?? true, of?.name ?? 'STL', new Date(world.now)],
    );
    for (const part of parts) await addPart(id, part);
    return id;
  }
  const addPart = (id: string, part: number) =>
    database.sql.query('insert into postern.settlement_parts values ($1, $2, -1, null, $3, $4)', [
      ...[id, Math.abs(part), part < 0, Buffer.from([part + 9])],
    ]);
  const missing = async (books: WorldBooks): Promise<unknown> => {
    const { rows } = await database.sql.query<{ missing: string }>(
      `select evidence ->> 'missing' as missing from postern.discrepancies where account = $1 and class = 'missing_file' order by reference`,
      [books.account],
    );
    return rows.map((row) => row.missing);
  };

  it('whose other files never come is a missing file after the window, by name and part, until it is whole', async () => {
    const books = await world.open({ payout_days: 3 });
    const [first, second] = [await addWaiting(books, [1, -3]), await addWaiting(books, [1, 2], { name: 'TRR' })];
    world.now = AT + 3 * DAY;
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({});
    world.now = AT + 4 * DAY;
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'missing_file STL': 'open 0 XXX', 'missing_file TRR': 'open 0 XXX' });
    expect(await missing(books)).toEqual(['2', 'the last one']);
    await addPart(second, 4);
    await database.sql.query(`update postern.settlements set status = 'imported', finished_at = now() where id = $1`, [
      first,
    ]);
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({
      'missing_file STL': 'auto_cleared 0 XXX',
      'missing_file TRR': 'open 0 XXX',
    });
  });

  it('is not missed a second time as a day that is left out', async () => {
    const books = await world.open({ report_calendar: 'daily', payout_days: 3 });
    for (const d of ['2026-03-04', '2026-03-06'])
      await addFile(books, { batches: [{ batch: `${d}.A`, series: 'A', sequence: d, at: Date.parse(d) }] });
    await addWaiting(books, [1], { name: 'STL-2026-03-05.A.009' });
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({});
    world.now = AT + 4 * DAY;
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'missing_file STL-2026-03-05.A.009': 'open 0 XXX' });
  });

  it('that only checks others hides nothing that is not settled', async () => {
    const [money, control] = [await world.open({ payout_days: 3 }), await world.open({ payout_days: 3 })];
    for (const books of [money, control]) {
      await books.announce(captured(`w${books.account}`, 100n));
      await addWaiting(books, [1], { movesMoney: books === money });
    }
    world.now = AT + 30 * DAY;
    await world.catchUp();
    await world.catchUp();
    expect(Object.keys(await money.discrepancies())).toEqual(['missing_file STL']);
    expect(Object.keys(await control.discrepancies()).sort()).toEqual([
      'missing_file STL',
      expect.stringMatching(/^missing_in_settlement/),
    ]);
  });
});

describe('a gap', () => {
  const numbered = (n: number) => ({ batch: `M/${n}`, series: 'M', sequence: `${n}`, at: AT + n * DAY });

  it('among numbers is a missing file by the name it would have, until it comes', async () => {
    const books = await world.open();
    await addFile(books, { batches: [numbered(8), numbered(10)] });
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'missing_file M/9': 'open 0 XXX' });
    await addFile(books, { batches: [numbered(9)] });
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'missing_file M/9': 'auto_cleared 0 XXX' });
  });

  it('among days is one by the account’s calendar alone', async () => {
    const day = (d: string) => ({ batch: d, series: 's', sequence: d, at: Date.parse(d) });
    const file = { batches: [day('2026-02-26'), day('2026-03-03')] };
    const [none, week, daily] = [
      await world.open(),
      await world.open({ report_calendar: 'weekdays' }),
      await world.open({ report_calendar: 'daily' }),
    ];
    for (const books of [none, week, daily]) await addFile(books, file);
    await world.catchUp();
    expect(Object.keys(await none.discrepancies())).toEqual([]);
    expect(Object.keys(await week.discrepancies()).sort()).toEqual([
      'missing_file 2026-02-27',
      'missing_file 2026-03-02',
    ]);
    expect(Object.keys(await daily.discrepancies())).toHaveLength(4);
  });

  const dayFile = (d: string) => ({
    batches: [{ batch: d, series: 's', sequence: d, at: Date.parse(`${d}T12:00:00Z`) }],
  });

  it('at the end is one once the day’s window is over, without any file that comes', async () => {
    // Friday to Sunday.
    const [none, week, daily] = [
      await world.open({ payout_days: 2 }),
      await world.open({ report_calendar: 'weekdays', payout_days: 2 }),
      await world.open({ report_calendar: 'daily', payout_days: 2 }),
    ];
    for (const books of [none, week, daily]) await addFile(books, dayFile('2026-03-06'));
    const lookedAt = async (time: string) => {
      world.now = Date.parse(time);
      await world.catchUp();
      return [await none.discrepancies(), await week.discrepancies(), await daily.discrepancies()].map(Object.keys);
    };
    expect(await lookedAt('2026-03-09T23:30:00Z')).toEqual([[], [], []]);
    expect(await lookedAt('2026-03-10T00:40:00Z')).toEqual([[], [], ['missing_file 2026-03-07']]);
    expect(await lookedAt('2026-03-11T23:00:00Z')).toMatchObject([[], [], { length: 2 }]);
    expect(await lookedAt('2026-03-12T00:30:00Z')).toMatchObject([[], ['missing_file 2026-03-09'], { length: 3 }]);
  });

  it('at the end is reckoned in the account’s own days, and closed by its file', async () => {
    const books = await world.open({ report_calendar: 'daily', payout_days: 1, time_zone: 'America/Los_Angeles' });
    await addFile(books, dayFile('2026-03-09'));
    world.now = Date.parse('2026-03-12T06:30:00Z');
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({});
    world.now = Date.parse('2026-03-12T07:40:00Z');
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'missing_file 2026-03-10': 'open 0 XXX' });
    await addFile(books, dayFile('2026-03-10'));
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'missing_file 2026-03-10': 'auto_cleared 0 XXX' });
  });
});

describe('a line', () => {
  async function lineOf(books: WorldBooks, row: Record<string, unknown>, file: File = {}): Promise<string> {
    const settlement = await addFile(books, file);
    const { provider, account } = books;
    const base = {
      id: uuidv7(AT),
      settlement_id: settlement,
      row_no: 1,
      provider,
      account,
      moves_money: true,
      version: 1,
      raw: '',
    };
    const rest = {
      identity: 'l',
      kind: 'charge',
      batch: 'B1',
      reference: 'p',
      currency: 'EUR',
      gross: 1000,
      fee: 0,
      tax: 0,
      net: 0,
    };
    await database.sql.query(
      'insert into postern.settlement_lines select r.* from jsonb_populate_record(null::postern.settlement_lines, $1) as r',
      [JSON.stringify({ ...base, ...rest, booked_at: new Date(AT), zone: 'UTC', ...row })],
    );
    return settlement;
  }

  const OFF = { gross: 1090, other_amount: 1000, other_currency: 'USD', fx_rate: '1.08' };
  const ofLines = async (books: WorldBooks): Promise<Record<string, string>> =>
    Object.fromEntries(Object.entries(await books.discrepancies()).filter(([key]) => !/_file /.test(key)));

  it('whose fee is above the contract is told with the amount; one that is not, is not', async () => {
    const fee_contract = [
      { currency: 'EUR', payment_method: 'visa', percent: '1.45', fixed: '25' },
      { currency: 'EUR', percent: '1', minimum: '50' },
    ];
    const [above, within, least] = [
      await world.open({ fee_contract }),
      await world.open({ fee_contract }),
      await world.open({ fee_contract }),
    ];
    // 1.45 % of 10.00 is 0.145: half to even, 14.
    await lineOf(above, { fee: 42, payment_method: 'visa' });
    await lineOf(within, { fee: 39, payment_method: 'visa' });
    await lineOf(least, { fee: 51 });
    await world.catchUp();
    expect(await above.discrepancies()).toEqual({ 'fee_above_contract p': 'open -3 EUR' });
    expect(await within.discrepancies()).toEqual({});
    expect(await least.discrepancies()).toEqual({ 'fee_above_contract p': 'open -1 EUR' });
  });

  it('whose fees stand in rows of their own is judged with all of them, once', async () => {
    const fee_contract = [{ currency: 'EUR', percent: '2', fixed: '10' }];
    const [above, within, apart] = [
      await world.open({ fee_contract }),
      await world.open({ fee_contract }),
      await world.open({ fee_contract }),
    ];
    for (const [books, second] of [
      [above, 12],
      [within, 10],
    ] as const) {
      await lineOf(books, { key_source: 'capture' });
      await lineOf(books, { identity: 'f1', gross: 0, fee: 20, key_source: 'capture' });
      await lineOf(books, { identity: 'f2', gross: 0, fee: second, key_source: 'capture' });
      // Another capture of the same payment, dearer by itself than the contract's part for it would be.
      await lineOf(books, { identity: 'g', gross: 500, key_source: 'other' });
      await lineOf(books, { identity: 'g1', gross: 0, fee: 20, key_source: 'other' });
    }
    // What it is the fee of is in no file: nothing says what it may cost.
    await lineOf(apart, { identity: 'f', gross: 0, fee: 900 });
    await world.catchUp();
    expect(await above.discrepancies()).toEqual({ 'fee_above_contract p': 'open -2 EUR' });
    expect(await within.discrepancies()).toEqual({});
    expect(await apart.discrepancies()).toEqual({});
  });

  it('whose fees come in other files, before it or after it, is judged with all of them', async () => {
    const fee_contract = [{ currency: 'EUR', percent: '2', fixed: '10' }];
    const charge = { identity: 'g' };
    const [fee, more] = [
      { identity: 'f1', gross: 0, fee: 20 },
      { identity: 'f2', gross: 0, fee: 12 },
    ];
    for (const rows of [
      [charge, fee, more],
      [more, fee, charge],
      [fee, charge, more],
    ]) {
      const books = await world.open({ fee_contract });
      await books.announce(captured('p', 1000n));
      for (const row of rows) {
        await lineOf(books, row, { batches: [{ batch: 'B1' }] });
        await world.catchUp();
      }
      expect(await ofLines(books)).toEqual({ 'fee_above_contract p': 'open -2 EUR' });
    }
  });

  it('whose rate does not fit its amounts, in neither direction, and one of rounding', async () => {
    const [right, wrong, rounding] = [await world.open(), await world.open(), await world.open()];
    await lineOf(right, { gross: 1080, other_amount: 1000, other_currency: 'USD', fx_rate: '1.08' });
    await lineOf(wrong, { gross: 1090, other_amount: 1000, other_currency: 'USD', fx_rate: '1.08' });
    await lineOf(rounding, { kind: 'rounding', gross: 1, net: 1, reference: null });
    await world.catchUp();
    expect(await right.discrepancies()).toEqual({});
    expect(await wrong.discrepancies()).toEqual({ 'fx_difference p': 'open 10 EUR' });
    expect(await rounding.discrepancies()).toEqual({ 'rounding_residual B1': 'open 1 EUR' });
  });

  it('is held against the latest term that began, in the report’s own days, in whatever order they are listed', async () => {
    const terms = [
      { currency: 'EUR', percent: '1' },
      { currency: 'EUR', percent: '3', from: '2026-03-05' },
      { currency: 'EUR', percent: '2', from: '2026-01-01' },
      { currency: 'EUR', payment_method: 'visa', percent: '4', from: '2025-01-01' },
    ];
    const settings = { fee_contract: terms, time_zone: 'Asia/Tokyo' };
    const [late, early, method] = [await world.open(settings), await world.open(settings), await world.open(settings)];
    const zone = 'America/Los_Angeles';
    await lineOf(late, { fee: 35, zone, booked_at: new Date('2026-03-05T08:00:00Z') });
    // The fourth in Los Angeles, though the fifth in the account's own zone.
    await lineOf(early, { fee: 35, zone, booked_at: new Date('2026-03-05T07:59:00Z') });
    await lineOf(method, { fee: 45, payment_method: 'visa' });
    await world.catchUp();
    expect(await late.discrepancies()).toEqual({ 'fee_above_contract p': 'open -5 EUR' });
    expect(await early.discrepancies()).toEqual({ 'fee_above_contract p': 'open -15 EUR' });
    expect(await method.discrepancies()).toEqual({ 'fee_above_contract p': 'open -5 EUR' });
  });

  it('that is imported already is held against a contract that is set, changed or given up later', async () => {
    const books = await world.open();
    await books.announce(captured('p', 1000n));
    await lineOf(books, { fee: 30 }, { repeated: 1 });
    await lineOf(books, { identity: 'm', reference: 'q', fee: 20 });
    await lineOf(books, { identity: 'r', kind: 'rounding', gross: 1, net: 1, reference: null });
    await world.catchUp();
    const rounding = { 'rounding_residual B1': 'open 1 EUR' };
    expect(await ofLines(books)).toEqual(rounding);
    const agreed = async (...fee_contract: FeeTerm[]) => {
      world.change(books, fee_contract.length === 0 ? {} : { fee_contract });
      await world.catchUp();
      return await ofLines(books);
    };
    const found = (p: string, q: string) => ({ ...rounding, 'fee_above_contract p': p, 'fee_above_contract q': q });
    expect(await agreed({ currency: 'EUR', percent: '1' })).toEqual(found('open -20 EUR', 'open -10 EUR'));
    expect(await agreed({ currency: 'EUR', percent: '2' })).toEqual(found('open -10 EUR', 'auto_cleared -10 EUR'));
    const later = { currency: 'EUR', percent: '1', from: '2026-03-06' };
    expect(await agreed({ currency: 'EUR', percent: '2' }, later)).toEqual(
      found('open -10 EUR', 'auto_cleared -10 EUR'),
    );
    expect(await agreed()).toEqual(found('auto_cleared -10 EUR', 'auto_cleared -10 EUR'));
  });

  it('of over a year ago is left alone by a contract that is set now', async () => {
    const [old, young] = [await world.open(), await world.open()];
    for (const [books, day] of [
      [old, 0],
      [young, 2],
    ] as const) {
      const at = AT + day * DAY;
      await books.announce(captured(`c${day}`, 1000n));
      await lineOf(books, { fee: 30, booked_at: new Date(at) }, { batches: [{ batch: 'B1', at }] });
    }
    world.now = AT + 401 * DAY;
    await world.catchUp();
    for (const books of [old, young]) world.change(books, { fee_contract: [{ currency: 'EUR', percent: '1' }] });
    await world.catchUp();
    expect(Object.keys(await ofLines(old))).not.toContain('fee_above_contract p');
    expect(Object.keys(await ofLines(young))).toContain('fee_above_contract p');
  });

  it('is looked at once, also where its file came again or was amended before anybody looked', async () => {
    const [again, amended] = [await world.open(), await world.open()];
    await lineOf(again, OFF, { repeated: 1 });
    const first = await lineOf(amended, OFF, { status: 'amended' });
    const gone = await lineOf(amended, { ...OFF, identity: 'gone', reference: 'q' }, { status: 'amended' });
    const later = await addFile(amended, { supersedes: first });
    await database.sql.query('update postern.settlement_lines set removed_by = $2 where settlement_id = $1', [
      gone,
      later,
    ]);
    for (let look = 0; look < 2; look += 1) {
      await world.catchUp();
      expect(await ofLines(again)).toEqual({ 'fx_difference p': 'open 10 EUR' });
      expect(await ofLines(amended)).toEqual({ 'fx_difference p': 'open 10 EUR' });
      await database.sql.query('update postern.settlements set repeated = repeated + 1 where account = $1', [
        again.account,
      ]);
    }
    const { rows } = await database.sql.query(
      `select count(*)::int4 as n from postern.discrepancy_history h join postern.discrepancies d on d.id = h.discrepancy_id
       where d.class = 'fx_difference' and d.account = any ($1)`,
      [[again.account, amended.account]],
    );
    expect(rows).toEqual([{ n: 2 }]);
  });

  it('is looked at also where a row of its file has more of them than are read at once', async () => {
    const books = await world.open();
    const settlement = await lineOf(books, { kind: 'rounding', gross: 1, net: 1, reference: null });
    await database.sql.query(
      `insert into postern.settlement_lines select r.* from generate_series(1, 5001) as n, postern.settlement_lines l,
         jsonb_populate_record(l, jsonb_build_object('id', gen_random_uuid(), 'identity', 'more ' || n)) as r where l.settlement_id = $1`,
      [settlement],
    );
    await world.catchUp();
    const { rows } = await database.sql.query(
      `select count(*)::int4 as n from postern.discrepancies where class = 'rounding_residual' and account = $1`,
      [books.account],
    );
    expect(rows).toEqual([{ n: 5002 }]);
  });

  it('is no more to be explained once a later file took it out', async () => {
    const [amended, other] = [await world.open(), await world.open()];
    for (const books of [amended, other]) await lineOf(books, { kind: 'rounding', gross: 1, net: 1, reference: null });
    await world.catchUp();
    const later = await addFile(amended, {});
    await database.sql.query(
      `update postern.settlement_lines set removed_by = $3 where provider = $1 and account = $2 and kind = 'rounding'`,
      [amended.provider, amended.account, later],
    );
    await addFile(other, {});
    await world.catchUp();
    expect(await amended.discrepancies()).toEqual({ 'rounding_residual B1': 'auto_cleared 1 EUR' });
    expect(await other.discrepancies()).toEqual({ 'rounding_residual B1': 'open 1 EUR' });
  });
});

describe('an announcement', () => {
  it('that contradicts what is posted is told: told − posted', async () => {
    const books = await world.open();
    await books.announce(captured('again', 100n));
    const { provider, account } = books;
    const request = {
      source: fromEvent(uuidv7(AT)),
      provider,
      account,
      marketplace: null,
      events: [captured('again', 120n)],
    };
    const [result] = await withTransaction(database.appPool, (tx) =>
      createLedger({ clock: { now: () => AT } }).post(tx, [request]),
    );
    expect(result).toMatchObject({ kind: 'conflict' });
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'conflicting_announcement again gross': 'open 20 EUR' });
  });
});

describe('a turn that breaks off', () => {
  it('leaves nothing half done: the next one comes to what it would have', async () => {
    const books = await world.open();
    await books.announce(captured('broken', 100n), { merchant: 'order b' });
    await books.settle(line('charge', 'l', { reference: 'broken_x', gross: 100n }), { merchant: 'order b' });
    const clock = { now: () => world.now };
    const parts = { pool: database.appPool, endpoints: { all: () => [] }, clock, log: database.log };
    let asked = 0;
    const broken = createReconciler({
      ...parts,
      metrics: createMetrics({ process: false }),
      ledger: {
        post: async (tx, requests) => {
          asked += 1;
          await createLedger({ clock }).post(tx, requests);
          throw new Error('killed');
        },
      },
    });
    // What other files' older transactions hold back is not seen at the first look.
    await eventually(() => expect(broken.catchUp()).rejects.toThrow('killed'));
    await broken.stop();
    expect(asked).toBe(1);
    expect(await books.state()).toEqual({});
    await world.catchUp();
    expect(await books.state()).toEqual({ 'balance B1 EUR': 'in_transit 100' });
  });
});
