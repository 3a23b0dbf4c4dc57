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
