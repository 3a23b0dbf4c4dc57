import { AMOUNT_MAX } from './money.ts';

/**
 * Decimal text in major units ("10.5") as minor units of a currency, without ever passing through a binary fraction. What is
 * below the minor unit (Checkout.com writes eight decimals, Mollie four) is rounded half to even and kept beside it.
 */
export type DecimalAmount = {
  readonly minor: bigint;
  /** Exact minus `minor`, in minor units: "-0.25"; undefined where nothing is left over. */
  readonly residue: string | undefined;
};

/** Exact: `units` times ten to the minus `scale`. */
export type Decimal = { readonly units: bigint; readonly scale: number };

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d+))?$/;
const DIGITS_MAX = 40;
/** As many digits as a JS number holds exactly, whatever they are. */
const SAFE_DIGITS = 15;

/**
 * The minor units of a decimal text that has no digits below them; null where it has, or is no decimal. It is what nearly every
 * amount of a report needs, and takes a fifth of `decimal` and `rounded`.
 */
export function exactMinor(text: string, exponent: number): bigint | null {
  const value = smallMinor(text, exponent);
  if (value !== null) return BigInt(value);
  const exact = decimal(text);
  if (exact === null) return null;
  const { minor, residue } = rounded(exact, exponent);
  return residue === undefined && inBounds(minor) ? minor : null;
}

/** The same as an exact JS integer; null also where it is too large for one. */
export function smallMinor(text: string, exponent: number): number | null {
  const length = text.length;
  const first = text.charCodeAt(0);
  let at = first === MINUS || first === PLUS ? 1 : 0;
  if (length - at > SAFE_DIGITS - exponent || length === at) return null;
  let value = 0;
  let decimals = -1;
  for (; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === POINT && decimals < 0) decimals = 0;
    else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9) return null;
      if (decimals >= exponent) {
        if (digit !== 0) return null;
        decimals += 1;
        continue;
      }
      value = value * 10 + digit;
      if (decimals >= 0) decimals += 1;
    }
  }
  // A point must have a digit after it: "5." is how a cut line ends.
  if (decimals === 0) return null;
  for (let n = Math.max(decimals, 0); n < exponent; n += 1) value *= 10;
  return first === MINUS && value !== 0 ? -value : value;
}

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;

/** An exact decimal; null where the text is none. */
export function decimal(text: string): Decimal | null {
  if (text.length > DIGITS_MAX) return null;
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = ''] = match;
  if (whole === '' && fraction === '') return null;
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

export function sum(...terms: readonly Decimal[]): Decimal {
  const scale = Math.max(0, ...terms.map((term) => term.scale));
  return { units: terms.reduce((total, term) => total + scaled(term, scale), 0n), scale };
}

export function product(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

export function negated({ units, scale }: Decimal): Decimal {
  return { units: -units, scale };
}

/** Minor units, half to even, and what is left over. */
export function rounded(value: Decimal, exponent: number): DecimalAmount {
  const below = value.scale - exponent;
  if (below <= 0) return { minor: scaled(value, exponent), residue: undefined };
  const divisor = 10n ** BigInt(below);
  let minor = value.units / divisor;
  const over = value.units - minor * divisor;
  const twice = (over < 0n ? -over : over) * 2n;
  if (twice > divisor || (twice === divisor && minor % 2n !== 0n)) minor += over < 0n ? -1n : 1n;
  const left = value.units - minor * divisor;
  return { minor, residue: left === 0n ? undefined : decimalText({ units: left, scale: below }) };
}

/** "0.25", without zeros at the end. */
export function decimalText({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  const whole = digits.slice(0, digits.length - scale);
  return `${units < 0n ? '-' : ''}${whole}${scale > 0 && fraction !== '' ? `.${fraction}` : ''}`;
}

/** Whether Postgres can keep it as int8. */
export function inBounds(amount: bigint): boolean {
  return amount <= AMOUNT_MAX && amount >= -AMOUNT_MAX;
}

function scaled({ units, scale }: Decimal, to: number): bigint {
  return to >= scale ? units * 10n ** BigInt(to - scale) : units / 10n ** BigInt(scale - to);
}
