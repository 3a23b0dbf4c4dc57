import { createCsvScanner } from './csv-scanner.ts';

/** What a column may be called, the first that is there; `null` at the end: the file may do without it. */
export type ColumnNames = Readonly<Record<string, readonly (string | null)[]>>;

/** Where each column stands; −1 where an optional one is missing. */
export type Columns<N extends ColumnNames> = { readonly [K in keyof N]: number };

export type BoundColumns<N extends ColumnNames> =
  | { readonly kind: 'bound'; readonly at: Columns<N> }
  | { readonly kind: 'missing'; readonly names: readonly string[] };

/**
 * Binds columns by the header's names, whatever their order, case and neighbours: processors add columns without notice, and
 * let their customers choose and order them. Of two of the same name the first counts.
 */
export function bindColumns<const N extends ColumnNames>(header: readonly string[], names: N): BoundColumns<N> {
  const places = new Map<string, number>();
  header.forEach((cell, n) => {
    const name = canonical(cell);
    if (!places.has(name)) places.set(name, n);
  });
  const missing: string[] = [];
  const at: Record<string, number> = {};
  for (const [key, candidates] of Object.entries(names)) {
    const found = candidates.find((name) => name !== null && places.has(canonical(name)));
    at[key] = typeof found === 'string' ? (places.get(canonical(found)) ?? -1) : -1;
    if (at[key] < 0 && !candidates.includes(null)) missing.push(candidates.join(' or '));
  }
  // Every key of `names` was gone through.
  return missing.length > 0 ? { kind: 'missing', names: missing } : { kind: 'bound', at: at as Columns<N> };
}

/** Of these columns those that a header has more than once, as `names` spells them. */
export function repeatedColumns(header: readonly string[], names: readonly string[]): string[] {
  const present = header.map(canonical);
  return names.filter((name) => present.indexOf(canonical(name)) !== present.lastIndexOf(canonical(name)));
}

/** The cell of a bound column; empty where the file has no such column. */
export function cellAt(cells: readonly string[], column: number): string {
  // An index of −1 would be looked up as a name, which takes longer than all the rest of a row.
  return column < 0 ? '' : (cells[column] ?? '');
}

/** The cells of a file's first record that is not blank, from how the file begins; null where that is not all of it. */
export function headerCells(head: string, separator = ','): readonly string[] | null {
  const scanner = createCsvScanner({ separator, rowMax: HEAD_MAX, columnsMax: HEAD_MAX });
  scanner.take(Buffer.from(head.replace(/^\uFEFF/, '')), true);
  if (scanner.count() === 0 || (scanner.faults()[0]?.row ?? Infinity) < scanner.line(0)) return null;
  return Array.from({ length: scanner.width(0) }, (_, column) => scanner.cell(0, column));
}

/** The cells of the first rows of how a file begins, at most `max`; blank ones and those that cannot be read are left out. */
export function headRows(head: string, max: number, separator = ','): readonly (readonly string[])[] {
  const scanner = createCsvScanner({ separator, rowMax: HEAD_MAX, columnsMax: HEAD_MAX });
  scanner.take(Buffer.from(head.replace(/^\uFEFF/, '')), true);
  return Array.from({ length: Math.min(max, scanner.count()) }, (_, n) =>
    Array.from({ length: scanner.width(n) }, (__, column) => scanner.cell(n, column)),
  );
}

const HEAD_MAX = 1024 * 1024;

/** Whether a header has all these columns. */
export function hasColumns(header: readonly string[] | null, names: readonly string[]): boolean {
  const present = new Set(header?.map(canonical));
  return names.every((name) => present.has(canonical(name)));
}

function canonical(name: string): string {
  return name.trim().toLowerCase();
}
