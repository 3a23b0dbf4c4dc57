import { type CsvBlock, type CsvOptions, type CsvRow, csvBlocks, csvRow } from '../csv-rows.ts';
import type { CsvFault } from '../csv-scanner.ts';
import { type BoundColumns, bindColumns, type ColumnNames, type Columns } from '../header-columns.ts';
import { headerFaults } from './report-faults.ts';
import type { ReportFault } from './settlement-format.ts';

export type ReportOptions = CsvOptions & {
  /** How many rows may stand above the header (Adyen's aggregate report tells there what it was asked for). */
  readonly preamble?: number;
  /** Columns that may stand in the header more than once. */
  readonly mayRepeat?: readonly string[];
};

/** Where a report's columns are, and what could not be read. */
type ReportHeader<N extends ColumnNames> = {
  readonly at: Columns<N>;
  readonly faults: readonly ReportFault[];
  /** Each named column's header as it stands in this file, for faults. */
  readonly header: readonly string[];
};

/** Rows below a report's header, with where its columns are. */
export type ReportRows<N extends ColumnNames> = ReportHeader<N> & { readonly rows: readonly CsvRow[] };

/** The same without texts nobody asked for: `rows` are numbers of rows in `block`. Gone with the next one. */
export type ReportBlock<N extends ColumnNames> = ReportHeader<N> & {
  readonly block: CsvBlock;
  readonly rows: readonly number[];
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
  for await (const { at, faults, header, block, rows } of reportBlocks(source, names, options))
    yield { at, faults, header, rows: rows.map((n) => csvRow(block, n)) };
}

/** As `reportRows`, for reports of millions of rows. */
export async function* reportBlocks<const N extends ColumnNames>(
  source: AsyncIterable<Uint8Array>,
  names: N,
  options: ReportOptions = {},
): AsyncGenerator<ReportBlock<N>, void, undefined> {
  const blank = new RegExp(`^[${options.separator ?? ','}\\s"]*$`);
  let table: { at: Columns<N>; header: readonly string[] } | undefined;
  for await (const block of csvBlocks(source, options)) {
    const faults = block.faults.map(unreadable);
    const nowhere = { at: NOWHERE as Columns<N>, block, rows: [], faults, header: [] };
    let n = 0;
    if (table === undefined) {
      const found = findHeader(block, names, options);
      if (found === null) {
        if (faults.length > 0) yield nowhere;
        continue;
      }
      if (found.bound.kind !== 'bound') {
        faults.push(...headerFaults(block.line(found.n), found.bound, MISSING));
        yield nowhere;
        return;
      }
      table = { at: found.bound.at, header: csvRow(block, found.n).cells };
      n = found.n + 1;
    }
    const rows: number[] = [];
    const width = table.header.length;
    for (; n < block.count; n += 1) {
      // Only a row that begins with nothing can be blank.
      if (block.width(n) === width && block.cell(n, 0).charCodeAt(0) > SPACE) rows.push(n);
      else if (blank.test(block.raw(n))) continue;
      else if (block.width(n) === width || isPadded(block, n, width)) rows.push(n);
      else faults.push(wrongWidth(block, n, width));
    }
    if (rows.length > 0 || faults.length > 0) yield { ...table, block, rows, faults };
  }
  if (table === undefined) yield { at: NOWHERE as Columns<N>, block: EMPTY, rows: [], faults: [NO_HEADER], header: [] };
}

/** The first of the rows that may be the header and has all columns, else the one that lacks the fewest. */
function findHeader<N extends ColumnNames>(
  block: CsvBlock,
  names: N,
  { preamble = 0, mayRepeat }: ReportOptions,
): { readonly n: number; readonly bound: BoundColumns<N> } | null {
  let best: { n: number; bound: BoundColumns<N> } | null = null;
  for (let n = 0; n < Math.min(block.count, preamble + 1); n += 1) {
    const bound = bindColumns(csvRow(block, n).cells, names, mayRepeat);
    if (bound.kind !== 'missing') return { n, bound };
    if (best?.bound.kind !== 'missing' || bound.names.length < best.bound.names.length) best = { n, bound };
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

const SPACE = 0x20;
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

const MISSING = "is missing: add it to the report's columns and fetch the report again";

/** Some exports end each row with separators that the header lacks. */
function isPadded(block: CsvBlock, n: number, width: number): boolean {
  const own = block.width(n);
  for (let column = width; column < own; column += 1) if (block.cell(n, column) !== '') return false;
  return own > width;
}

function wrongWidth(block: CsvBlock, n: number, width: number): ReportFault {
  const own = block.width(n);
  const than = own < width ? 'the file may be cut off' : 'a text in it may lack its quotes';
  const reason = `has ${own} cells where the header has ${width}: ${than}`;
  const value = block.raw(n).slice(0, SHOWN_MAX);
  return { type: 'fault', kind: 'unreadable', row: block.line(n), field: null, value, reason };
}

const EMPTY: CsvBlock = {
  count: 0,
  faults: [],
  isOpenEnded: false,
  line: () => 0,
  width: () => 0,
  cell: () => '',
  raw: () => '',
};
