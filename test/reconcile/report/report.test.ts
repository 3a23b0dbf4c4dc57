import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import readXlsxFile from 'read-excel-file/node';
import { SaxesParser } from 'saxes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger } from '../../../src/ledger/post.ts';
import { fromEvent } from '../../../src/ledger/source.ts';
import type { Told } from '../../../src/ledger/told.ts';
import type { PaymentEvent } from '../../../src/payment-event.ts';
import type { Pools } from '../../../src/postgres/pools.ts';
import { sqlOf, withTransaction } from '../../../src/postgres/sql.ts';
import { openReport, type ReportFormat, type ReportRequest } from '../../../src/reconcile/report/open-report.ts';
import { NO_FILTER } from '../../../src/reconcile/report/scope.ts';
import { uuidv7 } from '../../../src/uuid.ts';
import { AT, bankLine, captured, eur, line, openBooks } from '../../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { addBankLine, addDiscrepancy, addSettlement } from '../../support/settlement-rows.ts';
import { unzip } from '../../support/unzip.ts';

let database: TestDatabase;
let pools: Pools;
let account: string;
let settlement: string;

const DAY = 86_400_000;
const NOW = AT + 20 * DAY;
const HOSTILE = '=HYPERLINK("http://x","y")';
const NASTY = '@SUM(1)\r\n"quoted";<b>&\u0007 _x0041_';
const BIG = 2n ** 62n;

beforeAll(async () => {
  database = await createTestDatabase();
  pools = database.pools();
  const books = openBooks(database);
  account = books.account;
  const told: Told[] = [
    captured('p1', 10_000n),
    captured('p2', 5_000n),
    captured('p3', 700n),
    captured('p4', 123n),
    line('charge', 'l1', { reference: 'p1', gross: 10_000n, fee: 300n }),
    line('charge', 'l2', { reference: 'p2', gross: 4_999n, fee: 150n }),
    line('payout', 'l4', { payout: 'po_1', gross: -14_549n }),
    bankLine('b1', 'po_1', 14_549n),
    { type: 'write_off', id: 'w1', item: 'processor_pending', reference: 'p4', component: 'gross', ...eur(123n) },
  ];
  await books.post(...told.map((one) => [one]));
  settlement = await addSettlement(database, {
    provider: 'test',
    account,
    file: HOSTILE,
    at: AT,
    batches: [{ batch: 'B1', currency: 'EUR' }],
    lines: [
      {
        kind: 'charge',
        batch: 'B1',
        currency: 'EUR',
        gross: 10_000n,
        fee: 300n,
        reference: 'p1',
        at: AT,
        method: 'visa',
      },
      {
        kind: 'charge',
        batch: 'B1',
        currency: 'EUR',
        gross: 4_999n,
        fee: 150n,
        reference: 'p2',
        at: AT,
        method: HOSTILE,
        merchant: NASTY,
      },
      {
        kind: 'charge',
        batch: 'B1',
        currency: 'EUR',
        gross: 90n,
        reference: 'fx',
        at: AT,
        other: { amount: 100n, currency: 'KWD', rate: '0.9' },
      },
      { kind: 'charge', batch: 'B1', currency: 'EUR', gross: -90n, reference: 'fx', at: AT },
      { kind: 'payout', batch: 'B1', currency: 'EUR', gross: -14_549n, reference: 'po_1', at: AT },
    ],
  });
  await addBankLine(database, {
    provider: 'test',
    account,
    reference: 'po_1',
    amount: 14_549n,
    currency: 'EUR',
    at: AT,
    text: HOSTILE,
  });
  const of = { provider: 'test', account, at: AT };
  await database.sql.query(
    `insert into postern.residue (account_id, reference, component, currency, amount, opened_at, moved_at, due_at, bucket, class)
     select o.account_id, o.reference, o.component, o.currency, o.amount, $1, $1, $2, case o.reference when 'p2' then 'discrepancy' else 'in_transit' end,
       case o.reference when 'p2' then 'amount_mismatch' end
     from postern.open_items o where o.amount <> 0`,
    [new Date(AT), new Date(AT + 7 * DAY)],
  );
  await addDiscrepancy(database, {
    ...of,
    class: 'amount_mismatch',
    reference: 'p2',
    currency: 'EUR',
    delta: -1n,
    ledger: { amount: '5000', kind: 'payment.captured' },
    settlement: { amount: '4999', kind: 'charge' },
    differences: [{ field: 'amount', ledger: '5000', settlement: '4999' }],
  });
  await addDiscrepancy(database, {
    ...of,
    class: 'missing_in_settlement',
    reference: HOSTILE,
    currency: 'JPY',
    delta: -1_050n,
    at: AT - 40 * DAY,
    seenAt: AT,
    cause: NASTY,
  });
  await addDiscrepancy(database, {
    ...of,
    class: 'missing_in_settlement',
    reference: 'k1',
    currency: 'KWD',
    delta: -2_500_010n,
  });
  await addDiscrepancy(database, {
    ...of,
    class: 'missing_in_settlement',
    reference: 'big',
    currency: 'EUR',
    delta: -BIG,
  });
  await addDiscrepancy(database, {
    ...of,
    class: 'missing_in_settlement',
    reference: 'big2',
    currency: 'EUR',
    delta: -BIG,
  });
  await addDiscrepancy(database, {
    ...of,
    class: 'fee_above_contract',
    inProof: false,
    item: null,
    reference: 'p1',
    currency: 'EUR',
    delta: -7n,
  });
  await addDiscrepancy(database, {
    ...of,
    class: 'missing_file',
    reference: 'po_9',
    currency: 'EUR',
    delta: 5n,
    status: 'resolved',
    clearedAt: AT + DAY,
    reasonCode: 'found',
  });
  // After the period, and not yet seen when the report was made.
  await addDiscrepancy(database, {
    ...of,
    class: 'proof_failed',
    reference: 'next',
    currency: 'EUR',
    delta: 5n,
    at: AT + 30 * DAY,
  });
}, 120_000);
afterAll(() => database.drop());

