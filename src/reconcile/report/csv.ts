import { csvCell } from '../../csv-cell.ts';
import { hashedSections } from './hashed.ts';
import { majorText } from './major-text.ts';
import {
  type Cell,
  type Column,
  currencyPlaces,
  headOf,
  type ReportDocument,
  type Row,
  type Section,
} from './table.ts';
import { type ZipEntry, zipped } from './zip.ts';

const END = '\r\n';

/** One file a section, RFC 4180, zipped. An amount has two columns: major units, and `…_minor`. */
export function csvArchive(document: ReportDocument): AsyncIterable<Buffer> {
  return zipped(
    hashedSections(document).map(
      (section): ZipEntry => ({
        path: `${String(section.no).padStart(2, '0')}_${section.name}.csv`,
        content: csvText(section),
      }),
    ),
  );
}

export async function* csvText({ columns, rows }: Section): AsyncGenerator<string> {
  yield columns.flatMap((column) => headsOf(column).map(csvCell)).join(',') + END;
  const currencies = currencyPlaces(columns);
  for await (const page of rows()) {
    let piece = '';
    for (const row of page) piece += csvRow(columns, currencies, row);
    yield piece;
  }
}

const headsOf = (column: Column): string[] =>
  column.type === 'amount' ? [headOf(column), `${headOf(column)}_minor`] : [headOf(column)];

function csvRow(columns: readonly Column[], currencies: readonly number[], row: Row): string {
  const cells: string[] = [];
  for (const [n, { type }] of columns.entries()) {
    const cell = row[n] ?? null;
    // A number is ours, and its minus no formula: guarded, a spreadsheet would not add it up.
    if (type === 'amount')
      cells.push(...(typeof cell === 'bigint' ? [majorText(cell, row[currencies[n] ?? -1]), String(cell)] : ['', '']));
    else cells.push(plain(cell));
  }
  return cells.join(',') + END;
}

function plain(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'string') return csvCell(cell);
  return cell instanceof Date ? cell.toISOString() : String(cell);
}
