import { csvRows } from '../../csv-rows.ts';
import { bindColumns, type ColumnNames, type Columns } from '../../header-columns.ts';
import { headerFaults, unreadable } from '../report-faults.ts';
import type { ReportFault, ReportItem } from '../settlement-format.ts';
import { recordCode } from './report-name.ts';

/** One record of a file from reports.paypal.com: its type stands in the first cell (RH, FH, SH, CH, SB, SF, SC, RF, RC, FF). */
export type ReportRecord = { readonly row: number; readonly code: string; readonly cells: readonly string[] };

export type RecordReader = {
  take(record: ReportRecord, items: ReportItem[]): void;
  end(): readonly ReportItem[];
};

/** What a reader says of the records of a file, or of the files of one report one after the other. Throws what `source` throws. */
export async function* readRecords(
  source: AsyncIterable<Uint8Array>,
  reader: RecordReader,
): AsyncGenerator<readonly ReportItem[], void, undefined> {
  let isEmpty = true;
  for await (const { rows, faults } of csvRows(source)) {
    isEmpty &&= rows.length === 0 && faults.length === 0;
    // Without what stood there: it may be anybody's name and address.
    const items: ReportItem[] = faults.map(({ row, reason }) => unreadable({ row }, reason));
    for (const { row, cells } of rows) reader.take({ row, code: recordCode(cells[0] ?? ''), cells }, items);
    if (items.length > 0) yield items;
  }
  const rest = isEmpty ? [unreadable({ row: null }, 'The file is empty')] : reader.end();
  if (rest.length > 0) yield rest;
}

/** Where a body's columns are, and which of them `raw` keeps. */
export type BodyColumns<N extends ColumnNames> = { readonly at: Columns<N>; readonly kept: ReadonlySet<number> };

/** Binds a column header (CH); only what is asked for by name is kept in `raw`, and the record's type. */
export function bodyColumns<const N extends ColumnNames>(
  { row, cells }: ReportRecord,
  names: N,
): { readonly columns: BodyColumns<N> | null; readonly faults: readonly ReportFault[] } {
  const bound = bindColumns(cells, names);
  if (bound.kind !== 'bound') return { columns: null, faults: headerFaults(row, bound) };
  const places: readonly number[] = Object.values(bound.at);
  return { columns: { at: bound.at, kept: new Set([0, ...places.filter((n) => n >= 0)]) }, faults: [] };
}

export function noColumns(row: number): ReportFault {
  return unreadable({ row }, 'A row before any column header (CH): the file has lost its beginning');
}
