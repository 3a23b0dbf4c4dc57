import { streamed } from '../../ledger/export/export-store.ts';
import type { Tx } from '../../postgres/sql.ts';
import { hashJoined } from '../proof/hash-joins.ts';
import { type Cell, type Column, headOf, type Row, type Section } from './table.ts';

type Statement = {
  readonly text: string;
  readonly values: readonly unknown[];
  /** It reads the lines of reports: see hashJoined. */
  readonly hashed?: true;
};

/**
 * A section whose rows are a statement's: each column by its head (`ledger.amount` is `as "ledger.amount"`). Sums come as text,
 * because what adds up int8 is numeric; days come as text too.
 */
export function sqlSection(tx: Tx, section: Omit<Section, 'rows'>, { text, values, hashed }: Statement): Section {
  return {
    ...section,
    async *rows() {
      const pages = streamed<Record<string, unknown>>(tx, `section_${section.name}`, text, values);
      // With its first page it is planned.
      let page = await (hashed ? hashJoined(tx, () => pages.next()) : pages.next());
      for (; !page.done; page = await pages.next()) yield page.value.map((row) => rowOf(row, section.columns));
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
  return typeof value === 'string' ? typedCell(value, type) : JSON.stringify(value);
}

/** A text as what its column holds; what is none of it stays text. */
function typedCell(value: string, type: Column['type']): Cell {
  if (type === 'amount') return BigInt(value);
  if (type === 'count') return /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (type !== 'time') return value;
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? value : time;
}
