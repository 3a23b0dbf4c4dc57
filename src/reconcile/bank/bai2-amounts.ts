import { PosternError } from '../../errors.ts';
import { parseMinor } from '../../money.ts';
import type { createBai2Fields } from './bai2-records.ts';

/** An amount of a 03 or 16 record with how its funds become available. */
export type Bai2Amount = {
  /** Of the smallest unit: BAI2 has no decimal point. Null where none is told. */
  readonly amount: bigint | null;
  /** `V`: the value day, `YYMMDD`. */
  readonly valueDay: string | null;
  /** What the parts by availability (S, D) come to, where they are told. */
  readonly distributed: bigint | null;
};

export type Bai2AmountRead =
  | ({ readonly kind: 'amount' } & Bai2Amount)
  | { readonly kind: 'fault'; readonly value: string; readonly reason: string };

type Fields = ReturnType<typeof createBai2Fields>;

const AMOUNT = /^[+-]?\d{1,18}$/;
/** Days a distribution (D) may name. */
const DAYS_MAX = 100;

export function bai2Integer(text: string): bigint | null {
  if (!AMOUNT.test(text)) return null;
  try {
    return parseMinor(
      text
        .replace(/^\+/, '')
        .replace(/^(-?)0+(?=\d)/, '$1')
        .replace(/^-0$/, '0'),
    );
  } catch (error) {
    if (error instanceof PosternError) return null;
    throw error;
  }
}

/** Amount, then funds type with what belongs to it; in a 03 the count of items is between them. */
export function readBai2Amount(fields: Fields, hasCount: boolean): Bai2AmountRead {
  const text = fields.next() ?? '';
  const amount = text === '' ? null : bai2Integer(text);
  if (amount === null && text !== '')
    return { kind: 'fault', value: text, reason: 'must be an amount without decimal point, such as +1050' };
  if (hasCount) fields.next();
  const type = fields.next() ?? '';
  switch (type) {
    case '':
    case '0':
    case '1':
    case '2':
    case 'Z':
      return { kind: 'amount', amount, valueDay: null, distributed: null };
    case 'V': {
      const day = fields.next() ?? '';
      fields.next();
      return { kind: 'amount', amount, valueDay: day === '' ? null : day, distributed: null };
    }
    case 'S':
      return distribution(amount, [fields.next(), fields.next(), fields.next()]);
    case 'D': {
      const days = fields.next() ?? '';
      if (!/^\d{1,3}$/.test(days) || Number(days) > DAYS_MAX)
        return {
          kind: 'fault',
          value: days,
          reason: `must be the number of days of a distribution, at most ${DAYS_MAX}`,
        };
      const parts: (string | null)[] = [];
      for (let n = 0; n < Number(days); n += 1) {
        fields.next();
        parts.push(fields.next());
      }
      return distribution(amount, parts);
    }
    default:
      return { kind: 'fault', value: type, reason: 'must be a funds type: 0, 1, 2, S, V, D or Z' };
  }
}

function distribution(amount: bigint | null, parts: readonly (string | null)[]): Bai2AmountRead {
  let sum = 0n;
  for (const part of parts) {
    const value = part === null || part === '' ? 0n : bai2Integer(part);
    if (value === null) return { kind: 'fault', value: part ?? '', reason: 'must be an amount available on a day' };
    sum += value;
  }
  return { kind: 'amount', amount, valueDay: null, distributed: sum };
}
