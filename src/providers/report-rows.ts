import { type CsvOptions, type CsvRow, csvRows } from '../csv-rows.ts';
import type { CsvFault } from '../csv-scanner.ts';
import { type BoundColumns, bindColumns, type ColumnNames, type Columns } from '../header-columns.ts';
import type { ReportFault } from './settlement-format.ts';

export type ReportOptions = CsvOptions & {
  /** How many rows may stand above the header (Adyen's aggregate report tells there what it was asked for). */
  readonly preamble?: number;
};

/** Rows below a report's header, with where its columns are. */
export type ReportRows<N extends ColumnNames> = {
  readonly at: Columns<N>;
  readonly rows: readonly CsvRow[];
  readonly faults: readonly ReportFault[];
  /** Each named column's header as it stands in this file, for faults. */
  readonly header: readonly string[];
};

/**
 * A report that is one header and rows, read by its columns' names. What cannot be read is told as faults: a missing column ends
 * it, a row whose cells are not as many as the header's does not. Throws only what `source` throws.
 */
export async function* reportRows<const N extends ColumnNames>(
  source: AsyncIterable<Uint8Array>,
  names: N,
  options: ReportOptions = {},
): AsyncGenerator<ReportRows<N>, void, undefined> {
  const blank = new RegExp(`^[${options.separator ?? ','}\\s"]*$`);
  let table: { at: Columns<N>; header: readonly string[]; width: number } | undefined;
  for await (const group of csvRows(source, options)) {
    let rows = group.rows;
    const faults = group.faults.map(unreadable);
    if (table === undefined) {
      const found = findHeader(rows, names, options.preamble ?? 0);
      if (found === null) {
        if (faults.length > 0) yield { at: NOWHERE as Columns<N>, rows: [], faults, header: [] };
        continue;
      }
      const { bound, header } = found;
      if (bound.kind === 'missing') {
        faults.push(...bound.names.map((name) => missing(header.row, name)));
        yield { at: NOWHERE as Columns<N>, rows: [], faults, header: [] };
        return;
      }
      table = { at: bound.at, header: header.cells, width: header.cells.length };
      rows = rows.slice(rows.indexOf(header) + 1);
    }
    const { width } = table;
    const whole = rows.every(({ raw, cells }) => cells.length === width && raw.charCodeAt(0) > BLANK_MAX)
      ? rows
      : rows.filter((row) => {
          if (blank.test(row.raw)) return false;
          if (row.cells.length === width || isPadded(row.cells, width)) return true;
          faults.push(wrongWidth(row, width));
          return false;
        });
    if (whole.length > 0 || faults.length > 0) yield { at: table.at, rows: whole, faults, header: table.header };
  }
  if (table === undefined) yield { at: NOWHERE as Columns<N>, rows: [], faults: [NO_HEADER], header: [] };
}

/** The first of the rows that may be the header and has all columns, else the one that lacks the fewest. */
function findHeader<N extends ColumnNames>(
  rows: readonly CsvRow[],
  names: N,
  preamble: number,
): { readonly header: CsvRow; readonly bound: BoundColumns<N> } | null {
  let best: { header: CsvRow; bound: BoundColumns<N> } | null = null;
  for (const header of rows.slice(0, preamble + 1)) {
    const bound = bindColumns(header.cells, names);
    if (bound.kind === 'bound') return { header, bound };
    if (best?.bound.kind !== 'missing' || bound.names.length < best.bound.names.length) best = { header, bound };
  }
  return best;
}

/** Of a file: what a batch comes to is kept until its end, and a file of nothing but batches must not fill the memory. */
export const BATCHES_MAX = 200_000;

export const TOO_MANY_BATCHES: ReportFault = {
  type: 'fault',
  kind: 'unreadable',
  row: null,
  field: null,
  value: null,
  reason: `The file has more than ${BATCHES_MAX} batches: fetch the report for a shorter period`,
};

/** Characters up to the comma: only a row that begins with one of them can be blank. */
const BLANK_MAX = 0x3b;
const NOWHERE: unknown = {};
const SHOWN_MAX = 200;

const NO_HEADER: ReportFault = {
  type: 'fault',
  kind: 'unreadable',
  row: null,
  field: null,
  value: null,
  reason: 'The file has no header: it is empty',
};

function unreadable({ row, value, reason }: CsvFault): ReportFault {
  return { type: 'fault', kind: 'unreadable', row, field: null, value, reason };
}

function missing(row: number, name: string): ReportFault {
  return {
    type: 'fault',
    kind: 'unreadable',
    row,
    field: name,
    value: null,
    reason: `The column ${name} is missing: add it to the report's columns and fetch the report again`,
  };
}

/** Some exports end each row with separators that the header lacks. */
function isPadded(cells: readonly string[], width: number): boolean {
  return cells.length > width && cells.slice(width).every((cell) => cell === '');
}

function wrongWidth({ row, raw, cells }: CsvRow, width: number): ReportFault {
  const than = cells.length < width ? 'the file may be cut off' : 'a text in it may lack its quotes';
  const reason = `has ${cells.length} cells where the header has ${width}: ${than}`;
  return { type: 'fault', kind: 'unreadable', row, field: null, value: raw.slice(0, SHOWN_MAX), reason };
}
