import { streamed } from '../../ledger/export/export-store.ts';
import type { Tx } from '../../postgres/sql.ts';
import { type Cell, type Column, headOf, type Row, type Section } from './table.ts';

type Statement = { readonly text: string; readonly values: readonly unknown[] };

/**
 * A section whose rows are a statement's: each column by its head (`ledger.amount` is `as "ledger.amount"`). Sums come as text,
 * because what adds up int8 is numeric; days come as text too.
 */
export function sqlSection(tx: Tx, section: Omit<Section, 'rows'>, { text, values }: Statement): Section {
  return {
    ...section,
    async *rows() {
      for await (const page of streamed<Record<string, unknown>>(tx, `section_${section.name}`, text, values))
        yield page.map((row) => rowOf(row, section.columns));
    },
  };
}

/** Its rows at once: for what is few and is wanted for more than printing. */
export async function sqlRows(tx: Tx, columns: readonly Column[], { text, values }: Statement): Promise<Row[]> {
  const { rows } = await tx.query(text, values);
  return rows.map((row) => rowOf(row, columns));
}

const rowOf = (row: Record<string, unknown>, columns: readonly Column[]): Row =>
  columns.map((column) => cellOf(row[column.from ?? headOf(column)], column));

function cellOf(value: unknown, { type }: Column): Cell {
  if (value === null || value === undefined) return null;
  if (value instanceof Date || typeof value === 'number') return value;
  if (typeof value === 'bigint') return type === 'count' ? Number(value) : value;
  if (type === 'amount' && typeof value === 'string') return BigInt(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
