import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dateFormat } from '../../../src/reconcile/bank/csv-date.ts';
import { readCsvNumber } from '../../../src/reconcile/bank/csv-number.ts';
import { csvStatement } from '../../../src/reconcile/bank/csv-statement.ts';
import { type ReadBank, readBank } from '../../support/bank-statements.ts';

const german = readFileSync('test/fixtures/bank/german.csv');
const germanMapping: Record<string, unknown> = JSON.parse(
  readFileSync('test/fixtures/bank/german.mapping.json', 'utf8'),
);

const plain = {
  account: { value: 'DE02120300000000202051' },
  currency: { value: 'EUR' },
  date: { column: 'Date', format: 'YYYY-MM-DD' },
  amount: { column: 'Amount' },
  text: ['Text'],
};
const read = (lines: readonly string[], mapping: object = plain): Promise<ReadBank> =>
  readBank(csvStatement, lines.join('\n'), { mapping, fileName: 'march.csv' });

describe('a CSV with a mapping', () => {
  it('is read in Windows-1252, with semicolons, decimal commas, quotes, rows above the header and below the entries', async () => {
    const { entries, statements, faults } = await readBank(csvStatement, german, { mapping: germanMapping });
    expect(faults).toEqual([]);
    expect(entries).toMatchObject([
      {
        row: 5,
        amount: 100_050n,
        at: Date.parse('2026-03-01T00:00:00+01:00'),
        valueAt: Date.parse('2026-03-02T00:00:00+01:00'),
        counterparty: { name: 'Stripe', account: 'IE29AIBK93115212345678' },
        text: 'Auszahlung "po_1"; Rest',
      },
      { row: 6, amount: -50n, valueAt: null, text: 'Gebühr', counterparty: { name: null, account: null } },
      { row: 7, amount: -50n },
    ]);
    expect(entries[2]?.identity).toBe(`${entries[1]?.identity}/2`);
    expect(statements).toMatchObject([{ opening: 10_000n, closing: 109_950n, entries: 3, sum: 99_950n }]);
  });

  it('names a balance that does not continue: a row was cut out', async () => {
    const lines = german.toString('latin1').split('\r\n');
    const { faults } = await readBank(csvStatement, Buffer.from(lines.toSpliced(5, 1).join('\n'), 'latin1'), {
      mapping: germanMapping,
    });
    expect(faults).toMatchObject([
      { kind: 'contradiction', row: 6, field: 'Saldo', expected: '1100.00 EUR', found: '1099.50 EUR' },
    ]);
  });

  it('reads balances newest first', async () => {
    const rows = ['Date,Amount,Text,Balance', '2026-03-02,-5.00,b,15.00', '2026-03-01,10.00,a,20.00'];
    const of = (order: string) => read(rows, { ...plain, balance: { column: 'Balance', order } });
    expect(await of('newest_first')).toMatchObject({ faults: [], statements: [{ opening: 1_000n, closing: 1_500n }] });
    expect((await of('oldest_first')).faults).toMatchObject([{ kind: 'contradiction', row: 3 }]);
  });

  it('without balances says that nothing proves it', async () => {
    const { statements, faults } = await read(['Date,Amount,Text', '2026-03-01,1.00,a']);
    expect(faults).toEqual([]);
    expect(statements).toMatchObject([{ statement: 'march.csv', opening: null, closing: null, entries: 1, sum: 100n }]);
  });

  it('takes opening and closing from their own rows', async () => {
    const rows = [
      'End,,,12.00',
      'Date,Text,Debit,Credit',
      '2026-03-01,a,,3.00',
      '2026-03-02,b,1.00,0.00',
      'Start,,,10.00',
    ];
    const mapping = { ...plain, amount: { debit: 'Debit', credit: 'Credit' }, opening: 'start', closing: 'end' };
    expect(await read(rows, mapping)).toMatchObject({ faults: [], statements: [{ opening: 1_000n, closing: 1_200n }] });
    expect((await read(rows.slice(0, 4), mapping)).faults).toMatchObject([
      { kind: 'contradiction', found: 'only the closing balance' },
    ]);
  });

  it('makes a statement for each account and currency', async () => {
    const mapping = { ...plain, account: { column: 'Konto' }, currency: { column: 'Ccy' } };
    const { statements } = await read(
      ['Konto,Ccy,Date,Amount,Text', 'A,EUR,2026-03-01,1,a', 'A,jpy,2026-03-01,1,a', 'B,EUR,2026-03-01,2,a'],
      mapping,
    );
    expect(statements.map(({ account, currency, sum }) => [account, currency, sum])).toEqual([
      ['A', 'EUR', 100n],
      ['A', 'JPY', 1n],
      ['B', 'EUR', 200n],
    ]);
  });

  it('leaves out rows that are not booked, and refuses a word that it was not told', async () => {
    const mapping = { ...plain, status: { column: 'State', booked: ['done'], not_booked: ['pending'] } };
    const { entries, faults } = await read(
      ['State,Date,Amount,Text', 'DONE,2026-03-01,1,a', 'Pending,2026-03-01,2,a', 'reverted,2026-03-01,3,a'],
      mapping,
    );
    expect(entries).toHaveLength(1);
    expect(faults).toMatchObject([{ row: 4, field: 'State', value: 'reverted' }]);
  });

  it('turns signs round for cards', async () => {
    const { entries } = await read(['Date,Amount,Text', '2026-03-01,5.00,a'], {
      ...plain,
      amount: { column: 'Amount', inverted: true },
    });
    expect(entries[0]?.amount).toBe(-500n);
  });

  it.each([
    ['refused', [], [{ row: 2, field: 'Debit' }]],
    ['ignored', [-500n], []],
    ['reversal', [500n], []],
  ])('takes a negative debit as %s', async (negative, amounts, faults) => {
    const mapping = { ...plain, amount: { debit: 'Debit', credit: 'Credit', negative } };
    const told = await read(['Date,Debit,Credit,Text', '2026-03-01,-5.00,,a'], mapping);
    expect(told.entries.map(({ amount }) => amount)).toEqual(amounts);
    expect(told.faults).toMatchObject(faults);
  });

  it('names a booking by the bank’s id where there is one, else by what it says', async () => {
    const mapping = { ...plain, id: 'Id' };
    const { entries } = await read(
      ['Id,Date,Amount,Text', 'X-1,2026-03-01,1,a', ',2026-03-01,1,a', ',2026-03-01,1,b'],
      mapping,
    );
    expect(entries[0]).toMatchObject({ identity: '2026-03-01/X-1/100EUR', references: ['X-1'] });
    expect(new Set(entries.map(({ identity }) => identity)).size).toBe(3);
  });

  it('tells a file without entries as a statement, and what is empty as a fault', async () => {
    expect(await read(['Date,Amount,Text'])).toMatchObject({ entries: [], faults: [], statements: [{ entries: 0 }] });
    expect((await read([''])).faults).toMatchObject([{ kind: 'unreadable', reason: 'the file is empty' }]);
  });

  it.each([
    ['Amount', 'Date,Amount,Text,Amount'],
    ['Date', 'Date,Amount,Date,Text'],
  ])('refuses %s that stands in the header twice: which is meant nothing says', async (column, header) => {
    // What is a text as well is no less an amount.
    const mapping = { ...plain, text: ['Text', 'Amount'] };
    const { entries, faults } = await read([header, '2026-03-01,1,2,3'], mapping);
    expect(faults).toMatchObject([{ kind: 'unreadable', row: 1, field: column }]);
    expect(entries).toEqual([]);
  });

  it('takes the first of texts and currencies, which banks repeat', async () => {
    const mapping = { ...plain, currency: { column: 'Currency' } };
    const lines = ['Date,Balance,Currency,Amount,Currency,Text,Text', '2026-03-01,9,EUR,1,EUR,a,b'];
    expect(await read(lines, mapping)).toMatchObject({ faults: [], entries: [{ currency: 'EUR', text: 'a' }] });
  });

  it('names the columns that are missing, of the row that comes nearest', async () => {
    const { faults } = await read(['Bank,X', 'Date,Text,Betrag', '2026-03-01,a,1']);
    expect(faults).toMatchObject([{ kind: 'unreadable', row: 2 }]);
    expect(faults[0]?.reason).toContain('lacks "Amount"');
  });

  it.each([
    ['within its amount, in the last line', ['2026-03-01,1.00,a,x', '2026-03-02,2.000'], 3, 2],
    ['behind its last column of the mapping', ['2026-03-01,1.00,a,x', '2026-03-02,2.00,ST'], 3, 3],
    ['in the only line', ['2026-03-02'], 2, 1],
    ['in the middle, where a column of the mapping is not there', ['2026-03-01,1.00', '2026-03-02,2.00,b,y'], 2, 2],
  ])('names a row that was cut off %s', async (_name, rows, row, cells) => {
    const { entries, faults } = await read(['Date,Amount,Text,Note', ...rows]);
    expect(entries).toHaveLength(rows.length - 1);
    expect(faults).toMatchObject([
      { kind: 'unreadable', row, reason: expect.stringContaining(`has ${cells} cells where the header has 4`) },
    ]);
    expect(faults[0]?.reason).toContain('may be cut off');
  });

  it.each(['\n', '\r\n', '\r'])(
    'takes rows without the empty cells at their end, up to one ended by %j',
    async (end) => {
      const file = ['Date,Amount,Text,Note,More', '2026-03-01,1.00,a', '2026-03-02,2.00,b', ''].join(end);
      const { entries, faults } = await readBank(csvStatement, file, { mapping: plain });
      expect([entries.map(({ amount }) => amount), faults]).toEqual([[100n, 200n], []]);
    },
  );

  it('takes a last row that is whole without a line end, and a short one that is not booked', async () => {
    expect(await read(['Date,Amount,Text,Note', '2026-03-02,2.00,b,'])).toMatchObject({ entries: [{}], faults: [] });
    const mapping = { ...plain, status: { column: 'State', booked: ['done'], not_booked: ['pending'] } };
    expect(await read(['State,Date,Amount,Text', 'pending,2026-03-02'], mapping)).toMatchObject({
      entries: [],
      faults: [],
    });
    expect((await read(['State,Date,Amount,Text', 'pend'], mapping)).faults).toMatchObject([{ row: 2 }]);
  });

  it('refuses a header that has a column of the mapping twice, and names it', async () => {
    const rows = ['Date,Amount,Text,amount ', '2026-03-01,1.00,a,2.00'];
    expect(await read(rows)).toEqual({
      entries: [],
      statements: [],
      faults: [expect.objectContaining({ kind: 'unreadable', row: 1, field: 'Amount' })],
    });
    expect(await read(['Date,Amount,Text,Other,Other', '2026-03-01,1.00,a,2.00,3.00'])).toMatchObject({
      entries: [{ amount: 100n }],
      faults: [],
    });
  });

  it('gives up looking for a header after 200 rows', async () => {
    const { faults } = await read(Array.from({ length: 500 }, (_, n) => `row ${n}`));
    expect(faults).toHaveLength(1);
  });

  it.each([
    ['a garbled amount', '2026-03-01,12..34,a', 'Amount'],
    ['no amount', '2026-03-01,,a', 'Amount'],
    ['a day in another order', '01-03-2026,1,a', 'Date'],
    ['an impossible day', '2026-02-30,1,a', 'Date'],
    ['a separator within a text', '2026-03-01,1,a,b', ''],
    ['a total that the mapping does not know', 'Total,1,', 'Date'],
  ])('%s is named with its row', async (_name, row, field) => {
    const { entries, faults } = await read(['Date,Amount,Text', '2026-03-01,1,a', row, '2026-03-01,1,a']);
    expect(faults).toEqual([expect.objectContaining({ kind: 'unreadable', row: 3, field })]);
    expect(entries).toHaveLength(2);
  });

  it('refuses a workbook, and a quote that never ends', async () => {
    const workbook = await readBank(csvStatement, Buffer.from('504b0304aabb', 'hex'), { mapping: plain });
    expect(workbook.faults[0]?.reason).toContain('XLSX');
    expect((await read(['Date,Amount,Text', '2026-03-01,1,"a'])).faults).toMatchObject([{ row: 2 }]);
  });
});