type Options = {
  now?: number;
  run?: string | null;
  actor?: string;
  period?: string;
  filter?: Partial<typeof NO_FILTER>;
};

async function made(
  request: ReportRequest,
  options: Options = {},
): Promise<{ bytes: Buffer; run: string; open: number; fileName: string }> {
  const clock = { now: () => options.now ?? NOW };
  const deps = { connect: pools.reader, sql: sqlOf(pools.api), clock, actor: options.actor ?? 'cli:finance' };
  const report = await openReport(deps, request);
  try {
    const pieces: Buffer[] = [];
    for await (const piece of report.bytes) pieces.push(Buffer.from(piece));
    return { bytes: Buffer.concat(pieces), run: report.run, open: report.open, fileName: report.fileName };
  } finally {
    await report.close();
  }
}

const discrepancies = (format: ReportFormat, options: Options = {}) =>
  made(
    {
      report: 'discrepancies',
      format,
      run: options.run ?? null,
      selection: { provider: 'test', account },
      period: options.period ?? '2026-03',
      filter: { ...NO_FILTER, ...options.filter },
    },
    options,
  );

type Json = Record<string, unknown> & {
  cover: Record<string, unknown>;
  control: { sha256: string; run_sha256: string };
};
type Rows = Record<string, unknown>[];
const jsonOf = (bytes: Buffer): Json => JSON.parse(bytes.toString()) as Json;
const rowsOf = (json: Json, name: string): Rows => json[name] as Rows;

