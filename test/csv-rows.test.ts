import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CsvOptions, csvRows } from '../src/csv-rows.ts';

type Read = {
  rows: { row: number; raw: string; cells: readonly string[] }[];
  faults: { row: number | null; reason: string }[];
};

async function read(
  bytes: Uint8Array | string,
  options: CsvOptions = {},
  sizes: readonly number[] = [],
): Promise<Read> {
  const all = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const result: Read = { rows: [], faults: [] };
  for await (const group of csvRows(cut(all, sizes), options)) {
    result.rows.push(...group.rows);
    for (const { row, reason } of group.faults) result.faults.push({ row, reason });
  }
  return result;
}

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let n = 0; at < bytes.length; n += 1) {
    const size = sizes.length === 0 ? bytes.length : (sizes[n % sizes.length] ?? 1);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const cells = (result: Read): (readonly string[])[] => result.rows.map((row) => row.cells);
const BIG = 70 * 1024;

test('reads quotes, doubled quotes, separators and line ends inside them', async () => {
  const result = await read('a,b\n"x, ""y""\nz",2\n3,4\n');
  expect(cells(result)).toEqual([
    ['a', 'b'],
    ['x, "y"\nz', '2'],
    ['3', '4'],
  ]);
  expect(result.rows.map(({ row }) => row)).toEqual([1, 2, 4]);
  expect(result.rows[1]?.raw).toBe('"x, ""y""\nz",2');
});

test.each([
  ['LF', 'a,b\n1,2\n\n3,4\n'],
  ['CR LF', 'a,b\r\n1,2\r\n\r\n3,4\r\n'],
  ['CR', 'a,b\r1,2\r\r3,4\r'],
  ['a mixture', 'a,b\r\n1,2\n\r3,4'],
  ['no last line end', 'a,b\n1,2\n\n3,4'],
])('counts lines with %s, blank ones too, and leaves those out', async (_, text) => {
  const result = await read(text);
  expect(cells(result)).toEqual([
    ['a', 'b'],
    ['1', '2'],
    ['3', '4'],
  ]);
  expect(result.rows.map(({ row }) => row)).toEqual([1, 2, 4]);
});

test.each<[string, Buffer]>([
  ['UTF-8', Buffer.from('\uFEFFa;ü\n1;€\n')],
  ['UTF-16 little-endian', Buffer.from('\uFEFFa;ü\n1;€\n', 'utf16le')],
  ['UTF-16 big-endian', Buffer.from('\uFEFFa;ü\n1;€\n', 'utf16le').swap16()],
])('takes a byte order mark for what it is: %s', async (_, bytes) => {
  expect(cells(await read(bytes, { separator: ';' }))).toEqual([
    ['a', 'ü'],
    ['1', '€'],
  ]);
});

test('reads Windows-1252 where it is told to, and garbles a letter, never a row, where it is not', async () => {
  const bytes = Buffer.from('a,Z\xfcrich\n1,2\n', 'latin1');
  expect(cells(await read(bytes, { encoding: 'windows-1252' }))[0]).toEqual(['a', 'Zürich']);
  expect(cells(await read(bytes))).toEqual([
    ['a', 'Z\uFFFDrich'],
    ['1', '2'],
  ]);
});

test.each([
  ['XLSX workbook', Buffer.from('504b030414000600', 'hex')],
  ['XLS workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex')],
  ['compressed with gzip', Buffer.from('1f8b0800', 'hex')],
  ['PDF document', Buffer.from('%PDF-1.7')],
  ['web page', Buffer.from('<!DOCTYPE html><html>')],
])('says what a file is instead of text: %s', async (what, bytes) => {
  const result = await read(bytes);
  expect(result.rows).toEqual([]);
  expect(result.faults).toEqual([{ row: null, reason: expect.stringContaining(what) }]);
});

test('an unclosed quote is a fault of the line it begins on, not a hang, and what was before it is read', async () => {
  const result = await read('a,b\n1,2\n3,"4\n5,6\n7,8');
  expect(cells(result)).toEqual([
    ['a', 'b'],
    ['1', '2'],
  ]);
  expect(result.faults).toEqual([{ row: 3, reason: expect.stringContaining('never closed') }]);
});

