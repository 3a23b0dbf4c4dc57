import { exponentOf, majorText } from './major-text.ts';
import { type Cell, type Column, currencyPlaces, headOf, type Row } from './table.ts';
import {
  amountCells,
  columnName,
  dayCell,
  formulaCell,
  isExact,
  numberCell,
  STYLE,
  textCell,
  timeCell,
} from './xlsx-cells.ts';
import { sheetHead } from './xlsx-parts.ts';

/** A sheet holds 1,048,576 rows; what is below are totals and a note. */
export const ROWS_MAX = 1_048_000;

const WIDTHS: Readonly<Record<Column['type'], number>> = {
  text: 24,
  amount: 18,
  count: 12,
  time: 20,
  day: 12,
  json: 30,
};
const NOTE = 'Amounts of more than 15 digits stand as text: a number of a spreadsheet would be rounded.';

/** What a column adds up to in one currency; `texts` are those that no formula counts. */
type Sum = { total: bigint; texts: number };

/** One sheet: as many rows as it holds are taken from `pages`, which stands behind them afterwards. */
export async function* sheetText(columns: readonly Column[], pages: RowReader): AsyncGenerator<string> {
  const sheet = layout(columns);
  yield sheetHead(sheet.widths) + row(1, sheet.heads);
  let at = 1;
  while (at <= ROWS_MAX) {
    const page = await pages.next(ROWS_MAX - at + 1);
    if (page === null) break;
    let piece = '';
    for (const one of page) {
      at += 1;
      piece += row(at, sheet.cells(at, one));
    }
    yield piece;
  }
  const last = at;
  for (const cells of sheet.totals(last)) {
    at += 1;
    yield row(at, cells(at));
  }
  if (sheet.hasTexts()) yield row(at + 2, textCell(`A${at + 2}`, NOTE));
  const filter = `<autoFilter ref="A1:${columnName(sheet.width - 1)}${last}"/>`;
  yield `</sheetData>${filter}</worksheet>`;
}

const row = (at: number, cells: string): string => `<row r="${at}">${cells}</row>`;

type Layout = {
  readonly width: number;
  readonly widths: string;
  readonly heads: string;
  cells(at: number, row: Row): string;
  totals(last: number): ((at: number) => string)[];
  hasTexts(): boolean;
};

function layout(columns: readonly Column[]): Layout {
  const currencies = currencyPlaces(columns);
  const places: number[] = [];
  let width = 0;
  for (const { type } of columns) {
    places.push(width);
    width += type === 'amount' ? 2 : 1;
  }
  const heads = columns.flatMap((column) =>
    column.type === 'amount' ? [headOf(column), `${headOf(column)}_minor`] : [headOf(column)],
  );
  const wide = columns.flatMap(({ type }) => (type === 'amount' ? [WIDTHS.amount, WIDTHS.amount] : [WIDTHS[type]]));
  const sums = columns.map(() => new Map<string, Sum>());
  let texts = false;

  const add = (n: number, currency: Cell | undefined, cell: bigint | number): void => {
    const key = typeof currency === 'string' ? currency : '';
    const of = sums[n] as Map<string, Sum>;
    const sum = of.get(key) ?? { total: 0n, texts: 0 };
    sum.total += BigInt(cell);
    if (typeof cell === 'bigint' && !isExact(cell)) {
      sum.texts += 1;
      texts = true;
    }
    of.set(key, sum);
  };

  return {
    width,
    widths: wide.map((w, n) => `<col min="${n + 1}" max="${n + 1}" width="${w}" customWidth="1"/>`).join(''),
    heads: heads.map((head, n) => textCell(`${columnName(n)}1`, head, STYLE.head)).join(''),
    cells(at, one) {
      let text = '';
      for (const [n, column] of columns.entries()) {
        const cell = one[n] ?? null;
        if (cell === null) continue;
        const place = places[n] as number;
        const name = `${columnName(place)}${at}`;
        if (column.type === 'amount' && typeof cell === 'bigint') {
          const currency = one[currencies[n] as number];
          add(n, currency, cell);
          text += amountCells([name, `${columnName(place + 1)}${at}`], cell, currency, exponentOf(currency));
        } else text += plainCell(name, column, cell);
        if (column.type === 'count' && column.total && typeof cell === 'number')
          add(n, one[columns.findIndex(({ key }) => key === 'currency')], cell);
      }
      return text;
    },
    totals(last) {
      if (last === 1) return [];
      const summed = columns.flatMap(({ total }, n) => (total ? [n] : []));
      const names = new Set(summed.flatMap((n) => [...(sums[n] as Map<string, Sum>).keys()]));
      return [...names].sort().map((currency) => (at: number) => {
        const label = textCell(`A${at}`, currency === '' ? 'Total' : `Total ${currency}`, STYLE.totalText);
        return label + summed.map((n) => totalCells(n, currency, at, last)).join('');
      });
    },
    hasTexts: () => texts,
  };

  function totalCells(n: number, currency: string, at: number, last: number): string {
    const sum = sums[n]?.get(currency);
    const column = columns[n];
    if (sum === undefined || column === undefined) return '';
    const place = places[n] as number;
    const key =
      column.type === 'amount' ? (currencies[n] as number) : columns.findIndex(({ key: k }) => k === 'currency');
    const where = columnName(places[key] ?? 0);
    const formula = (name: string): string => {
      const range = `${name}$2:${name}$${last}`;
      return currency === '' ? `SUM(${range})` : `SUMIF($${where}$2:$${where}$${last},"${currency}",${range})`;
    };
    const [name, next] = [columnName(place), columnName(place + 1)];
    if (column.type !== 'amount')
      return formulaCell(`${name}${at}`, formula(name), String(sum.total), STYLE.totalWhole);
    const major = majorText(sum.total, currency);
    // A formula would leave out what stands as text, and be wrong without a word.
    if (sum.texts > 0 || !isExact(sum.total))
      return (
        textCell(`${name}${at}`, major, STYLE.totalExact) +
        textCell(`${next}${at}`, String(sum.total), STYLE.totalExact)
      );
    return (
      formulaCell(`${name}${at}`, formula(name), major, STYLE.totalAmount + exponentOf(currency)) +
      formulaCell(`${next}${at}`, formula(next), String(sum.total), STYLE.totalWhole)
    );
  }
}

function plainCell(name: string, { type }: Column, cell: Exclude<Cell, null>): string {
  if (cell instanceof Date) return timeCell(name, cell);
  if (typeof cell !== 'string') return numberCell(name, String(cell), STYLE.whole);
  return type === 'day' ? dayCell(name, cell) : textCell(name, cell);
}

/** Rows page by page, of which a sheet takes no more than it holds. */
export type RowReader = {
  /** Null: there are no more. */
  next(most: number): Promise<readonly Row[] | null>;
  /** Whether there are more, for which it looks. */
  hasMore(): Promise<boolean>;
};

export function readRows(pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>): RowReader {
  const iterator = (async function* () {
    for await (const page of pages) if (page.length > 0) yield page;
  })();
  let rest: readonly Row[] = [];
  const fill = async (): Promise<boolean> => {
    if (rest.length > 0) return true;
    const { done, value } = await iterator.next();
    rest = done ? [] : value;
    return !done;
  };
  return {
    async next(most) {
      if (!(await fill())) return null;
      const taken = rest.slice(0, most);
      rest = rest.slice(most);
      return taken;
    },
    hasMore: fill,
  };
}
