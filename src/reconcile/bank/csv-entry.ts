import type { CsvRow } from '../../csv-rows.ts';
import { bindColumns, type UnboundColumns } from '../../header-columns.ts';
import type { BankEntry, BankFault } from '../bank-format.ts';
import { bankExponent } from './bank-amount.ts';
import { unreadable } from './bank-fault.ts';
import { type CsvDay, dateFormat } from './csv-date.ts';
import type { CsvMapping, DateColumn, Negative, Told } from './csv-mapping.ts';
import { readCsvNumber } from './csv-number.ts';
import type { Days } from './day.ts';
import { accountText, entryReferences, entryText, isFiller } from './entry-references.ts';

/** An entry but for its identity, and its row's balance. */
export type CsvEntry = Omit<BankEntry, 'identity' | 'statement'> & {
  readonly bankId: string | null;
  readonly day: string;
  readonly valueDay: string | null;
  readonly balance: bigint | null;
};

export type CsvEntryRead =
  | { readonly kind: 'booked'; readonly entry: CsvEntry }
  | { readonly kind: 'not booked' }
  | { readonly kind: 'faults'; readonly faults: readonly BankFault[] };

export type CsvHeader =
  | { readonly kind: 'header'; read(row: CsvRow, isOpenEnded: boolean): CsvEntryRead }
  /** Columns of the mapping that this row does not have, or has more than once. */
  | UnboundColumns;

const RAW_MAX = 16_384;
const ACCOUNT_MAX = 64;

/** Whether a row is the header the mapping means, and if so how the rows below it are read. */
export function bindCsvHeader(cells: readonly string[], mapping: CsvMapping, days: Days): CsvHeader {
  const exact = exactColumns(mapping);
  const names = [...exact, ...textColumns(mapping)];
  const named = (columns: readonly string[]) => Object.fromEntries(columns.map((name) => [name, [name]]));
  const bound = bindColumns(cells, named(names), cells);
  if (bound.kind !== 'bound') return bound;
  const once = bindColumns(cells, named(exact));
  if (once.kind !== 'bound') return once;
  const places: Readonly<Record<string, number>> = bound.at;
  const formats = new Map(
    [mapping.date, mapping.valueDate].flatMap((one) => (one === null ? [] : [[one, dateFormat(one.format)] as const])),
  );
  const readDate = (one: DateColumn, text: string): CsvDay | null => {
    const format = formats.get(one);
    return format?.kind === 'format' ? format.read(text) : null;
  };
  return {
    kind: 'header',
    read: (row, isOpenEnded) => {
      const cell = (name: string): string => row.cells[places[name] ?? -1]?.trim() ?? '';
      const has = (name: string): boolean => (places[name] ?? -1) < row.cells.length;
      const isShort = row.cells.length < cells.length && (isOpenEnded || !names.every(has));
      if (!isShort) return readEntry(row, cells.length, cell, readDate, mapping, days);
      return isNotBooked(mapping.status, cell) ? { kind: 'not booked' } : tooShort(row, cells.length);
    },
  };
}

/** What its last cell says may be the beginning of it: "2.000" of "2.000,50". */
const tooShort = ({ row, raw, cells }: CsvRow, width: number): CsvEntryRead => ({
  kind: 'faults',
  faults: [
    unreadable(
      { row, value: raw },
      `has ${cells.length} cells where the header has ${width}: the file may be cut off; ask the bank for it anew`,
    ),
  ],
});

/** Where it matters which of two is meant. */
function exactColumns(mapping: CsvMapping): string[] {
  const { account, amount, date, valueDate, balance, status } = mapping;
  return [
    ...('column' in account ? [account.column] : []),
    date.column,
    ...(valueDate === null ? [] : [valueDate.column]),
    ...(amount.kind === 'split' ? [amount.debit, amount.credit] : [amount.column]),
    ...(amount.kind === 'direction' ? [amount.direction] : []),
    ...(balance === null ? [] : [balance.column]),
    ...(status === null ? [] : [status.column]),
    ...(mapping.id === null ? [] : [mapping.id]),
  ];
}

/** Banks write the currency beside the amount and beside the balance, and a text in several columns of one name. */
function textColumns({ currency, counterpartyName, counterpartyAccount, references, text }: CsvMapping): string[] {
  return [
    ...('column' in currency ? [currency.column] : []),
    ...[counterpartyName, counterpartyAccount].filter((name) => name !== null),
    ...references,
    ...text,
  ];
}

