import { bankExponent } from './bank-amount.ts';
import { dateFormat } from './csv-date.ts';

/** Which column of a bank's CSV is what; docs/bank-statements.md has an example of each part. */
export type CsvMapping = {
  readonly encoding: 'utf-8' | 'windows-1252';
  readonly separator: string;
  readonly account: Told;
  readonly currency: Told;
  readonly date: DateColumn;
  readonly valueDate: DateColumn | null;
  readonly amount: AmountColumns;
  readonly decimal: '.' | ',';
  readonly thousands: string | null;
  readonly balance: { readonly column: string; readonly order: 'oldest_first' | 'newest_first' } | null;
  /** How rows begin that state a balance instead of an entry. */
  readonly opening: string | null;
  readonly closing: string | null;
  /** How rows begin that are no entries. */
  readonly ignore: readonly string[];
  /** The bank's own id of a booking. */
  readonly id: string | null;
  readonly references: readonly string[];
  readonly text: readonly string[];
  readonly counterpartyName: string | null;
  readonly counterpartyAccount: string | null;
  readonly status: {
    readonly column: string;
    readonly booked: readonly string[];
    readonly notBooked: readonly string[];
  } | null;
};

/** The same in every row, or a column. */
export type Told = { readonly value: string } | { readonly column: string };
export type DateColumn = { readonly column: string; readonly format: string };
/** What a sign means beside a column that tells the direction already. */
export type Negative = 'refused' | 'ignored' | 'reversal';
export type AmountColumns =
  | { readonly kind: 'signed'; readonly column: string; readonly inverted: boolean }
  | { readonly kind: 'split'; readonly debit: string; readonly credit: string; readonly negative: Negative }
  | {
      readonly kind: 'direction';
      readonly column: string;
      readonly direction: string;
      readonly debit: readonly string[];
      readonly credit: readonly string[];
      readonly negative: Negative;
    };

/** `path` is a JSON pointer into the mapping. */
export type MappingFault = { readonly path: string; readonly message: string };
export type MappingRead =
  | { readonly kind: 'mapping'; readonly mapping: CsvMapping }
  | { readonly kind: 'faults'; readonly faults: readonly MappingFault[] };

/** Every mistake of a mapping at once. */
export function readCsvMapping(value: unknown): MappingRead {
  const faults: MappingFault[] = [];
  if (!isRecord(value))
    return { kind: 'faults', faults: [{ path: '', message: 'must be a JSON object: a CSV needs a mapping' }] };
  const top = reader(value, '', faults);
  const separator = top.oneOf('separator', SEPARATORS, ',');
  const decimal = top.oneOf('decimal', ['.', ','], '.');
  const thousands = top.optionalOneOf('thousands', THOUSANDS);
  if (thousands !== null && thousands === decimal) top.fault('thousands', 'must not be the decimal sign');
  const balance = top.part('balance', ['column', 'order'], (part) => ({
    column: part.text('column'),
    order: part.oneOf('order', ['oldest_first', 'newest_first'], 'oldest_first'),
  }));
  const counterparty = top.part('counterparty', ['name', 'account'], (part) => ({
    name: part.optionalText('name'),
    account: part.optionalText('account'),
  }));
  const mapping: CsvMapping = {
    encoding: top.oneOf('encoding', ['utf-8', 'windows-1252'], 'utf-8'),
    separator: separator === 'tab' ? '\t' : separator,
    account: told(top, 'account', () => null),
    currency: told(top, 'currency', (code) =>
      bankExponent(code) === undefined ? 'must be a currency of ISO 4217, such as EUR' : null,
    ),
    date: required(top, 'date', dateColumn(top, 'date')) ?? NO_DATE,
    valueDate: dateColumn(top, 'value_date'),
    amount: amountColumns(top),
    decimal: decimal === ',' ? ',' : '.',
    thousands: thousands === 'space' ? ' ' : thousands,
    balance,
    opening: top.optionalText('opening'),
    closing: top.optionalText('closing'),
    ignore: top.texts('ignore'),
    id: top.optionalText('id'),
    references: top.texts('references'),
    text: top.texts('text'),
    counterpartyName: counterparty?.name ?? null,
    counterpartyAccount: counterparty?.account ?? null,
    status: top.part('status', ['column', 'booked', 'not_booked'], (part) => ({
      column: part.text('column'),
      booked: part.words('booked'),
      notBooked: part.texts('not_booked'),
    })),
  };
  for (const name of ['opening', 'closing'] as const) {
    if (mapping[name] === null) continue;
    if ('column' in mapping.account || 'column' in mapping.currency)
      top.fault(name, 'needs account and currency to be a value: the row does not say which account it is about');
    if (mapping.balance !== null) top.fault(name, 'is told by the balance column already: leave one of the two out');
  }
  top.unknown(KEYS);
  return faults.length === 0 ? { kind: 'mapping', mapping } : { kind: 'faults', faults };
}

const SEPARATORS = [',', ';', '|', 'tab'] as const;
const THOUSANDS = [',', '.', "'", 'space'] as const;
const NEGATIVE = ['refused', 'ignored', 'reversal'] as const;
const NO_DATE: DateColumn = { column: '', format: '' };
const KEYS = [
  ...[
    'encoding',
    'separator',
    'account',
    'currency',
    'date',
    'value_date',
    'amount',
    'decimal',
    'thousands',
    'balance',
  ],
  ...['opening', 'closing', 'ignore', 'id', 'references', 'text', 'counterparty', 'status'],
];
const TEXT_MAX = 200;
const LIST_MAX = 50;

