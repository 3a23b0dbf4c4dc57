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

/** A column with where it stands in a sheet, and what it adds up to by currency. */
type Placed = {
  readonly column: Column;
  readonly n: number;
  /** From 0; an amount's minor units stand in the one after it. */
  readonly place: number;
  /** Of its currency: in a row, and in the sheet. Undefined: it has none. */
  readonly currencyAt: number | undefined;
  readonly sums: Map<string, Sum>;
};

const wide = ({ type }: Column): number => (type === 'amount' ? 2 : 1);

function placedColumns(columns: readonly Column[]): Placed[] {
  const currencies = currencyPlaces(columns);
  const currency = columns.findIndex(({ key, group }) => key === 'currency' && group === undefined);
  let place = 0;
  return columns.map((column, n) => {
    const of = column.type === 'amount' ? currencies[n] : column.type === 'count' ? currency : undefined;
    const placed = { column, n, place, currencyAt: of === -1 ? undefined : of, sums: new Map<string, Sum>() };
    place += wide(column);
    return placed;
  });
}

function layout(columns: readonly Column[]): Layout {
  const placed = placedColumns(columns);
  const summed = placed.filter(({ column }) => column.total);
  const widths = columns.flatMap((column) => Array.from({ length: wide(column) }, () => WIDTHS[column.type]));
  const heads = columns.flatMap((column) =>
    column.type === 'amount' ? [headOf(column), `${headOf(column)}_minor`] : [headOf(column)],
  );
  const placeOf = (n: number): number => placed[n]?.place ?? 0;
  let texts = false;
  return {
    width: heads.length,
    widths: widths.map((w, n) => `<col min="${n + 1}" max="${n + 1}" width="${w}" customWidth="1"/>`).join(''),
    heads: heads.map((head, n) => textCell(`${columnName(n)}1`, head, STYLE.head)).join(''),
    cells(at, one) {
      let text = '';
      for (const { column, n, place, currencyAt, sums } of placed) {
        const cell = one[n] ?? null;
        if (cell === null) continue;
        const name = `${columnName(place)}${at}`;
        const currency = currencyAt === undefined ? undefined : one[currencyAt];
        if (column.type === 'amount' && typeof cell === 'bigint') {
          text += amountCells([name, `${columnName(place + 1)}${at}`], cell, currency, exponentOf(currency));
          if (!isExact(cell)) texts = true;
        } else text += plainCell(name, column, cell);
        if (column.total && (typeof cell === 'bigint' || typeof cell === 'number')) add(sums, currency, cell);
      }
      return text;
    },
    totals(last) {
      if (last === 1) return [];
      const currencies = new Set(summed.flatMap(({ sums }) => [...sums.keys()]));
      return [...currencies].sort().map((currency) => (at: number) => {
        const label = textCell(`A${at}`, currency === '' ? 'Total' : `Total ${currency}`, STYLE.totalText);
        return label + summed.map((one) => totalCells(one, { currency, at, last, placeOf })).join('');
      });
    },
    hasTexts: () => texts,
  };
}

function add(sums: Map<string, Sum>, currency: Cell | undefined, cell: bigint | number): void {
  const key = typeof currency === 'string' ? currency : '';
  const sum = sums.get(key) ?? { total: 0n, texts: 0 };
  sum.total += BigInt(cell);
  if (typeof cell === 'bigint' && !isExact(cell)) sum.texts += 1;
  sums.set(key, sum);
}

/** It stands in a formula: what is no code must not. */
const CURRENCY = /^[A-Z]{3}$/;

type TotalRow = {
  readonly currency: string;
  readonly at: number;
  readonly last: number;
  readonly placeOf: (n: number) => number;
};

function totalCells({ column, place, currencyAt, sums }: Placed, { currency, at, last, placeOf }: TotalRow): string {
  const sum = sums.get(currency);
  if (sum === undefined) return '';
  const formula = (name: string): string => {
    const range = `${name}$2:${name}$${last}`;
    if (currency === '' || currencyAt === undefined) return `SUM(${range})`;
    const where = columnName(placeOf(currencyAt));
    return `SUMIF($${where}$2:$${where}$${last},"${currency}",${range})`;
  };
  const [name, next] = [columnName(place), columnName(place + 1)];
  if (column.type !== 'amount') return formulaCell(`${name}${at}`, formula(name), String(sum.total), STYLE.totalWhole);
  const major = majorText(sum.total, currency);
  // A formula would leave out what stands as text, and be wrong without a word.
  if (sum.texts > 0 || !isExact(sum.total) || !(currency === '' || CURRENCY.test(currency)))
    return (
      textCell(`${name}${at}`, major, STYLE.totalExact) + textCell(`${next}${at}`, String(sum.total), STYLE.totalExact)
    );
  return (
    formulaCell(`${name}${at}`, formula(name), major, STYLE.totalAmount + exponentOf(currency)) +
    formulaCell(`${next}${at}`, formula(next), String(sum.total), STYLE.totalWhole)
  );
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
