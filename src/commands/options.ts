import { InvalidArgumentError } from 'commander';
import { LIMIT_DEFAULT, LIMIT_MAX } from '../api/paging.ts';
import { PosternError } from '../errors.ts';
import type { CommandContext } from './context.ts';

export { LIMIT_DEFAULT };

const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^([1-9]\d{0,4})([mhd])$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** `--limit` of every list. */
export function limit(text: string): number {
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value < 1 || value > LIMIT_MAX)
    throw new InvalidArgumentError(`a whole number from 1 to ${LIMIT_MAX}`);
  return value;
}

/** A length of time in milliseconds. */
export function duration(text: string): number {
  const [, count, unit] = DURATION.exec(text) ?? [];
  if (unit !== 'm' && unit !== 'h' && unit !== 'd')
    throw new InvalidArgumentError('a length of time such as 30m, 24h or 90d');
  return Number(count) * UNITS_MS[unit];
}

/** A time: ISO 8601 with its zone, or a day, which begins at 00:00 UTC. */
export function time(text: string): Date {
  const date = new Date(DAY.test(text) ? `${text}T00:00:00Z` : text);
  // new Date('2026-02-31T00:00:00Z') is the third of March.
  const isReal =
    !Number.isNaN(date.getTime()) &&
    new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(text.slice(8, 10));
  if (!(DAY.test(text) || TIME.test(text)) || !isReal)
    throw new InvalidArgumentError('a day such as 2026-01-31, or a time with its zone such as 2026-01-31T12:00:00Z');
  return date;
}

/** A day of the books, which has no time and no zone. */
export function day(text: string): string {
  if (!DAY.test(text)) throw new InvalidArgumentError('a day such as 2026-01-31');
  return time(text).toISOString().slice(0, 10);
}

/** A code of ISO 4217. */
export function currency(text: string): string {
  if (!/^[A-Z]{3}$/.test(text)) throw new InvalidArgumentError('a code such as EUR');
  return text;
}

const REASON_MAX = 1_000;

/** Why a person does something. */
export function reason(text: string): string {
  if (text.trim() === '' || text.length > REASON_MAX) throw new InvalidArgumentError(`1 to ${REASON_MAX} characters`);
  return text;
}

/** An option that may be given again. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

const STDIN = '-';

/** `values` with the one that is `-` read from standard input: so secrets stay out of the shell's history. */
export async function withInput(values: readonly string[], context: CommandContext): Promise<string[]> {
  const asked = values.filter((value) => value === STDIN).length;
  if (asked === 0) return [...values];
  if (asked > 1) throw new PosternError('invalid_request', 'only one "-" can be read from standard input');
  // echo and editors end the last line; a secret never ends with one.
  const text = (await context.input()).replace(/[\r\n]+$/, '');
  if (text === '') throw new PosternError('invalid_request', 'standard input is empty, where a secret was expected');
  return values.map((value) => (value === STDIN ? text : value));
}
