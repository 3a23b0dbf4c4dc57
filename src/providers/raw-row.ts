import { type CsvBlock, type CsvRow, csvRow } from '../csv-rows.ts';

/** The row as it stood, with the cells of personal columns emptied: what is not kept cannot leak, and need not be forgotten. */
export type RawRow = (row: CsvRow) => string;

/** Most reports have no personal columns, and their rows stay as they are. */
export function createRawRow(
  header: readonly string[],
  isPersonal: (name: string) => boolean,
  separator = ',',
): RawRow {
  const personal = header.flatMap((name, n) => (isPersonal(name.trim()) ? [n] : []));
  if (personal.length === 0) return ({ raw }) => raw;
  return ({ raw, cells }) => {
    if (personal.every((n) => (cells[n] ?? '') === '')) return raw;
    const kept = [...cells];
    for (const n of personal) if (n < kept.length) kept[n] = '';
    return kept.map((cell) => quoted(cell, separator)).join(separator);
  };
}

/** The same for row `n` of a block. */
export function createRawOfBlock(
  header: readonly string[],
  isPersonal: (name: string) => boolean,
): (block: CsvBlock, n: number) => string {
  if (!header.some((name) => isPersonal(name.trim()))) return (block, n) => block.raw(n);
  const rawOf = createRawRow(header, isPersonal);
  return (block, n) => rawOf(csvRow(block, n));
}

function quoted(cell: string, separator: string): string {
  return cell.includes(separator) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