describe('the document', () => {
  it('has every section, the proof with a remainder that is printed when it is 0, and both sides of what differs', async () => {
    const { bytes, open } = await discrepancies('json');
    const json = jsonOf(bytes);
    expect(Object.keys(json)).toEqual([
      ...[
        'report',
        'version',
        'cover',
        'inputs',
        'proof',
        'sides',
        'matched',
        'discrepancies',
        'ageing',
        'in_transit',
        'payouts',
      ],
      ...['payout_makeup', 'bank_lines', 'fees', 'fee_contract', 'fx', 'resolutions', 'write_offs'],
      ...[
        'details_amount_mismatch',
        'details_fee_above_contract',
        'details_missing_in_settlement',
        'in_transit_items',
        'control',
      ],
    ]);
    expect(open).toBe(6);
    expect(json.cover).toMatchObject({
      status: 'draft',
      provider: 'test',
      account,
      period: { from: '2026-03-01', to: '2026-03-31' },
      prepared_by: 'cli:finance',
      as_of: new Date(NOW).toISOString(),
      proof: 'batches_close',
      remainders: { EUR: '0' },
      open_discrepancies: 6,
    });
    expect(rowsOf(json, 'proof').filter((row) => row.line === 'batches_close')).toMatchObject([
      { identity: 'processor_balance', currency: 'EUR', amount: null },
    ]);
    const remainders = rowsOf(json, 'proof').filter((row) => row.line === 'remainder');
    expect(remainders.map(({ identity, amount }) => [identity, amount])).toEqual(
      ['processor_pending', 'processor_balance', 'bank_in_transit'].map((name) => [
        name,
        { minor: '0', major: '0.00' },
      ]),
    );
    expect(rowsOf(json, 'proof')).toContainEqual(
      expect.objectContaining({ identity: 'all', line: 'owed', amount: { minor: '701', major: '7.01' } }),
    );
    expect(rowsOf(json, 'details_amount_mismatch')).toMatchObject([
      {
        reference: 'p2',
        delta: { minor: '-1', major: '-0.01' },
        ledger: { amount: { minor: '5000', major: '50.00' }, kind: 'payment.captured' },
        settlement: { amount: { minor: '4999', major: '49.99' }, kind: 'charge' },
        'differs amount': { ledger: { minor: '5000' }, settlement: { minor: '4999', major: '49.99' } },
        age_days: 20,
        bucket: '8-30',
      },
    ]);
    const deltas = rowsOf(json, 'details_missing_in_settlement').map(({ delta }) => delta);
    expect(deltas).toEqual([
      { minor: `-${BIG}`, major: '-46116860184273879.04' },
      { minor: `-${BIG}`, major: '-46116860184273879.04' },
      { minor: '-2500010', major: '-2500.010' },
      { minor: '-1050', major: '-1050' },
    ]);
    expect(
      rowsOf(json, 'in_transit_items').map(({ reference, state, expected_by }) => [reference, state, expected_by]),
    ).toEqual([['p3', 'in_transit', '2026-03-12']]);
    expect(rowsOf(json, 'payouts')).toMatchObject([
      {
        payout: 'po_1',
        batch: 'B1',
        lines: 5,
        net: { minor: '14549' },
        paid_out: { minor: '14549' },
        at_bank: { minor: '14549' },
        open: { minor: '0' },
        state: 'matched',
      },
    ]);
    expect(rowsOf(json, 'payout_makeup').map(({ kind, lines }) => [kind, lines])).toEqual([
      ['charge', 4],
      ['payout', 1],
    ]);
    expect(rowsOf(json, 'bank_lines')).toMatchObject([{ payout: 'po_1', text: HOSTILE, amount: { minor: '14549' } }]);
    expect(rowsOf(json, 'fees').map(({ payment_method, fee, percent }) => [payment_method, fee, percent])).toEqual([
      [HOSTILE, { minor: '150', major: '1.50' }, '3.0006'],
      ['visa', { minor: '300', major: '3.00' }, '3.0000'],
    ]);
    expect(rowsOf(json, 'fx')).toMatchObject([
      { other_currency: 'KWD', other_amount: { minor: '100', major: '0.100' }, gross: { minor: '90' } },
    ]);
    expect(rowsOf(json, 'resolutions')).toMatchObject([
      { class: 'missing_file', status: 'resolved', reason_code: 'found' },
    ]);
    expect(rowsOf(json, 'write_offs')).toMatchObject([{ reference: 'p4', amount: { minor: '123' } }]);
    expect(rowsOf(json, 'matched').map(({ kind, state, lines }) => [kind, state, lines])).toEqual([
      ['charge', 'discrepancy', 1],
      ['charge', 'matched', 3],
      ['payout', 'matched', 1],
    ]);
    expect(rowsOf(json, 'inputs')).toMatchObject([
      { what: 'report', file_name: HOSTILE, sha256: createHash('sha256').update(settlement).digest('hex') },
      { what: 'statement', file_name: 'bank.xml' },
    ]);
  });

  it('ends with the hash of all that is before it', async () => {
    const text = (await discrepancies('json')).bytes.toString();
    const end = text.lastIndexOf(',"control":');
    expect(jsonOf(Buffer.from(text)).control.sha256).toBe(
      createHash('sha256').update(text.slice(0, end)).digest('hex'),
    );
  });

  it('adds up: classes, ageing and details tell the same counts and sums', async () => {
    const json = jsonOf((await discrepancies('json')).bytes);
    const sum = (rows: Rows) => {
      const sums: Record<string, bigint> = {};
      for (const row of rows) {
        const key = `${row.class ?? ''} ${row.currency}`;
        sums[key] = (sums[key] ?? 0n) + BigInt((row.delta as { minor: string }).minor);
      }
      return sums;
    };
    const classes = sum(rowsOf(json, 'discrepancies'));
    expect(sum(rowsOf(json, 'ageing'))).toEqual(classes);
    const each = Object.keys(json)
      .filter((name) => name.startsWith('details_'))
      .flatMap((name) => rowsOf(json, name).map((row) => ({ ...row, class: name.slice('details_'.length) })));
    expect(sum(each)).toEqual(classes);
    expect(rowsOf(json, 'ageing')).toContainEqual(
      expect.objectContaining({ currency: 'JPY', '31-60 days count': 1, '61+ days count': 0, count: 1 }),
    );
  });

  it('tells what came and went since the run before, of the same selection', async () => {
    const period = '2026-01/2026-03';
    const first = jsonOf((await discrepancies('json', { period })).bytes);
    expect(first.cover.previous_run).toBeNull();
    expect(rowsOf(first, 'discrepancies')[0]).toMatchObject({ seen_since: null, cleared_since: null });
    const id = await addDiscrepancy(database, {
      provider: 'test',
      account,
      class: 'split_incomplete',
      reference: 'new',
      currency: 'EUR',
      delta: 3n,
      at: AT,
      seenAt: NOW + DAY,
    });
    await database.sql.query(
      `update postern.discrepancies set status = 'auto_cleared', cleared_at = $1 where reference = 'k1' and account = $2`,
      [new Date(NOW + DAY), account],
    );
    const second = jsonOf((await discrepancies('json', { period, now: NOW + 2 * DAY })).bytes);
    expect(second.cover.previous_run).toEqual({ run: first.cover.run, as_of: first.cover.as_of });
    const changed = rowsOf(second, 'discrepancies').map((row) => [
      row.class,
      row.currency,
      row.count,
      row.seen_since,
      row.cleared_since,
    ]);
    expect(changed).toContainEqual(['split_incomplete', 'EUR', 1, 1, 0]);
    expect(changed).toContainEqual(['missing_in_settlement', 'KWD', 0, 0, 1]);
    await database.sql.query(
      `update postern.discrepancies set status = 'open', cleared_at = null where reference = 'k1' and account = $1`,
      [account],
    );
    await database.sql.query(`delete from postern.discrepancies where id = $1`, [id]);
  });

  it('holds what was charged against what was agreed, the term that began last, halves to even', async () => {
    const contract = [
      { currency: 'EUR', payment_method: 'visa', percent: '2.5', fixed: '10', minimum: '30' },
      { currency: 'EUR', percent: '9', from: '2026-03-05' },
      { currency: 'EUR', percent: '1', fixed: '0', from: '2026-03-06' },
      { currency: 'USD', percent: '9' },
    ];
    await database.sql.query(
      `insert into postern.endpoints (provider, name, account, settings) values ('test', 'contract', 'contract', $1)`,
      [JSON.stringify({ fee_contract: contract, time_zone: 'Europe/Berlin' })],
    );
    const charge = { kind: 'charge', batch: 'B1', currency: 'EUR', reference: 'p', at: AT };
    await addSettlement(database, {
      provider: 'test',
      account: 'contract',
      at: AT,
      batches: [{ batch: 'B1', currency: 'EUR' }],
      lines: [
        // 2.5 % of 1,020 are 25.5 and 10: 26 + 10, and of 980 24.5 and 10: 24 + 10; then the minimum.
        { ...charge, gross: 1_020n, fee: 36n, method: 'visa' },
        { ...charge, gross: 980n, fee: 35n, method: 'visa' },
        { ...charge, gross: 100n, fee: 20n, method: 'visa' },
        // Charged in a row of its own: 12.5 and 10 are under the minimum of 30.
        { ...charge, reference: 'own', gross: 500n, fee: 0n, method: 'visa' },
        { ...charge, reference: 'own', gross: 0n, fee: 40n, method: 'visa' },
        { ...charge, gross: 1_000n, fee: 15n, method: 'mc' },
        { ...charge, gross: 1_000n, fee: 15n, method: 'mc', at: AT + DAY },
      ],
    });
    const request = {
      report: 'discrepancies',
      format: 'json',
      run: null,
      period: '2026-03',
      filter: NO_FILTER,
    } as const;
    const json = jsonOf((await made({ ...request, selection: { provider: 'test', account: 'contract' } })).bytes);
    const minor = (cell: unknown) => (cell as { minor: string } | null)?.minor;
    expect(
      rowsOf(json, 'fees').map((row) => [
        row.payment_method,
        row.lines,
        row.lines_in_contract,
        minor(row.agreed),
        minor(row.above),
      ]),
    ).toEqual([
      ['mc', 2, 2, '100', '5'],
      ['visa', 5, 4, '130', '11'],
    ]);
    expect(rowsOf(json, 'fee_contract')).toHaveLength(4);
    expect(json.cover.zones).toMatchObject([{ zone: 'Europe/Berlin' }]);
  });

  it('in one currency has the proof of that one on its cover, too', async () => {
    const request = { source: fromEvent(uuidv7(AT)), provider: 'test', account: 'mixed', marketplace: null };
    const ledger = createLedger({ clock: { now: () => AT } });
    const events: PaymentEvent[] = ['EUR', 'JPY'].map(
      (currency) => ({ ...captured(`in_${currency}`, 5n), currency }) as PaymentEvent,
    );
    await withTransaction(database.appPool, (tx) => ledger.post(tx, [{ ...request, events }]));
    const cover = async (currency: string | null) => {
      const selection = { provider: 'test', account: 'mixed' };
      const filter = { ...NO_FILTER, currency };
      const whole = { report: 'discrepancies', format: 'json', run: null, period: '2026-03' } as const;
      return jsonOf((await made({ ...whole, selection, filter })).bytes).cover;
    };
    expect((await cover(null)).remainders).toEqual({ EUR: '0', JPY: '0' });
    expect((await cover('JPY')).remainders).toEqual({ JPY: '0' });
    expect(await cover('KWD')).toMatchObject({ proof: 'empty', remainders: {} });
  });

  it('is narrowed by class, currency, status and age, and says so', async () => {
    const classes = async (filter: Partial<typeof NO_FILTER>) => {
      const json = jsonOf((await discrepancies('json', { filter })).bytes);
      expect(json.cover.filters).toMatchObject({ class: filter.class ?? null, currency: filter.currency ?? null });
      return rowsOf(json, 'discrepancies').map((row) => [row.class, row.currency, row.count]);
    };
    expect(await classes({ class: 'amount_mismatch' })).toEqual([['amount_mismatch', 'EUR', 1]]);
    expect(await classes({ currency: 'JPY' })).toEqual([['missing_in_settlement', 'JPY', 1]]);
    expect(await classes({ minAgeDays: 30 })).toEqual([['missing_in_settlement', 'JPY', 1]]);
    expect(await classes({ class: 'no_such_class' })).toEqual([]);
    expect(await classes({ status: 'assigned' })).toEqual([]);
  });
});

