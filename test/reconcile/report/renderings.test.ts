import readXlsxFile from 'read-excel-file/node';
import { describe, expect, it } from 'vitest';
import { csvArchive } from '../../../src/reconcile/report/csv.ts';
import { documentText } from '../../../src/reconcile/report/json.ts';
import {
  amount,
  count,
  given,
  type ReportDocument,
  type Row,
  type Section,
  text,
} from '../../../src/reconcile/report/table.ts';
import { workbookOf } from '../../../src/reconcile/report/xlsx.ts';
import { unzip } from '../../support/unzip.ts';

const columns = [
  text('reference'),
  text('currency'),
  count('count', { total: true }),
  amount('amount', { total: true }),
];
const section = (rows: Section['rows'], title = 'Rows', name = 'rows'): Section => ({
  name,
  no: 1,
  title,
  columns,
  rows,
});

const documentOf = (...sections: Section[]): ReportDocument => ({
  report: 'discrepancies',
  cover: [['provider', '=1+1']],
  sections,
  runControl: null,
  onControl: () => undefined,
});

async function whole(pieces: AsyncIterable<string | Uint8Array>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all);
}

const RENDERINGS = { json: documentText, csv: csvArchive, xlsx: workbookOf } as const;

describe.each(Object.entries(RENDERINGS))('%s', (_, render) => {
  it('fails as its rows do, after the first of them too, and does not end as if it were whole', async () => {
    const failing = section(async function* () {
      yield [['a', 'EUR', 1, 1n]];
      throw new Error('the database went');
    });
    await expect(whole(render(documentOf(section(given([])), failing)))).rejects.toThrow('the database went');
  });

  it('lets its rows go when its reader does', async () => {
    let ended = false;
    const endless = section(async function* () {
      try {
        for (let n = 0; ; n += 1)
          yield Array.from({ length: 1_000 }, (): Row => [`${n} ${Math.random()}`, 'EUR', 1, 1n]);
      } finally {
        ended = true;
      }
    });
    for await (const piece of render(documentOf(endless))) if (piece.length > 10_000) break;
    await expect.poll(() => ended).toBe(true);
  });

  it('waits for its reader', async () => {
    let made = 0;
    const counted = section(async function* () {
      for (; made < 2_000; made += 1)
        yield Array.from({ length: 500 }, (): Row => [`${made} ${Math.random()}`, 'EUR', 1, 1n]);
    });
    const pieces = render(documentOf(counted))[Symbol.asyncIterator]();
    for (let n = 0; n < 3; n += 1) await pieces.next();
    await new Promise((resolve) => setImmediate(resolve));
    const before = made;
    expect(before).toBeLessThan(1_000);
    await pieces.return?.(undefined);
  });
});

describe('a workbook', () => {
  const sheetOf = async (rows: readonly Row[]) => {
    const bytes = await whole(workbookOf(documentOf(section(given(rows)))));
    const xml = [...unzip(bytes)].map(([, content]) => content.toString());
    return { xml, data: (await readXlsxFile(bytes)).find(({ sheet }) => sheet === 'Rows')?.data ?? [] };
  };

  it.each([
    ['the last that is exact', 10n ** 15n - 1n, 9_999_999_999_999.99],
    ['the first that is not', 10n ** 15n, '10000000000000.00'],
    ['the same below zero', -(10n ** 15n), '-10000000000000.00'],
  ])('holds %s', async (_, minor, shown) => {
    const { data } = await sheetOf([['a', 'EUR', 1, minor]]);
    expect(data[1]?.[3]).toBe(shown);
    expect(data[1]?.[4]).toBe(typeof shown === 'number' ? Number(minor) : String(minor));
    expect(data.some((row) => String(row[0]).startsWith('Amounts of more than 15 digits'))).toBe(
      typeof shown === 'string',
    );
  });

  it('adds up by currency, and lets no currency into a formula that is none', async () => {
    const odd = '"),HYPERLINK("http://x';
    const { data, xml } = await sheetOf([
      ['a', 'EUR', 1, 150n],
      ['b', 'JPY', 2, 7n],
      ['c', 'EUR', 3, -50n],
      ['d', odd, 1, 1n],
    ]);
    const totals = Object.fromEntries(data.slice(5).map((row) => [row[0], row.slice(2)]));
    expect(totals).toMatchObject({ 'Total EUR': [4, 1, 100], 'Total JPY': [2, 7, 7] });
    expect(totals[`Total ${odd}`]?.slice(1)).toEqual(['1', '1']);
    expect(
      xml.flatMap((one) => [...one.matchAll(/<f>(.*?)<\/f>/g)].map(([, formula]) => formula)).join('\n'),
    ).not.toContain('HYPERLINK');
  });

  it('has tabs with names that Excel takes, each once', async () => {
    const title = 'A: very/long [title] that is longer than 31';
    const sections = ['one', 'two', 'three'].map((name) => section(given([]), title, name));
    const names = (await readXlsxFile(await whole(workbookOf(documentOf(...sections))))).map(({ sheet }) => sheet);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[^[\]*?:/\\]{1,31}$/);
  });

  it('keeps what XML cannot hold out of it, and the rest as it is', async () => {
    const nasty = ' <a>&"\u0000\u001f\ufffe\ud800 _x0041_ =1+1 \t\n ';
    const { data } = await sheetOf([[nasty, 'EUR', 1, 1n]]);
    expect(data[1]?.[0]).toContain('<a>&"');
    expect(data[1]?.[0]).toContain('=1+1');
  });
});
