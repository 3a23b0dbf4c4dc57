import { type AmountRead, bankExponent, readAmount } from './bank-amount.ts';

export type CsvNumbers = { readonly decimal: '.' | ','; readonly thousands: string | null };

/** Also those that do not break a line, which banks put between thousands. */
const BLANKS = /[\s\u00a0\u202f]+/g;

/**
 * An amount of a CSV with its sign: `-1.234,50`, `1,234.50-`, `(1,234.50)`, `+5`. Thousands must stand where thousands stand:
 * "1,50" is no 150 because the mapping had decimals and thousands the wrong way round, nor is "1 50".
 */
export function readCsvNumber(text: string, currency: string, { decimal, thousands }: CsvNumbers): AmountRead {
  const trimmed = text.trim().replaceAll(BLANKS, ' ').replace('\u2212', '-').replaceAll('’', "'");
  const match = /^(?:([+-]) ?(.+?)|(.+?) ?([+-])|\((.+)\)|(.+))$/.exec(trimmed);
  if (match === null) return { kind: 'fault', reason: 'must be an amount' };
  const [, before, signed, trailed, after, bracketed, plain] = match;
  const digits = (signed ?? trailed ?? bracketed ?? plain ?? '').trim();
  const isNegative = before === '-' || after === '-' || bracketed !== undefined;
  const [whole = '', fraction, ...more] = digits.split(decimal);
  const ungrouped = thousands === null ? whole : withoutThousands(whole, thousands);
  if (ungrouped === null || more.length > 0 || !/^\d*$/.test(ungrouped) || !/^\d*$/.test(fraction ?? ''))
    return { kind: 'fault', reason: `must be an amount with "${decimal}" before its decimals${grouped(thousands)}` };
  if (thousands === null && mayBeThousands(whole, fraction, currency))
    return {
      kind: 'fault',
      reason: `has three digits behind "${decimal}", which ${currency} has not: say in the mapping what stands between thousands ("thousands"), or it may be a thousand times too small`,
    };
  const read = readAmount(fraction === undefined ? ungrouped : `${ungrouped}.${fraction}`, currency);
  return read.kind === 'fault' || !isNegative ? read : { kind: 'amount', value: -read.value };
}

/** "1.000" is one or a thousand. No thousands begin with a zero: "0.000" is nothing either way. */
function mayBeThousands(whole: string, fraction: string | undefined, currency: string): boolean {
  return fraction?.length === 3 && (bankExponent(currency) ?? 3) < 3 && !/^0*$/.test(whole);
}

function withoutThousands(whole: string, thousands: string): string | null {
  const [first = '', ...groups] = whole.split(thousands);
  if (groups.length === 0) return whole;
  return first.length >= 1 && first.length <= 3 && groups.every((group) => group.length === 3)
    ? first + groups.join('')
    : null;
}

const grouped = (thousands: string | null): string =>
  thousands === null ? ' and nothing between thousands' : ` and "${thousands}" between thousands`;