type Reader = ReturnType<typeof reader>;

function told(top: Reader, key: string, check: (value: string) => string | null): Told {
  const part = top.part(key, ['value', 'column'], (one) => {
    const [value, column] = [one.optionalText('value'), one.optionalText('column')];
    if ((value === null) === (column === null)) {
      one.fault('', 'must have either "value" or "column"');
      return { value: '' };
    }
    if (value === null) return { column: column ?? '' };
    const wrong = check(value);
    if (wrong !== null) one.fault('value', wrong);
    return { value };
  });
  return required(top, key, part) ?? { value: '' };
}

function dateColumn(top: Reader, key: string): DateColumn | null {
  return top.part(key, ['column', 'format'], (part) => {
    const format = part.text('format');
    const read = dateFormat(format);
    if (format !== '' && read.kind === 'fault') part.fault('format', read.reason);
    return { column: part.text('column'), format };
  });
}

function amountColumns(top: Reader): AmountColumns {
  const keys = ['column', 'inverted', 'debit', 'credit', 'direction', 'negative'];
  const part = top.part<AmountColumns>('amount', keys, (one) => {
    if (one.has('direction')) {
      one.refuse(['inverted'], 'is only for an amount with a sign and no direction column');
      return {
        kind: 'direction',
        column: one.text('column'),
        direction: one.text('direction'),
        debit: one.words('debit'),
        credit: one.words('credit'),
        negative: one.oneOf('negative', NEGATIVE, 'refused'),
      };
    }
    if (one.has('debit') || one.has('credit')) {
      one.refuse(['column', 'inverted'], 'is not for separate debit and credit columns');
      return {
        kind: 'split',
        debit: one.text('debit'),
        credit: one.text('credit'),
        negative: one.oneOf('negative', NEGATIVE, 'refused'),
      };
    }
    one.refuse(['negative'], 'is only for debit and credit columns, or a direction column');
    return { kind: 'signed', column: one.text('column'), inverted: one.flag('inverted') };
  });
  return required(top, 'amount', part) ?? { kind: 'signed', column: '', inverted: false };
}

function required<T>(top: Reader, key: string, part: T | null): T | null {
  if (part === null && !top.has(key)) top.fault(key, 'is missing');
  return part;
}

/** Reads one object of the mapping and notes what is wrong where. */
function reader(value: Readonly<Record<string, unknown>>, at: string, faults: MappingFault[]) {
  const fault = (key: string, message: string): void => {
    faults.push({ path: key === '' ? at : `${at}/${key}`, message });
  };
  const has = (key: string): boolean => Object.hasOwn(value, key) && value[key] !== null && value[key] !== undefined;
  const get = (key: string): unknown => (has(key) ? value[key] : undefined);

  function text(key: string): string {
    const found = optionalText(key);
    if (found === null && !has(key)) fault(key, 'is missing');
    return found ?? '';
  }

  function optionalText(key: string): string | null {
    const found = get(key);
    if (found === undefined) return null;
    if (typeof found === 'string' && found.trim() !== '' && found.length <= TEXT_MAX) return found;
    fault(key, `must be a text of 1 to ${TEXT_MAX} characters`);
    return null;
  }

  function texts(key: string): string[] {
    const found = get(key);
    if (found === undefined) return [];
    const isRight =
      Array.isArray(found) &&
      found.length <= LIST_MAX &&
      found.every((one) => typeof one === 'string' && one.trim() !== '' && one.length <= TEXT_MAX);
    if (isRight) return found;
    fault(key, `must be a list of at most ${LIST_MAX} texts`);
    return [];
  }

  function words(key: string): string[] {
    const found = texts(key);
    if (found.length === 0 && (!has(key) || Array.isArray(get(key)))) fault(key, 'must name at least one word');
    return found;
  }

  function oneOf<const T extends string>(key: string, allowed: readonly T[], otherwise: T): T {
    return optionalOneOf(key, allowed) ?? otherwise;
  }

  function optionalOneOf<const T extends string>(key: string, allowed: readonly T[]): T | null {
    const found = get(key);
    if (found === undefined) return null;
    const match = allowed.find((one) => one === found);
    if (match === undefined) fault(key, `must be one of ${allowed.map((one) => JSON.stringify(one)).join(', ')}`);
    return match ?? null;
  }

  function flag(key: string): boolean {
    const found = get(key);
    if (found !== undefined && typeof found !== 'boolean') fault(key, 'must be true or false');
    return found === true;
  }

  function refuse(keys: readonly string[], message: string): void {
    for (const key of keys) if (has(key)) fault(key, message);
  }

  function unknown(known: readonly string[]): void {
    for (const key of Object.keys(value).slice(0, LIST_MAX))
      if (!known.includes(key)) fault(key, `is not known; there are ${known.join(', ')}`);
  }

  function part<T>(key: string, known: readonly string[], read: (one: ReturnType<typeof reader>) => T): T | null {
    const found = get(key);
    if (found === undefined) return null;
    if (!isRecord(found)) {
      fault(key, `must be an object with ${known.join(', ')}`);
      return null;
    }
    const one = reader(found, `${at}/${key}`, faults);
    one.unknown(known);
    return read(one);
  }

  return { fault, has, text, optionalText, texts, words, oneOf, optionalOneOf, flag, refuse, unknown, part };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
