/** What stands in a report: text, minor units or a count, a moment, a day (YYYY-MM-DD), or nothing. */
export type Cell = string | bigint | number | Date | null;

export type ColumnType =
  | 'text'
  /** Minor units of the currency in the row's column `currency`, or the one that `currencyIn` names. */
  | 'amount'
  | 'count'
  | 'time'
  | 'day'
  /** JSON as text: a value of its own in the document. */
  | 'json';

export type Column = {
  readonly key: string;
  /** What the document nests it in: both sides of a discrepancy are objects of their own there. */
  readonly group?: string;
  readonly type: ColumnType;
  readonly currencyIn?: string;
  /** Its name in the rows of a statement, where that is not its head. */
  readonly from?: string;
  /** A sum over it says something: a sheet ends with it, by currency. */
  readonly total?: true;
};

/** One cell a column, in their order. */
export type Row = readonly Cell[];

/** A table of a report: an array in the document, a file in the archive, a sheet in the workbook. */
export type Section = {
  /** Its key in the document and its file's name. */
  readonly name: string;
  /** Its place in the order of docs/reconciliation.md, and its file's number. */
  readonly no: number;
  /** For people; a sheet's name has at most 31 characters. */
  readonly title: string;
  readonly columns: readonly Column[];
  /** Made as they are read, once, after the section before. */
  readonly rows: () => AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>;
};

export type ReportDocument = {
  readonly report: 'discrepancies' | 'settlement';
  /** Names and values for its first page, in order. */
  readonly cover: readonly (readonly [name: string, value: CoverValue])[];
  readonly sections: readonly Section[];
  /** What the document hashed to when its run was made; null: this is that time. */
  readonly runControl: string | null;
  /** Told the hash when the last section is made. */
  onControl(sha256: string): void;
};

export type CoverValue =
  | string
  | number
  | boolean
  | null
  | readonly CoverValue[]
  | { readonly [name: string]: CoverValue };

export const text = (key: string, group?: string): Column => ({
  key,
  type: 'text',
  ...(group === undefined ? {} : { group }),
});
export const amount = (key: string, options: Partial<Omit<Column, 'key' | 'type'>> = {}): Column => ({
  key,
  type: 'amount',
  ...options,
});
export const count = (key: string, options: { readonly total?: true } = {}): Column => ({
  key,
  type: 'count',
  ...options,
});
export const time = (key: string): Column => ({ key, type: 'time' });
export const day = (key: string): Column => ({ key, type: 'day' });

/** The head of a column outside of the document: `ledger.amount`. */
export const headOf = ({ group, key }: Column): string => (group === undefined ? key : `${group}.${key}`);

/** For each column that is an amount the place of its currency in a row, else −1. */
export function currencyPlaces(columns: readonly Column[]): number[] {
  return columns.map(({ type, currencyIn = 'currency' }) =>
    type === 'amount' ? columns.findIndex(({ key, group }) => key === currencyIn && group === undefined) : -1,
  );
}

/** One page of rows that are there already. */
export const given = (rows: readonly Row[]) => (): Iterable<readonly Row[]> => (rows.length === 0 ? [] : [rows]);
