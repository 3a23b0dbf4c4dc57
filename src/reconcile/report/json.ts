import { createHash } from 'node:crypto';
import { majorText } from './major-text.ts';
import { type Cell, type Column, currencyPlaces, type ReportDocument, type Row } from './table.ts';

export const DOCUMENT_VERSION = 1;

/**
 * The canonical document, piece by piece. Its last member, `control`, has the SHA-256 of every byte before it (up to and without
 * the comma), so that whoever has a report can tell whether it is as it was made; the other renderings print the same hash.
 */
export async function* documentText(document: ReportDocument): AsyncGenerator<string> {
  const hash = createHash('sha256');
  const head = headText(document);
  hash.update(head);
  yield head;
  for (const section of document.sections) {
    for await (const piece of sectionText(section)) {
      hash.update(piece);
      yield piece;
    }
  }
  const sha256 = hash.digest('hex');
  document.onControl(sha256);
  yield `,"control":${JSON.stringify({ sha256, run_sha256: document.runControl ?? sha256 })}}\n`;
}

/** What comes before the first section. */
export function headText({ report, cover }: ReportDocument): string {
  return `{"report":${JSON.stringify(report)},"version":${DOCUMENT_VERSION},"cover":${JSON.stringify(Object.fromEntries(cover))}`;
}

async function* sectionText(section: ReportDocument['sections'][number]): AsyncGenerator<string> {
  yield sectionHead(section.name);
  const writer = rowWriter(section.columns);
  let isFirst = true;
  for await (const rows of section.rows()) {
    let piece = '';
    for (const row of rows) {
      piece += `${isFirst ? '' : ','}\n${writer(row)}`;
      isFirst = false;
    }
    yield piece;
  }
  yield SECTION_END;
}

export const sectionHead = (name: string): string => `,${JSON.stringify(name)}:[`;
export const SECTION_END = ']';

/** A row as an object. Amounts are `{"minor","major"}`: both are texts, because no JSON number is safe for money. */
export function rowWriter(columns: readonly Column[]): (row: Row) => string {
  const currencies = currencyPlaces(columns);
  const heads = columns.map(({ key }) => `${JSON.stringify(key)}:`);
  return (row) => {
    let text = '{';
    let group: string | undefined;
    let isFirst = true;
    for (const [n, column] of columns.entries()) {
      if (column.group !== group) {
        if (group !== undefined) {
          text += '}';
          isFirst = false;
        }
        if (column.group !== undefined) {
          text += `${isFirst ? '' : ','}${JSON.stringify(column.group)}:{`;
          isFirst = true;
        }
        group = column.group;
      }
      text += `${isFirst ? '' : ','}${heads[n]}${cellText(row[n] ?? null, column, row[currencies[n] ?? -1])}`;
      isFirst = false;
    }
    return group === undefined ? `${text}}` : `${text}}}`;
  };
}

function cellText(cell: Cell, { type }: Column, currency: Cell | undefined): string {
  if (cell === null) return 'null';
  if (type === 'amount' && typeof cell === 'bigint')
    return `{"minor":"${cell}","major":"${majorText(cell, currency)}"}`;
  if (type === 'json' && typeof cell === 'string') return cell;
  if (cell instanceof Date) return `"${cell.toISOString()}"`;
  return typeof cell === 'bigint' || typeof cell === 'number' ? String(cell) : JSON.stringify(cell);
}
