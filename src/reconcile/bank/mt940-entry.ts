import { calendarDay, fullYear } from './day.ts';

/** A statement line (:61:) taken apart, its amount as it stands. */
export type Mt940Line = {
  readonly value: CalendarDay;
  /** The booking day; many banks leave it out where it is the value day. */
  readonly booked: CalendarDay | null;
  /** What came in is 1. */
  readonly direction: 1n | -1n;
  readonly reversal: boolean;
  /** Announced, not booked (EC, ED). */
  readonly expected: boolean;
  readonly amount: string;
  readonly customerReference: string;
  readonly bankReference: string;
  /** Subfield 9. */
  readonly supplement: string;
};

export type CalendarDay = { readonly year: number; readonly month: number; readonly day: number };
export type Mt940LineRead =
  | { readonly kind: 'line'; readonly line: Mt940Line }
  | { readonly kind: 'fault'; readonly value: string; readonly reason: string };

// 6!n [4!n] 2a [1!a] 15d 1!a3!c 16x [//16x]. "CR", "DR" are a credit and a debit with the third letter of EUR, "RC" a reversal.
const LINE = /^(\d{6})(\d{4})?\s*(R?[CD]|E[CD])([A-Z])?\s*(\d[\d., ]*|,\d+)([A-Z][A-Z0-9]{3})(.*)$/s;
const REFERENCE_MAX = 16;
/** More continuation lines than this belong to no :61:. */
const LINES_MAX = 20;

export function readMt940Line(lines: readonly string[]): Mt940LineRead {
  const [head = '', ...more] = lines.map((line) => line.trimEnd());
  let first = head;
  // Somebody wrapped the file at a place of their own: what is before the amount belongs to it.
  while (!LINE.test(first) && more.length > 0 && first.length < 60) first += more.shift() ?? '';
  const match = LINE.exec(first);
  if (match === null || more.length > LINES_MAX)
    return { kind: 'fault', value: lines.join(' '), reason: 'must be value date, C or D, amount, type and references' };
  const [, valueText = '', bookedText, mark = '', , amount = '', , rest = ''] = match;

  const value = valueDay(valueText);
  if (value === null) return { kind: 'fault', value: valueText, reason: 'must begin with the value date as YYMMDD' };
  const booked = bookedText === undefined ? null : bookingDay(bookedText, value);
  if (bookedText !== undefined && booked === null)
    return { kind: 'fault', value: bookedText, reason: 'must have the entry date as MMDD behind the value date' };

  const { references, supplement } = unwrapped(rest, more);
  const split = references.indexOf('//');
  return {
    kind: 'line',
    line: {
      value,
      booked,
      // Taking back a credit is a debit.
      direction: mark === 'C' || mark === 'RD' || mark === 'EC' ? 1n : -1n,
      reversal: mark.startsWith('R'),
      expected: mark.startsWith('E'),
      amount: amount.replaceAll(' ', ''),
      customerReference: split === -1 ? references : references.slice(0, split),
      bankReference: split === -1 ? '' : references.slice(split + 2),
      supplement,
    },
  };
}

/** References that were wrapped are put together again; the standard knows one line behind them, of at most 34 characters. */
function unwrapped(rest: string, more: readonly string[]): { references: string; supplement: string } {
  const lines = [...more];
  let references = rest;
  const next = (): string => lines[0] ?? '';
  while (!references.includes('//') && next().includes('//') && !next().startsWith('/')) references += lines.shift();
  while (lines.length > 1 && !next().startsWith('/') && fits(references, next())) references += lines.shift();
  return { references, supplement: lines.join('') };
}

function fits(references: string, piece: string): boolean {
  const split = references.indexOf('//');
  return (split === -1 ? references.length : references.length - split - 2) + piece.length <= REFERENCE_MAX;
}

function valueDay(text: string): CalendarDay | null {
  const [year, month, day] = [fullYear(Number(text.slice(0, 2))), Number(text.slice(2, 4)), Number(text.slice(4, 6))];
  if (calendarDay(year, month, day) !== null) return { year, month, day };
  // Banks that count interest by months of 30 days have a 30th of February: its last day.
  if (month !== 2 || day < 29 || day > 30) return null;
  return { year, month, day: calendarDay(year, 2, 29) === null ? 28 : 29 };
}

/** The entry date has no year: booked in January with value of December is the next year's. */
function bookingDay(text: string, value: CalendarDay): CalendarDay | null {
  const [month, day] = [Number(text.slice(0, 2)), Number(text.slice(2, 4))];
  const valueAt = Date.UTC(value.year, value.month - 1, value.day);
  const near = [value.year, value.year - 1, value.year + 1]
    .flatMap((year) => {
      const at = calendarDay(year, month, day);
      return at === null ? [] : [{ year, distance: Math.abs(at - valueAt) }];
    })
    .sort((one, other) => one.distance - other.distance)[0];
  return near === undefined ? null : { year: near.year, month, day };
}