describe('a mapping', () => {
  const faultsOf = async (mapping: unknown): Promise<[string | null, string][]> =>
    (await readBank(csvStatement, 'Date\n', { mapping })).faults.map(({ field, reason }) => [field, reason]);

  it.each([
    ['none', null, 'mapping', 'must be a JSON object'],
    ['a list', [], 'mapping', 'must be a JSON object'],
    ['an unknown key', { ...plain, ammount: 1 }, 'mapping/ammount', 'is not known'],
    ['no account', { ...plain, account: undefined }, 'mapping/account', 'is missing'],
    [
      'account twice',
      { ...plain, account: { value: 'a', column: 'b' } },
      'mapping/account',
      'either "value" or "column"',
    ],
    ['no currency', { ...plain, currency: { value: 'Euro' } }, 'mapping/currency/value', 'ISO 4217'],
    ['no date', { ...plain, date: undefined }, 'mapping/date', 'is missing'],
    ['a date as text', { ...plain, date: 'Date' }, 'mapping/date', 'must be an object with column, format'],
    [
      'a format without a year',
      { ...plain, date: { column: 'D', format: 'DD.MM.' } },
      'mapping/date/format',
      'must have year',
    ],
    [
      'a format of other letters',
      { ...plain, date: { column: 'D', format: 'dd.mm.yyyy' } },
      'mapping/date/format',
      'must be made of',
    ],
    ['no amount', { ...plain, amount: {} }, 'mapping/amount/column', 'is missing'],
    ['half a pair', { ...plain, amount: { debit: 'D' } }, 'mapping/amount/credit', 'is missing'],
    [
      'a direction without words',
      { ...plain, amount: { column: 'A', direction: 'X', debit: [], credit: ['C'] } },
      'mapping/amount/debit',
      'at least one word',
    ],
    [
      'a sign that means nothing',
      { ...plain, amount: { column: 'A', negative: 'ignored' } },
      'mapping/amount/negative',
      'is only for',
    ],
    ['another separator', { ...plain, separator: '\n' }, 'mapping/separator', 'must be one of'],
    ['the same sign twice', { ...plain, thousands: '.' }, 'mapping/thousands', 'must not be the decimal sign'],
    ['an encoding', { ...plain, encoding: 'ebcdic' }, 'mapping/encoding', 'must be one of'],
    ['a list of numbers', { ...plain, text: [1] }, 'mapping/text', 'must be a list'],
    [
      'balances of no account',
      { ...plain, account: { column: 'A' }, opening: 'x' },
      'mapping/opening',
      'needs account',
    ],
    ['two proofs', { ...plain, balance: { column: 'B' }, closing: 'x' }, 'mapping/closing', 'leave one of the two out'],
    ['a number for a text', { ...plain, id: 5 }, 'mapping/id', 'must be a text'],
    [
      'a text for a flag',
      { ...plain, amount: { column: 'A', inverted: 'yes' } },
      'mapping/amount/inverted',
      'true or false',
    ],
  ])('with %s is told where and what', async (_name, mapping, field, reason) => {
    expect(await faultsOf(mapping)).toContainEqual([field, expect.stringContaining(reason)]);
  });

  it('tells all its mistakes at once', async () => {
    expect(await faultsOf({ foo: 1, text: 2 })).toHaveLength(6);
  });
});