describe('renderings', () => {
  it.each(['json', 'csv', 'xlsx'] as const)('as %s have the same bytes when a run is made again', async (format) => {
    const first = await discrepancies(format);
    const again = await discrepancies(format, { run: first.run, now: NOW + 5 * DAY, actor: 'cli:other' });
    expect(again.run).toBe(first.run);
    expect(again.bytes.equals(first.bytes)).toBe(true);
    expect((await discrepancies(format)).bytes.equals(first.bytes)).toBe(false);
  });

  it('say the same hash, and when a run made again is not what it was', async () => {
    const first = await discrepancies('csv');
    const csv = unzip(first.bytes);
    const control = csv.get('10_control.csv')?.toString() ?? '';
    const json = jsonOf((await discrepancies('json', { run: first.run })).bytes);
    expect(control).toContain(json.control.sha256);
    expect(json.control.run_sha256).toBe(json.control.sha256);
    await database.sql.query(`update postern.discrepancies set assignee = 'somebody' where reference = 'k1'`);
    const later = jsonOf((await discrepancies('json', { run: first.run })).bytes);
    expect(later.control.run_sha256).toBe(json.control.sha256);
    expect(later.control.sha256).not.toBe(json.control.sha256);
  });

  it('as CSV run no text as a formula, keep quotes and lines in their cells, and leave numbers numbers', async () => {
    const files = unzip((await discrepancies('csv')).bytes);
    expect([...files.keys()].slice(0, 4)).toEqual(['00_cover.csv', '00_inputs.csv', '01_proof.csv', '01_sides.csv']);
    const rows = (name: string) => parse(files.get(name) ?? '', { columns: true }) as Record<string, string>[];
    for (const name of files.keys())
      for (const row of rows(name))
        for (const [head, cell] of Object.entries(row))
          if (!/^-?\d+(\.\d+)?$/.test(cell)) expect(`${head} ${cell}`).not.toMatch(/^[^ ]+ \s*[=+@-]/);
    const missing = rows('11_details_missing_in_settlement.csv');
    expect(missing.map((row) => [row.currency, row.delta, row.delta_minor])).toContainEqual([
      'KWD',
      '-2500.010',
      '-2500010',
    ]);
    expect(missing.map((row) => [row.currency, row.delta, row.delta_minor])).toContainEqual([
      'EUR',
      '-46116860184273879.04',
      `-${BIG}`,
    ]);
    expect(missing.find((row) => row.currency === 'JPY')).toMatchObject({
      reference: `'${HOSTILE}`,
      cause: `'${NASTY}`,
    });
  });

  it('as a workbook have typed cells that another reader reads, and totals', async () => {
    const { bytes } = await discrepancies('xlsx');
    const sheets = await readXlsxFile(bytes);
    const names = sheets.map(({ sheet }) => sheet);
    expect(names.slice(0, 4)).toEqual(['Cover', 'Inputs', 'Proof', 'Ledger, report, bank']);
    expect(names).toContain('missing_in_settlement');
    expect(names.indexOf('Sign-off')).toBeLessThan(names.indexOf('amount_mismatch'));
    const of = (name: string) => sheets.find(({ sheet }) => sheet === name)?.data ?? [];
    const [head = [], ...rows] = of('missing_in_settlement');
    const place = (name: string) => head.indexOf(name);
    const kwd = rows.find((row) => row[place('currency')] === 'KWD') ?? [];
    expect([kwd[place('delta')], kwd[place('delta_minor')]]).toEqual([-2500.01, -2_500_010]);
    expect(kwd[place('first_seen_at')]).toEqual(new Date(AT));
    expect(kwd[place('occurred_on')]).toEqual(new Date('2026-03-05T00:00:00Z'));
    const big = rows.find((row) => row[place('reference')] === 'big') ?? [];
    expect([big[place('delta')], big[place('delta_minor')]]).toEqual(['-46116860184273879.04', `-${BIG}`]);
    const jpy = rows.find((row) => row[place('currency')] === 'JPY') ?? [];
    expect(jpy[place('reference')]).toBe(HOSTILE);
    const total = (currency: string) => rows.find((row) => row[0] === `Total ${currency}`) ?? [];
    expect([total('KWD')[place('delta')], total('KWD')[place('delta_minor')]]).toEqual([-2500.01, -2_500_010]);
    // No formula counts what stands as text: the sum does too.
    expect(total('EUR')[place('delta_minor')]).toBe(`-${2n * BIG}`);
    expect(rows.flat()).toContain(
      'Amounts of more than 15 digits stand as text: a number of a spreadsheet would be rounded.',
    );
  });

  it('as a workbook are XML throughout, with frozen heads, formulas for totals only, and each currency’s decimals', async () => {
    const files = unzip((await discrepancies('xlsx')).bytes);
    for (const [path, content] of files) {
      const parser = new SaxesParser();
      parser.on('error', (error) => {
        throw new Error(`${path}: ${error.message}`);
      });
      parser.write(content.toString()).close();
    }
    const sheets = [...files]
      .filter(([path]) => path.startsWith('xl/worksheets/'))
      .map(([, content]) => content.toString());
    expect(sheets.every((sheet) => sheet.includes('state="frozen"'))).toBe(true);
    const formulas = sheets.flatMap((sheet) =>
      [...sheet.matchAll(/<f>(.*?)<\/f>/g)].map(([, formula]) => formula ?? ''),
    );
    expect(formulas.length).toBeGreaterThan(5);
    for (const formula of formulas) expect(formula).toMatch(/^SUM(IF)?\(\$?[A-Z]/);
    const styles = files.get('xl/styles.xml')?.toString() ?? '';
    const formats = [...styles.matchAll(/numFmtId="(\d+)" formatCode="([^"]+)"/g)].map(
      ([, id, code]) => [id, code] as const,
    );
    const cells = [...styles.slice(styles.indexOf('<cellXfs')).matchAll(/<xf numFmtId="(\d+)"/g)].map(([, id]) => id);
    const formatOf = (pattern: RegExp) => {
      const [, style] = sheets.map((sheet) => pattern.exec(sheet)).find((found) => found !== null) ?? [];
      return formats.find(([id]) => id === cells[Number(style)])?.[1];
    };
    expect(formatOf(/s="(\d+)"><v>-2500\.010</)).toBe('#,##0.000');
    expect(formatOf(/s="(\d+)"><v>-1050<\/v><\/c><c/)).toBe('#,##0');
    expect(formatOf(/s="(\d+)"><v>7\.01</)).toBe('#,##0.00');
  });
});