test('a row beyond the limit ends the reading, however it is cut, and whether or not it ends', async () => {
  for (const text of [
    `a,b\n"${'x'.repeat(200_000)}`,
    `a,b\n${'x'.repeat(200_000)},1\n3,4\n`,
    `a,b\n"${'x\n'.repeat(BIG)}",1\n`,
  ])
    for (const sizes of [[], [1_000], [65_536], [100_000]]) {
      const result = await read(text, { rowMax: 100_000 }, sizes);
      expect(cells(result)).toEqual([['a', 'b']]);
      expect(result.faults).toEqual([{ row: 2, reason: expect.stringContaining('longer than 100000 bytes') }]);
    }
});

test('too many columns are a fault of their row, and the next row is read', async () => {
  const result = await read('a,b\n1,2,3,4\n5,6\n', { columnsMax: 3 });
  expect(cells(result)).toEqual([
    ['a', 'b'],
    ['5', '6'],
  ]);
  expect(result.faults).toEqual([{ row: 2, reason: expect.stringContaining('4 columns') }]);
});

test('text after a closing quote is a fault of its row, and the next row is read with its number', async () => {
  const result = await read('a,b\r\n"1"x,"2\r\n3",4\r\n5,6\r\n');
  expect(result.faults).toEqual([{ row: 2, reason: expect.stringContaining('closing quote') }]);
  expect(result.rows.slice(1)).toEqual([
    { row: 3, raw: '3",4', cells: ['3"', '4'] },
    { row: 4, raw: '5,6', cells: ['5', '6'] },
  ]);
});

test('a quote inside a field that began without one is an ordinary character', async () => {
  expect(cells(await read('5" plate,2\n'))).toEqual([['5" plate', '2']]);
});

test('what a spreadsheet would run is a text like any other', async () => {
  expect(cells(await read('=1+1,"=HYPERLINK(""x"")",@A\n'))).toEqual([['=1+1', '=HYPERLINK("x")', '@A']]);
});

test('a NUL character is a fault: Postgres could not keep it', async () => {
  const result = await read('a,b\n1,\u00002\n3,4\n');
  expect(result.faults).toEqual([{ row: 2, reason: expect.stringContaining('NUL') }]);
  expect(result.rows).toHaveLength(2);
});

test('an empty file has no rows', async () => {
  expect(await read('')).toEqual({ rows: [], faults: [] });
  expect(await read('\n\r\n')).toEqual({ rows: [], faults: [] });
});

const field = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '"', ',', ';', '\n', '\r', ' ', 'é', '€', '😀', '=', '7'), maxLength: 12 }),
  fc.constantFrom('', 'txn_1', '-12.50', '2026-02-01 09:00:00'),
);
const written = (cell: string, always: boolean): string =>
  always || /[",;\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

test('agrees with csv-parse on every well-formed file', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.array(field, { minLength: 1, maxLength: 6 }), fc.constantFrom(0, 1, 2)), { maxLength: 20 }),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
      async (records, end, hasLastEnd, sizes) => {
        const lines = records.map(([record, style]) =>
          record.map((cell, n) => written(cell, style === 1 || (style === 2 && n % 2 === 0))).join(','),
        );
        const text = lines.join(end) + (hasLastEnd ? end : '');
        const expected = parse(text, {
          relax_column_count: true,
          skip_empty_lines: true,
          record_delimiter: ['\r\n', '\n', '\r'],
        });
        expect(cells(await read(text, {}, sizes))).toEqual(expected);
      },
    ),
    { numRuns: 500 },
  );
});

test('how a file is cut never changes what is read, whatever its bytes', async () => {
  const junk = fc.uint8Array({ maxLength: 300 });
  const texts = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é', '€', '😀'), maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        junk,
        texts.map((text) => Buffer.from(text)),
        texts.map((text) => Buffer.from(`\uFEFF${text}`, 'utf16le')),
      ),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
      fc.constantFrom(8, 1_000_000),
      async (bytes, sizes, rowMax) => {
        expect(await read(bytes, { rowMax }, sizes)).toEqual(await read(bytes, { rowMax }));
        // Blocks are put together from 64 KiB on: only in a long file is a row cut in earnest, here at any place of `bytes`.
        const long = Buffer.concat([
          Buffer.from(`${'x'.repeat(BLOCK - bytes.length)}\n`),
          bytes,
          Buffer.from('\n1,2\n'),
        ]);
        const cutAt = BLOCK - bytes.length + 1 + ((sizes[0] ?? 0) * bytes.length) / 7;
        const piece = Math.max(BLOCK, Math.floor(cutAt));
        expect(await read(long, {}, [piece, 3])).toEqual(await read(long));
      },
    ),
    { numRuns: 1_000 },
  );
});

const BLOCK = 65_536;
