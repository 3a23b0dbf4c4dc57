/** Local times of reports as unix milliseconds: with the zone's name, or with the abbreviation the report writes beside them. */

/** `2026-02-01 09:00:00`, also with `/` or `T`, without seconds, with a fraction of them, or the day alone. */
const LOCAL = /^(\d{4})([-/])(\d{2})\2(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?$/;

/** What the clock on the wall shows, as if it were UTC; null where it is no such time. */
export function wallClock(text: string): number | null {
  const fast = usualWallClock(text);
  if (fast !== null) return fast;
  const match = LOCAL.exec(text);
  if (match === null) return null;
  const [, year, , month, day, hour = '0', minute = '0', second = '0', fraction = '0'] = match;
  const at = Date.UTC(+(year ?? 0), +(month ?? 0) - 1, +(day ?? 0), +hour, +minute, +second);
  return isDate(at, +(month ?? 0), +(day ?? 0)) && +hour < 24 && +minute < 60 && +second < 60
    ? at + Math.floor(Number(`0.${fraction}`) * 1000)
    : null;
}

/** `YYYY-MM-DD HH:MM:SS`, by which millions of rows are written: character by character, a tenth of the expression's time. */
function usualWallClock(text: string): number | null {
  if (text.length !== 19 || text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return null;
  const between = text.charCodeAt(10);
  if (between !== SPACE && between !== TEE) return null;
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return null;
  const month = pair(text, 5);
  const day = pair(text, 8);
  const hour = pair(text, 11);
  const minute = pair(text, 14);
  const second = pair(text, 17);
  // NaN fails every comparison.
  if (!(hour < 24 && minute < 60 && second < 60 && month <= 12 && day <= 31)) return null;
  const at = dayStart(pair(text, 0) * 100 + pair(text, 2), month, day);
  return at === null ? null : at + ((hour * 60 + minute) * 60 + second) * 1000;
}

const DASH = 0x2d;
const SPACE = 0x20;
const TEE = 0x54;
const COLON = 0x3a;
const ZERO = 0x30;

function pair(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

const DAYS_MAX = 10_000;
const days = new Map<number, number | null>();

/** A report is of few days. */
function dayStart(year: number, month: number, day: number): number | null {
  const number = (year * 100 + month) * 100 + day;
  let at = days.get(number);
  if (at === undefined) {
    at = Date.UTC(year, month - 1, day);
    if (!isDate(at, month, day)) at = null;
    if (days.size >= DAYS_MAX) days.clear();
    days.set(number, at);
  }
  return at;
}

/** February has no 30th day, which `Date.UTC` would take for one of March. */
function isDate(at: number, month: number, day: number): boolean {
  const date = new Date(at);
  return date.getUTCMonth() + 1 === month && date.getUTCDate() === day;
}

const STEP_MS = 15 * 60_000;
const OFFSETS_MAX = 100_000;

/** A zone's offsets by IANA name. Every change of offset since 1972 fell on a quarter of an hour. */
export type ZonedClock = {
  /**
   * Unix ms of what a wall clock shows. Shown twice (clocks put back), it is the first time; never shown (put forward), it is
   * counted on with the offset before: as `java.time` and Temporal do.
   */
  toUnix(wall: number): number;
  /** The offset at an instant, in ms: Berlin's is positive. */
  offsetAt(unix: number): number;
};

export function createZonedClock(zone: string): ZonedClock {
  if (zone === 'UTC') return { toUnix: (wall) => wall, offsetAt: () => 0 };
  const format = new Intl.DateTimeFormat('en-US-u-hc-h23', {
    timeZone: zone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const known = new Map<number, number>();
  function offsetAt(unix: number): number {
    const parts: Record<string, string> = {};
    for (const { type, value } of format.formatToParts(unix)) parts[type] = value;
    const { year = '0', month = '0', day = '0', hour = '0', minute = '0', second = '0' } = parts;
    return Date.UTC(+year, +month - 1, +day, +hour, +minute, +second) - Math.floor(unix / 1000) * 1000;
  }
  function offsetOfWall(wall: number): number {
    const before = offsetAt(wall - DAY_MS);
    const after = offsetAt(wall + DAY_MS);
    if (before === after) return before;
    // In the hour that is shown twice both hold, and in the one that is left out neither: the offset before is taken for both.
    if (offsetAt(wall - before) === before) return before;
    return offsetAt(wall - after) === after ? after : before;
  }
  return {
    offsetAt,
    toUnix(wall) {
      const step = Math.floor(wall / STEP_MS);
      let offset = known.get(step);
      if (offset === undefined) {
        if (known.size >= OFFSETS_MAX) known.clear();
        offset = offsetOfWall(step * STEP_MS);
        known.set(step, offset);
      }
      return wall - offset;
    },
  };
}

const DAY_MS = 86_400_000;
