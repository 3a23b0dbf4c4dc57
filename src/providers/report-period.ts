import { type Json, textAt } from '../exact-json.ts';
import { isTimeZone, startOfDay } from '../time-zone.ts';
import { fieldFault } from './json-report.ts';
import type { TimeRange } from './provider.ts';
import { createDays } from './report-day.ts';

/** One day of an account, of which a report is where nothing in it says so: `from` up to and without `to`, unix ms. */
export type ReportDay = TimeRange & { readonly day: string; readonly zone: string };

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const DAY_MS = 86_400_000;

/** Null where it is none. `zone` must be one. */
export function reportDay(day: string, zone: string): ReportDay | null {
  const at = DAY.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(at) || dayText(at) !== day) return null;
  return { day, zone, from: startOfDay(day, zone), to: startOfDay(dayText(at + DAY_MS), zone) };
}

/** The days that a range touches and that have been over for `lateMs`: what the processor tells late is there by then. */
export function daysOver(range: TimeRange, zone: string, { now, lateMs }: { now: number; lateMs: number }): string[] {
  const dayOf = createDays(zone);
  const last = dayOf(range.to - 1);
  const days: string[] = [];
  let day = reportDay(dayOf(range.from), zone);
  while (day !== null && day.day <= last && day.to + lateMs <= now) {
    days.push(day.day);
    day = reportDay(dayAfter(day.day), zone);
  }
  return days;
}

const dayAfter = (day: string): string => dayText(Date.parse(`${day}T00:00:00Z`) + DAY_MS);

const dayText = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** What stands before the answers of a processor that are such a report. */
export function periodHead({ day, zone }: Pick<ReportDay, 'day' | 'zone'>): string {
  return JSON.stringify({ period: { day, time_zone: zone } });
}

export const hasPeriodHead = (head: string): boolean => /^\uFEFF?\s*\{\s*"period"\s*:/.test(head);

/** @throws PosternError where the object has no such period */
export function periodAt(value: Json): ReportDay {
  const [day = '', zone = ''] = [textAt(value, 'period', 'day'), textAt(value, 'period', 'time_zone')];
  if (!isTimeZone(zone)) throw fieldFault('period.time_zone', zone, 'must be the name of a time zone');
  const period = reportDay(day, zone);
  if (period === null) throw fieldFault('period.day', day, 'must be a day, such as 2026-01-02');
  return period;
}
