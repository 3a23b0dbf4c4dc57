const NAME = /^[A-Z][A-Za-z_]+(\/[A-Za-z0-9_+-]+)+$/;
let regions: ReadonlySet<string> | undefined;

/**
 * Whether a text is the IANA name of a region's time zone, or UTC. Both its present and its former name are right
 * (`Asia/Kolkata`, `Asia/Calcutta`); offsets and abbreviations are not: they know no daylight saving time, and `IST` is three
 * zones.
 */
export function isTimeZone(name: string): boolean {
  if (name === 'UTC') return true;
  if (!NAME.test(name)) return false;
  regions ??= new Set(Intl.supportedValuesOf('timeZone'));
  if (regions.has(name)) return true;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
    return regions.has(timeZone);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The unix ms at which a day (`2026-03-01`) begins in a zone. */
export function startOfDay(day: string, zone: string): number {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // Twice: the offset at the first guess may be the one of before a change of clocks.
  const guess = midnight - offsetAt(midnight, zone);
  return midnight - offsetAt(guess, zone);
}

/** How far a zone is ahead of UTC at a moment, in ms. */
function offsetAt(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-u-hc-h23', {
    timeZone: zone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at);
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value ?? 0);
  const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return local - Math.floor(at / 1000) * 1000;
}
