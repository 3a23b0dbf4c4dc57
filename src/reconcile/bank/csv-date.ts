import { calendarDay, fullYear } from './day.ts';

/** A day as a bank's CSV writes it, read. */
export type CsvDay = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly timeOfDayMs: number;
};

export type DateFormat =
  | { readonly kind: 'format'; read(text: string): CsvDay | null }
  | { readonly kind: 'fault'; readonly reason: string };

const PARTS: Readonly<Record<string, string>> = {
  YYYY: '(?<year>\\d{4})',
  YY: '(?<year>\\d{2})',
  MMM: '(?<month>[A-Za-z]{3})',
  MM: '(?<month>\\d{2})',
  M: '(?<month>\\d{1,2})',
  DD: '(?<day>\\d{2})',
  D: '(?<day>\\d{1,2})',
  HH: '(?<hour>\\d{2})',
  mm: '(?<minute>\\d{2})',
  ss: '(?<second>\\d{2})',
};
const TOKEN = /YYYY|YY|MMM|MM|M|DD|D|HH|mm|ss/g;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const FORMAT_MAX = 40;

/** `DD.MM.YYYY`, `M/D/YY`, `YYYY-MM-DD HH:mm:ss`, `DD MMM YYYY` (English names). What is no token must stand there as it is. */
export function dateFormat(format: string): DateFormat {
  const tokens = [...format.matchAll(TOKEN)].map(([token]) => token);
  const letters = format.replaceAll(TOKEN, '').replace(/T/g, '');
  const kinds = tokens.map((token) => token[0] + (token === 'mm' ? 'i' : ''));
  if (format.length > FORMAT_MAX || new Set(kinds).size !== kinds.length || /[A-Za-z]/.test(letters))
    return { kind: 'fault', reason: UNKNOWN };
  if (!['Y', 'M', 'D'].every((kind) => kinds.includes(kind)))
    return { kind: 'fault', reason: 'must have year, month and day, such as DD.MM.YYYY' };
  let pattern = '';
  let at = 0;
  for (const match of format.matchAll(TOKEN)) {
    pattern += escaped(format.slice(at, match.index)) + PARTS[match[0]];
    at = match.index + match[0].length;
  }
  const whole = new RegExp(`^${pattern}${escaped(format.slice(at))}$`);
  return { kind: 'format', read: (text) => readDay(whole, text) };
}

const UNKNOWN = 'must be made of YYYY, YY, MMM, MM, M, DD, D, HH, mm and ss, each once, and signs between them';

function readDay(whole: RegExp, text: string): CsvDay | null {
  const found = whole.exec(text.trim())?.groups;
  if (found === undefined) return null;
  const { year = '', month = '', day = '', hour = '0', minute = '0', second = '0' } = found;
  const named = MONTHS.indexOf(month.toLowerCase()) + 1;
  const read = {
    year: year.length === 2 ? fullYear(Number(year)) : Number(year),
    month: named > 0 ? named : Number(month),
    day: Number(day),
    timeOfDayMs: ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1_000,
  };
  const isTime = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
  return isTime && calendarDay(read.year, read.month, read.day) !== null ? read : null;
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
