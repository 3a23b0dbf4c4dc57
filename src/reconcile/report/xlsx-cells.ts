import { majorText } from './major-text.ts';
import type { Cell } from './table.ts';

/** Places in the list of formats of xlsx-parts.ts. An amount's is the first of its kind plus its currency's decimals. */
export const STYLE = {
  plain: 0,
  head: 1,
  text: 2,
  exact: 3,
  whole: 4,
  time: 5,
  day: 6,
  amount: 7,
  totalText: 12,
  totalExact: 13,
  totalWhole: 14,
  totalAmount: 15,
} as const;

/** A cell holds fifteen digits; the sixteenth is a zero, whatever it was. */
const DIGITS_MAX = 15;
const EXACT_BELOW = 10n ** BigInt(DIGITS_MAX);
/** More is a file that Excel calls damaged. */
const TEXT_MAX = 32_767;

export const isExact = (minor: bigint): boolean => minor < EXACT_BELOW && minor > -EXACT_BELOW;

const NAMES = new Map<number, string>();

/** A, B … Z, AA … of columns from 0. */
export function columnName(n: number): string {
  const known = NAMES.get(n);
  if (known !== undefined) return known;
  const last = String.fromCharCode(65 + (n % 26));
  const name = n < 26 ? last : columnName(Math.floor(n / 26) - 1) + last;
  NAMES.set(n, name);
  return name;
}

/** A reader of XML may take these away. */
const EDGES = /^\s|\s$|[\t\n]|\s\s/;

/** Never a formula, whatever it begins with: it is kept as text, and marked so that editing it does not make it one. */
export function textCell(at: string, text: string, style: number = STYLE.text): string {
  if (text === '') return '';
  const space = EDGES.test(text) ? ' xml:space="preserve"' : '';
  return `<c r="${at}" s="${style}" t="inlineStr"><is><t${space}>${escaped(text)}</t></is></c>`;
}

export const numberCell = (at: string, number: string, style: number): string =>
  `<c r="${at}" s="${style}"><v>${number}</v></c>`;

export const formulaCell = (at: string, formula: string, value: string, style: number): string =>
  `<c r="${at}" s="${style}"><f>${escaped(formula)}</f><v>${value}</v></c>`;

/** Major units, and minor units in the column after it; as text where a number would be rounded. */
export function amountCells(
  [major, minor]: readonly [string, string],
  amount: bigint,
  currency: Cell | undefined,
  exponent: number,
): string {
  const text = majorText(amount, currency);
  return isExact(amount)
    ? numberCell(major, text, STYLE.amount + exponent) + numberCell(minor, String(amount), STYLE.whole)
    : textCell(major, text, STYLE.exact) + textCell(minor, String(amount), STYLE.exact);
}

const DAY_MS = 86_400_000;
/** Day 0 of Excel's calendar, which believes that 1900 was a leap year. */
const EPOCH = Date.UTC(1899, 11, 30);
const DAY = /^\d{4}-\d{2}-\d{2}$/;

export function timeCell(at: string, time: Date): string {
  return numberCell(at, String((time.getTime() - EPOCH) / DAY_MS), STYLE.time);
}

export function dayCell(at: string, day: string): string {
  if (!DAY.test(day)) return textCell(at, day);
  return numberCell(at, String((Date.parse(day) - EPOCH) / DAY_MS), STYLE.day);
}

const MARKUP: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** Markup, what XML cannot hold, and what would be read as the escape of that (ECMA-376, ST_Xstring). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const SPECIAL = /[&<>"]|[\u0000-\u0008\u000b-\u001f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)/g;

export function escaped(text: string): string {
  const whole = (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 1)}…` : text).toWellFormed();
  return whole.replace(
    SPECIAL,
    (found) => MARKUP[found] ?? `_x${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`,
  );
}
