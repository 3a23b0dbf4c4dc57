import { calendarDay, fullYear } from './day.ts';

/** A group (02): what its accounts have in common. */
export type Bai2Group = {
  readonly statement: string;
  readonly currency: string;
  readonly day: string;
  /** As it is written; empty where none is. */
  readonly time: string;
  readonly at: number;
};

/** `YYMMDD` as `YYYY-MM-DD`. */
export function bai2Day(text: string): string | null {
  if (!/^\d{6}$/.test(text)) return null;
  const [year, month, day] = [fullYear(Number(text.slice(0, 2))), Number(text.slice(2, 4)), Number(text.slice(4))];
  return calendarDay(year, month, day) === null ? null : `${year}-${text.slice(2, 4)}-${text.slice(4)}`;
}
