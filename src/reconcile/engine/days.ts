const DAY_MS = 86_400_000;
const FORMATS_MAX = 500;
const formats = new Map<string, Intl.DateTimeFormat>();

/** The first moment (unix ms) of a day `YYYY-MM-DD` in a zone. */
export function startOfDay(day: string, zone: string): number {
  const utc = Date.parse(`${day}T00:00:00Z`);
  if (zone === 'UTC') return utc;
  // Twice: the first guess may lie on the other side of a change of the clocks.
  const guess = utc - offsetAt(utc, zone);
  return utc - offsetAt(guess, zone);
}

/** `YYYY-MM-DD` of a moment in a zone. */
export function dayOf(at: number, zone: string): string {
  return new Date(at + (zone === 'UTC' ? 0 : offsetAt(at, zone))).toISOString().slice(0, 10);
}

/** The first moment of the day so many days after the one of `at`. */
export function daysAfter(at: number, days: number, zone: string): number {
  const day = Date.parse(`${dayOf(at, zone)}T00:00:00Z`) + days * DAY_MS;
  return startOfDay(new Date(day).toISOString().slice(0, 10), zone);
}

/** Milliseconds by which a zone's clocks are ahead of UTC. */
function offsetAt(at: number, zone: string): number {
  const parts = Object.fromEntries(formatOf(zone).formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  if (formats.size >= FORMATS_MAX) formats.clear();
  const made = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(zone, made);
  return made;
}