it('the documented example is read as the documentation says', async () => {
  const page = readFileSync('docs/bank-statements.md', 'utf8');
  const [csv = '', mapping = ''] = ['csv', 'json'].map(
    (name) => page.split(`\`\`\`${name}\n`)[1]?.split('```')[0] ?? '',
  );
  const read = await readBank(csvStatement, Buffer.from(csv, 'latin1'), { mapping: JSON.parse(mapping) });
  expect(read).toMatchObject({ faults: [], statements: [{ opening: 10_000n, closing: 110_000n, entries: 2 }] });
});

describe('numbers of a CSV', () => {
  const of = (text: string, decimal: '.' | ',', thousands: string | null, currency = 'EUR') => {
    const read = readCsvNumber(text, currency, { decimal, thousands });
    return read.kind === 'amount' ? read.value : null;
  };
  it.each([
    ['1.234,50', ',', '.', 123_450n],
    ['-1,234.50', '.', ',', -123_450n],
    ['1,234.50-', '.', ',', -123_450n],
    ['(1,234.50)', '.', ',', -123_450n],
    ['+5', '.', null, 500n],
    ['1 234 567,8', ',', ' ', 123_456_780n],
    ['1\u202f234,50', ',', ' ', 123_450n],
    ['1\u00a0234\u202f567 890,50', ',', ' ', 123_456_789_050n],
    ['- 1 234,50', ',', ' ', -123_450n],
    ['1 234,50 -', ',', ' ', -123_450n],
    ['( 1 234,50 )', ',', ' ', -123_450n],
    ['1234,50', ',', ' ', 123_450n],
    ['1 50,00', ',', ' ', null],
    ['1\u00a050,00', ',', ' ', null],
    ['1 2 3 4,00', ',', ' ', null],
    ['1234 567,00', ',', ' ', null],
    ['1 234,5 0', ',', ' ', null],
    ['−3.00', '.', null, -300n],
    ["1'234.50", '.', "'", 123_450n],
    ['1’234.50', '.', "'", 123_450n],
    ['1,50', '.', ',', null],
    ['1.50', ',', '.', null],
    ['1,2345.00', '.', ',', null],
    [',234.00', '.', ',', null],
    ['1 234', '.', null, null],
    ['1.2.3', '.', null, null],
    ['5 EUR', '.', null, null],
    ['--5', '.', null, null],
    ['1e3', '.', null, null],
    ['1.005', '.', null, null],
    ['', '.', null, null],
    ['-', '.', null, null],
  ] as const)('%s with %s and %s', (text, decimal, thousands, amount) => {
    expect(of(text, decimal, thousands)).toBe(amount);
  });

  it.each([
    ['1.000', '.', null, 'EUR', null],
    ['1,000', ',', null, 'EUR', null],
    ['-12.500', '.', null, 'EUR', null],
    ['1.000', '.', null, 'JPY', null],
    ['1.000', '.', null, 'KWD', 1_000n],
    ['1.000', ',', '.', 'EUR', 100_000n],
    // Who says what stands between thousands has said what "." is.
    ['1.000', '.', ',', 'EUR', 100n],
    ['0.000', '.', null, 'EUR', 0n],
    ['0.500', '.', null, 'EUR', 50n],
    ['1.0000', '.', null, 'EUR', 100n],
    ['1.0', '.', null, 'JPY', 1n],
  ] as const)(
    '%s with %s and %s in %s may be a thousand times too small',
    (text, decimal, thousands, currency, amount) => {
      expect(of(text, decimal, thousands, currency)).toBe(amount);
    },
  );

  it('that may be a thousand times too small are told with what to do', async () => {
    const { entries, faults } = await read(['Date,Amount,Text', '2026-03-01,1.000,a']);
    expect([entries, faults]).toEqual([
      [],
      [expect.objectContaining({ row: 2, field: 'Amount', reason: expect.stringContaining('"thousands"') })],
    ]);
  });
});