function readEntry(
  row: CsvRow,
  width: number,
  cell: (name: string) => string,
  readDate: (one: DateColumn, text: string) => CsvDay | null,
  mapping: CsvMapping,
  days: Days,
): CsvEntryRead {
  const faults: BankFault[] = [];
  const fault = (field: string, value: string, reason: string): null => {
    faults.push(unreadable({ row: row.row, field, value }, reason));
    return null;
  };
  if (row.cells.slice(width).some((extra) => extra.trim() !== ''))
    fault('', row.raw, 'has more cells than the header: a separator within a text must be in quotes');
  if (mapping.status !== null) {
    const word = cell(mapping.status.column);
    if (isNotBooked(mapping.status, cell)) return { kind: 'not booked' };
    if (!isWord(mapping.status.booked, word))
      fault(mapping.status.column, word, 'is in the mapping neither under booked nor under not_booked');
  }
  const told = (one: Told): string => ('value' in one ? one.value : cell(one.column));
  const account = accountText(told(mapping.account));
  if (account === '') fault(columnName(mapping.account), '', 'has no account');
  if (account.length > ACCOUNT_MAX) fault(columnName(mapping.account), account, 'is too long for an account');
  const currency = told(mapping.currency).toUpperCase();
  if (bankExponent(currency) === undefined)
    fault(columnName(mapping.currency), currency, 'must be a currency of ISO 4217, such as EUR');
  const date = day(mapping.date);
  const valueDate = mapping.valueDate === null || cell(mapping.valueDate.column) === '' ? null : day(mapping.valueDate);
  const amount = bankExponent(currency) === undefined ? null : amountOf();
  const balance =
    mapping.balance === null || bankExponent(currency) === undefined ? null : number(mapping.balance.column);

  function day(one: DateColumn): CsvDay | null {
    const text = cell(one.column);
    return readDate(one, text) ?? fault(one.column, text, `must be a day written as ${one.format}`);
  }

  function number(column: string): bigint | null {
    const read = readCsvNumber(cell(column), currency, mapping);
    return read.kind === 'amount' ? read.value : fault(column, cell(column), read.reason);
  }

  /** Of a column that tells the direction already. */
  function unsigned(column: string, negative: Negative): bigint | null {
    const value = number(column);
    if (value === null || value >= 0n || negative === 'reversal') return value;
    if (negative === 'ignored') return -value;
    return fault(
      column,
      cell(column),
      'has a sign beside its direction: say in the mapping what "negative" means, ignored or reversal',
    );
  }

  function amountOf(): bigint | null {
    const columns = mapping.amount;
    if (columns.kind === 'signed') {
      const value = number(columns.column);
      return value === null || !columns.inverted ? value : -value;
    }
    if (columns.kind === 'direction') {
      const word = cell(columns.direction);
      const value = unsigned(columns.column, columns.negative);
      if (isWord(columns.credit, word)) return value;
      if (isWord(columns.debit, word)) return value === null ? null : -value;
      return fault(columns.direction, word, `must be one of ${[...columns.debit, ...columns.credit].join(', ')}`);
    }
    const [hasDebit, hasCredit] = [columns.debit, columns.credit].map((column) => !isNothing(cell(column)));
    if (hasDebit === hasCredit) {
      if (!hasDebit && (cell(columns.debit) !== '' || cell(columns.credit) !== '')) return 0n;
      return fault(
        columns.debit,
        cell(columns.debit),
        `and ${columns.credit} are ${hasDebit ? 'both' : 'neither'} told: one must be`,
      );
    }
    const value = unsigned(hasDebit ? columns.debit : columns.credit, columns.negative);
    return value === null || !hasDebit ? value : -value;
  }

  /** `0,00` beside the other column. */
  function isNothing(text: string): boolean {
    if (text === '') return true;
    const read = readCsvNumber(text, currency, mapping);
    return read.kind === 'amount' && read.value === 0n;
  }

  if (faults.length > 0 || amount === null || date === null) return { kind: 'faults', faults };
  const id = mapping.id === null ? '' : cell(mapping.id);
  const name = mapping.counterpartyName === null ? '' : cell(mapping.counterpartyName);
  const other = mapping.counterpartyAccount === null ? '' : cell(mapping.counterpartyAccount);
  return {
    kind: 'booked',
    entry: {
      type: 'entry',
      row: row.row,
      raw: row.raw.slice(0, RAW_MAX),
      account,
      amount,
      currency,
      at: instant(date, days),
      valueAt: valueDate === null ? null : instant(valueDate, days),
      references: entryReferences([id, ...mapping.references.map(cell)]),
      counterparty: {
        name: isFiller(name) ? null : entryText([name]),
        account: isFiller(other) ? null : accountText(other),
      },
      text: entryText(mapping.text.map(cell)),
      reversal: false,
      bankId: isFiller(id) ? null : id,
      day: dayText(date),
      valueDay: valueDate === null ? null : dayText(valueDate),
      balance,
    },
  };
}

const instant = ({ year, month, day, timeOfDayMs }: CsvDay, days: Days): number =>
  days.at(year, month, day, timeOfDayMs) ?? Date.UTC(year, month - 1, day);

const dayText = ({ year, month, day }: CsvDay): string =>
  `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;

const columnName = (told: Told): string => ('column' in told ? told.column : told.value);

const isNotBooked = (status: CsvMapping['status'], cell: (name: string) => string): boolean =>
  status !== null && isWord(status.notBooked, cell(status.column));

const isWord = (words: readonly string[], word: string): boolean =>
  words.some((one) => one.trim().toLowerCase() === word.toLowerCase());

/** The last number in a row that states a balance. */
export function balanceOfRow(cells: readonly string[], currency: string, mapping: CsvMapping): bigint | null {
  for (const text of [...cells].reverse()) {
    const read = text.trim() === '' ? null : readCsvNumber(text, currency, mapping);
    if (read?.kind === 'amount') return read.value;
  }
  return null;
}
