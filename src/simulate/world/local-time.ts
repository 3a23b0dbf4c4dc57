/** `2026-03-02 08:15:00` in a zone, as reports write times without an offset. */
export function localTime(ms: number, zone: string): string {
  return new Date(ms + offsetAt(ms, zone)).toISOString().slice(0, 19).replace('T', ' ');
}

/** What a zone is ahead of UTC, in ms. Kept by the hour: asking Intl for each of a million rows takes longer than all else. */
export function offsetAt(ms: number, zone: string): number {
  if (zone === 'UTC') return 0;
  const key = `${zone}${Math.floor(ms / 3_600_000)}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  if (offsets.size > KEPT_MAX) offsets.clear();
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(ms);
  const text = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  const [, sign = '+', hours = '0', minutes = '0'] = /GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(text) ?? [];
  const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  offsets.set(key, offset);
  return offset;
}

const offsets = new Map<string, number>();
const KEPT_MAX = 10_000;

/** `2026-03-02` by so many days. */
export const dayAfter = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);

/** Midnight of a day (`2026-03-02`) in a zone. */
export function midnight(day: string, zone: string): number {
  const utc = Date.parse(`${day}T00:00:00Z`);
  return utc - offsetAt(utc, zone);
}