describe('a settlement report', () => {
  it('tells its batches, the proof of its days and how each of its lines stands', async () => {
    const { bytes, fileName } = await made({ report: 'settlement', format: 'json', run: null, settlement });
    expect(fileName).toBe(`settlement-test-${account}-${settlement}.json`);
    const json = jsonOf(bytes);
    expect(json.cover).toMatchObject({
      settlement: { id: settlement, file: { name: HOSTILE } },
      period: { from: '2026-03-05', to: '2026-03-05' },
    });
    expect(rowsOf(json, 'batches')).toMatchObject([
      {
        batch: 'B1',
        lines: 5,
        gross: { minor: '14999' },
        fee: { minor: '450' },
        net: { minor: '14549' },
        payout: { minor: '-14549' },
        difference: { minor: '0' },
        closing_is: 'unproven',
      },
    ]);
    expect(rowsOf(json, 'lines').map((row) => [row.line, row.reference, row.state, row.class])).toEqual([
      [2, 'p1', 'matched', null],
      [3, 'p2', 'discrepancy', 'amount_mismatch'],
      [4, 'fx', 'matched', null],
      [5, 'fx', 'matched', null],
      [6, 'po_1', 'matched', null],
    ]);
    expect(rowsOf(json, 'lines')[1]).toMatchObject({ open: { minor: '1' }, merchant_reference: NASTY });
    expect(rowsOf(json, 'discrepancies').map((row) => row.reference)).toEqual(['p2', 'p1']);
  });

  it('counts its own discrepancies, and not those of the account', async () => {
    const { bytes, open } = await made({ report: 'settlement', format: 'json', run: null, settlement });
    const json = jsonOf(bytes);
    expect(rowsOf(json, 'discrepancies')).toHaveLength(2);
    expect([open, json.cover.open_discrepancies]).toEqual([2, 2]);
  });

  it.each(['csv', 'xlsx'] as const)('is the same bytes twice as %s', async (format) => {
    const request = { report: 'settlement', format, settlement } as const;
    const first = await made({ ...request, run: null });
    expect((await made({ ...request, run: first.run }, { now: NOW + DAY })).bytes.equals(first.bytes)).toBe(true);
  });
});

