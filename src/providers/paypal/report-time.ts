import { createZonedClock } from '../../local-time.ts';
import type { ReportClock } from '../report-clock.ts';

/** `2026/01/06 23:31:39 -0800`: every time of these reports has its distance from UTC. */
const TIME = /^(\d{4}\/\d{2}\/\d{2} \d{2}:\d{2}:\d{2}) ([+-]\d{4})$/;

export function reportTime(text: string, clock: ReportClock): { readonly at: number } | null {
  const match = TIME.exec(text.trim());
  const [, local = '', offset = ''] = match ?? [];
  if (match === null) return null;
  // With dashes it takes a tenth of the time.
  const read = clock.read(local.replaceAll('/', '-'), offset);
  return read.kind === 'time' ? { at: read.at } : null;
}

/**
 * In whose days a report is kept, by the distance from UTC its period begins with: the account's own zone where that agrees,
 * else the zone PayPal keeps such reports in. An offset alone would end a day an hour early for half of the year.
 */
export function zoneOfOffset(text: string, accountZone: string): string {
  const [, local = '', offset = ''] = TIME.exec(text.trim()) ?? [];
  const sign = offset.startsWith('-') ? -1 : 1;
  const offsetMs = sign * (Number(offset.slice(1, 3)) * 3_600_000 + Number(offset.slice(3)) * 60_000);
  const at = Date.parse(`${local.replaceAll('/', '-').replace(' ', 'T')}Z`) - offsetMs;
  return [accountZone, ...ZONES].find((zone) => offsetAt(zone, at) === offsetMs) ?? accountZone;
}

/** Where the reporting windows begin and end, and the other zones of accounts that PayPal's documents name. */
const ZONES = [
  'America/Los_Angeles',
  'America/New_York',
  'Europe/London',
  'Europe/Berlin',
  'Asia/Hong_Kong',
  'Australia/Sydney',
  'Asia/Tokyo',
  'America/Chicago',
  'America/Denver',
  'America/Sao_Paulo',
  'Asia/Kolkata',
];

function offsetAt(zone: string, at: number): number {
  return createZonedClock(zone).offsetAt(at);
}

/** In whose days PayPal keeps an account where nothing says so: those of its window A. */
const PAYPAL_ZONE = 'America/Los_Angeles';

/** The batch of a day's rows where no section header names it: as settlement reports name theirs. */
export function dayBatch(day: string, zone: string): string {
  return `${day}.${zone === PAYPAL_ZONE ? 'A' : zone}`;
}