describe('days of a CSV', () => {
  const of = (format: string, text: string) => {
    const read = dateFormat(format);
    const day = read.kind === 'format' ? read.read(text) : null;
    return day === null ? null : [day.year, day.month, day.day, day.timeOfDayMs / 1_000];
  };
  it.each([
    ['DD.MM.YYYY', '01.03.2026', [2026, 3, 1, 0]],
    ['M/D/YY', '3/1/26', [2026, 3, 1, 0]],
    ['DD MMM YYYY', '01 Mar 2026', [2026, 3, 1, 0]],
    ['YYYY-MM-DD HH:mm:ss', '2026-03-01 13:00:01', [2026, 3, 1, 46_801]],
    ['YYYY-MM-DDTHH:mm', '2026-03-01T13:00', [2026, 3, 1, 46_800]],
    ['YYYYMMDD', '20260301', [2026, 3, 1, 0]],
    ['DD.MM.YYYY', '1.3.2026', null],
    ['DD.MM.YYYY', '01x03x2026', null],
    ['YYYY-MM-DD', '2026-02-29', null],
    ['YYYY-MM-DD HH:mm:ss', '2026-03-01 24:00:00', null],
    ['DD MMM YYYY', '01 Mai 2026', null],
    ['DD DD YYYY', '01 01 2026', null],
  ])('%s reads %s', (format, text, expected) => {
    expect(of(format, text)).toEqual(expected);
  });
});