describe('what is not there', () => {
  it('is an honest, empty report for a period without anything', async () => {
    const json = jsonOf((await discrepancies('json', { period: '2025-06' })).bytes);
    expect(json.cover).toMatchObject({
      open_discrepancies: 0,
      items_judged_until: 'never: what is open was not judged',
    });
    for (const name of ['inputs', 'sides', 'matched', 'discrepancies', 'ageing', 'in_transit', 'payouts', 'bank_lines'])
      expect([name, json[name]]).toEqual([name, []]);
    expect(json.cover.proof).toBe('empty');
    const workbook = await readXlsxFile((await discrepancies('xlsx', { period: '2025-06' })).bytes);
    expect(workbook.find(({ sheet }) => sheet === 'Proof')?.data).toHaveLength(1);
  });

  it.each([
    ['an account', { report: 'discrepancies', selection: { provider: 'test', account: 'nobody' } }, 'not_found'],
    ['a provider', { report: 'discrepancies', selection: { provider: 'nobody', account: null } }, 'not_found'],
    ['a settlement', { report: 'settlement', settlement: '00000000-0000-7000-8000-000000000000' }, 'not_found'],
    ['a run', { report: 'discrepancies', run: '00000000-0000-7000-8000-000000000000' }, 'not_found'],
    ['such a month', { report: 'discrepancies', period: '2026-13' }, 'invalid_request'],
    ['such a day', { report: 'discrepancies', period: '2026-02-30' }, 'invalid_request'],
    ['time that runs so', { report: 'discrepancies', period: '2026-03/2026-02' }, 'invalid_request'],
  ])('is said: %s', async (_, request, code) => {
    const whole = {
      format: 'json',
      run: null,
      selection: { provider: 'test', account },
      period: '2026-03',
      filter: NO_FILTER,
      ...request,
    };
    await expect(made(whole as ReportRequest)).rejects.toMatchObject({ code });
    const { rows } = await database.sql.query(
      `select 1 from pg_stat_activity where datname = current_database() and application_name = 'postern reader'`,
    );
    expect(rows).toEqual([]);
  });

  it('is a run of something else', async () => {
    const { run } = await discrepancies('json');
    await expect(discrepancies('json', { run, period: '2026-02' })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('is said of an item that the engine has not judged yet', async () => {
    const ledger = createLedger({ clock: { now: () => AT } });
    const events: PaymentEvent[] = [captured('fresh', 5n)];
    const request = { source: fromEvent(uuidv7(AT)), provider: 'test', account: 'unjudged', marketplace: null, events };
    await withTransaction(database.appPool, (tx) => ledger.post(tx, [request]));
    const { bytes } = await made({
      report: 'discrepancies',
      format: 'json',
      run: null,
      selection: { provider: 'test', account: 'unjudged' },
      period: '2026-03',
      filter: NO_FILTER,
    });
    expect(rowsOf(jsonOf(bytes), 'in_transit')).toMatchObject([
      { item: 'processor_pending', state: 'not_judged', count: 1 },
    ]);
  });
});
