import { wallClock } from '../../local-time.ts';

/**
 * Amounts and days as PayPal's site writes them for the account's language: `1,653.75` or `4.626,81`, `4 626,81`. One file has one
 * way of writing; which is seen by the digits after the last mark: one or two are decimals, three a group.
 */
export type LocalNumbers = {
  /** With a point and without groups (`-4626.81`), or what is wrong. */
  read(text: string): { readonly decimal: string } | { readonly reason: string };
};

const NUMBER = /^([-−+]?)(\d{1,3}(?:([.,'’ \u00a0\u202f])\d{3})*|\d+)(?:([.,])(\d{1,2}))?$/;

export function createLocalNumbers(): LocalNumbers {
  let mark: string | null = null;
  return {
    read(text) {
      const match = NUMBER.exec(text.trim());
      if (match === null) return { reason: 'must be an amount, such as 1,653.75 or 1.653,75' };
      const [, sign = '', whole = '', group, point, decimals = ''] = match;
      if (point !== undefined && point === group) return { reason: 'has one mark for groups and for decimals' };
      const used = point ?? (group === '.' ? ',' : group === ',' ? '.' : null);
      if (used !== null && mark !== null && used !== mark)
        return { reason: `has ${used} before its decimals, where the rows before have ${mark}` };
      mark ??= used;
      const digits = whole.replaceAll(/\D/g, '');
      const signed = sign === '-' || sign === '−' ? `-${digits}` : digits;
      return { decimal: decimals === '' ? signed : `${signed}.${decimals}` };
    },
  };
}

const DAY = /^(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})$/;

export type DayOrder = 'day_first' | 'month_first' | 'year_first';

/** Which order a day proves; null: it can be read in both, as 3/4/2026. */
export function dayOrder(text: string): DayOrder | null {
  const match = DAY.exec(text.trim());
  if (match === null) return null;
  const [, first = '', mark, second = ''] = match;
  if (first.length === 4) return 'year_first';
  // With points nobody writes the month first.
  if (mark === '.' || Number(first) > 12) return 'day_first';
  return Number(second) > 12 ? 'month_first' : null;
}

/** `2026-04-03`; null where it is no day in that order. */
export function isoDay(text: string, order: DayOrder): string | null {
  const match = DAY.exec(text.trim());
  if (match === null) return null;
  const [, first = '', , second = '', third = ''] = match;
  const parts = {
    day_first: [third, second, first],
    month_first: [third, first, second],
    year_first: [first, second, third],
  };
  const [year = '', month = '', day = ''] = parts[order];
  if (year.length !== 4) return null;
  const iso = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  return wallClock(iso) === null ? null : iso;
}
