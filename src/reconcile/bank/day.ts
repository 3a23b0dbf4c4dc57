import { createZonedClock } from '../../local-time.ts';

/** Of one reader: days of a statement as Unix ms, in the days of its zone. */
export type Days = {
  /** Null where the calendar has no such moment. */
  at(year: number, month: number, day: number, timeOfDayMs?: number): number | null;
  /** `2026-03-01`, or with a time, with or without an offset: a time without one is the zone's. Null for anything else. */
  iso(text: string): number | null;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
// A day may have an offset in XML Schema, and some banks write one: it is the day that counts.
const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?$/;

export function createDays(zone: string): Days {
  const clock = createZonedClock(zone);

  function at(year: number, month: number, day: number, timeOfDayMs = 0): number | null {
    const wall = calendarDay(year, month, day);
    return wall === null || timeOfDayMs > DAY_MS ? null : clock.toUnix(wall + timeOfDayMs);
  }

  function iso(text: string): number | null {
    const match = ISO.exec(text);
    if (match === null) return null;
    const [, year, month, day, hour, minute, second, fraction = '', offset] = match;
    const wall = calendarDay(Number(year), Number(month), Number(day));
    if (wall === null) return null;
    if (hour === undefined) return clock.toUnix(wall);
    // 24:00:00 is the end of a day in XML Schema, and 60 a leap second.
    if (Number(minute) > 59 || Number(second) > 60) return null;
    const time =
      Number(hour) * HOUR_MS +
      Number(minute) * MINUTE_MS +
      Number(second) * 1_000 +
      Number(fraction.slice(0, 3).padEnd(3, '0'));
    if (time > DAY_MS) return null;
    return offset === undefined ? clock.toUnix(wall + time) : wall + time - offsetMs(offset);
  }

  return { at, iso };
}

/** Of years with two digits: statements are of our time, and samples of the nineties'. */
export const fullYear = (short: number): number => (short >= 80 ? 1900 + short : 2000 + short);

/** Null where the calendar has no such day. */
export function calendarDay(year: number, month: number, day: number): number | null {
  const wall = Date.UTC(year, month - 1, day);
  const date = new Date(wall);
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? wall : null;
}

function offsetMs(offset: string): number {
  if (offset === 'Z') return 0;
  const ms = Number(offset.slice(1, 3)) * HOUR_MS + Number(offset.slice(4, 6)) * MINUTE_MS;
  return offset.startsWith('-') ? -ms : ms;
}
