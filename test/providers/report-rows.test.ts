import { expect, test } from 'vitest';
import { createRawRow } from '../../src/providers/raw-row.ts';
import { type ReportOptions, reportRows } from '../../src/providers/report-rows.ts';

const NAMES = { id: ['id'], note: ['note', null] } as const;

async function read(text: string | Buffer, options: ReportOptions = {}) {
  const rows: (readonly [row: number, id: string | undefined])[] = [];
  const faults: (readonly [row: number | null, field: string | null, reason: string])[] = [];
  const source = (async function* () {
    yield typeof text === 'string' ? Buffer.from(text) : text;
  })();
  for await (const group of reportRows(source, NAMES, options)) {
    rows.push(...group.rows.map(({ row, cells }) => [row, cells[group.at.id]] as const));
    faults.push(...group.faults.map(({ row, field, reason }) => [row, field, reason] as const));
  }
  return { rows, faults };
}

test('leaves out blank rows, also of separators alone, and takes cells that are padded with nothing', async () => {
  expect(await read('note,id\n\n,1\n,\n"",""\n  ,\nx,2,,\n')).toEqual({
    rows: [
      [3, '1'],
      [7, '2'],
    ],
    faults: [],
  });
});

test('a row that is too short or too long is a fault with its number, and the next row is read', async () => {
  const { rows, faults } = await read('note,id\nx\nx,1,y\nx,2\n');
  expect(rows).toEqual([[4, '2']]);
  expect(faults).toEqual([
    [2, null, expect.stringContaining('has 1 cells where the header has 2: the file may be cut off')],
    [3, null, expect.stringContaining('has 3 cells where the header has 2: a text in it may lack its quotes')],
  ]);
});

test('finds the header below a preamble, and no further than it may be', async () => {
  const report = 'Report,of\n2026,x\nid,note\n1,x\n';
  expect(await read(report, { preamble: 2 })).toEqual({ rows: [[4, '1']], faults: [] });
  expect((await read(report, { preamble: 1 })).faults).toEqual([[1, 'id', expect.stringContaining('missing')]]);
});

test('reads behind a byte order mark, in UTF-16, and with another separator', async () => {
  expect((await read('\uFEFFid;note\n1;x\n', { separator: ';' })).rows).toEqual([[2, '1']]);
  expect((await read(Buffer.from('\uFEFFid,note\r\n1,€\r\n', 'utf16le'))).rows).toEqual([[2, '1']]);
});

test('a header alone is a report without rows; nothing at all is a fault', async () => {
  expect(await read('id,note\n')).toEqual({ rows: [], faults: [] });
  expect((await read('\n \n')).faults).toHaveLength(1);
  expect((await read('')).faults).toEqual([[null, null, 'The file has no header: it is empty']]);
});

test('a row of megabytes is a fault, not memory', async () => {
  const { rows, faults } = await read(`id,note\n1,x\n2,"${'y'.repeat(3_000_000)}\n`);
  expect(rows).toEqual([[2, '1']]);
  expect(faults).toEqual([[3, null, expect.stringContaining('longer than')]]);
});

test('what is personal is emptied in the row that is kept, and the rest stays as it stood', () => {
  const rawOf = createRawRow(['id', ' Name ', 'note'], (name) => name === 'Name');
  const row = (raw: string, cells: readonly string[]) => rawOf({ row: 1, raw, cells });
  expect(row('1,Ada,"x, ""y"""', ['1', 'Ada', 'x, "y"'])).toBe('1,,"x, ""y"""');
  expect(row('"1",,x', ['1', '', 'x'])).toBe('"1",,x');
  expect(row('1', ['1'])).toBe('1');
});
