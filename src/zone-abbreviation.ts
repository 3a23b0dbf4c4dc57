import { createZonedClock } from './local-time.ts';
import { isTimeZone } from './time-zone.ts';

/** What a report writes beside a local time. */
export type ReportZone =
  /** A fixed distance from UTC in ms, and in whose days the report is kept. */
  | { readonly kind: 'offset'; readonly offsetMs: number; readonly zone: string }
  | { readonly kind: 'zone'; readonly zone: string }
  /** Several zones are called so, and the account's is none of them. */
  | { readonly kind: 'ambiguous'; readonly zones: readonly string[] }
  | { readonly kind: 'unknown' };

type Meaning = readonly [hours: number, zone: string];

/**
 * Abbreviations of Adyen's `TimeZone` columns and of others' reports. Summer and winter time have each their own, so that also
 * the hour that is shown twice is told apart. More than one meaning: the account's own zone decides.
 */
const ABBREVIATIONS: Readonly<Record<string, readonly Meaning[]>> = {
  UTC: [[0, 'UTC']],
  GMT: [[0, 'Europe/London']],
  Z: [[0, 'UTC']],
  BST: [
    [1, 'Europe/London'],
    [6, 'Asia/Dhaka'],
  ],
  WET: [[0, 'Europe/Lisbon']],
  WEST: [[1, 'Europe/Lisbon']],
  CET: [[1, 'Europe/Amsterdam']],
  CEST: [[2, 'Europe/Amsterdam']],
  EET: [[2, 'Europe/Helsinki']],
  EEST: [[3, 'Europe/Helsinki']],
  MSK: [[3, 'Europe/Moscow']],
  TRT: [[3, 'Europe/Istanbul']],
  EST: [[-5, 'America/New_York']],
  EDT: [[-4, 'America/New_York']],
  CST: [
    [-6, 'America/Chicago'],
    [8, 'Asia/Shanghai'],
  ],
  CDT: [[-5, 'America/Chicago']],
  MST: [[-7, 'America/Denver']],
  MDT: [[-6, 'America/Denver']],
  PST: [[-8, 'America/Los_Angeles']],
  PDT: [[-7, 'America/Los_Angeles']],
  AKST: [[-9, 'America/Anchorage']],
  AKDT: [[-8, 'America/Anchorage']],
  HST: [[-10, 'Pacific/Honolulu']],
  BRT: [[-3, 'America/Sao_Paulo']],
  ART: [[-3, 'America/Argentina/Buenos_Aires']],
  IST: [
    [5.5, 'Asia/Kolkata'],
    [1, 'Europe/Dublin'],
    [2, 'Asia/Jerusalem'],
  ],
  IDT: [[3, 'Asia/Jerusalem']],
  GST: [[4, 'Asia/Dubai']],
  SGT: [[8, 'Asia/Singapore']],
  MYT: [[8, 'Asia/Kuala_Lumpur']],
  HKT: [[8, 'Asia/Hong_Kong']],
  PHT: [[8, 'Asia/Manila']],
  ICT: [[7, 'Asia/Bangkok']],
  WIB: [[7, 'Asia/Jakarta']],
  JST: [[9, 'Asia/Tokyo']],
  KST: [[9, 'Asia/Seoul']],
  AWST: [[8, 'Australia/Perth']],
  ACST: [[9.5, 'Australia/Adelaide']],
  ACDT: [[10.5, 'Australia/Adelaide']],
  AEST: [[10, 'Australia/Sydney']],
  AEDT: [[11, 'Australia/Sydney']],
  NZST: [[12, 'Pacific/Auckland']],
  NZDT: [[13, 'Pacific/Auckland']],
  SAST: [[2, 'Africa/Johannesburg']],
};
/** Adyen's "Booking Date (AMS)". */
const CITIES: Readonly<Record<string, string>> = { AMS: 'Europe/Amsterdam' };

const OFFSET = /^(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})$/;
const HOUR_MS = 3_600_000;
/** A winter and a summer: each zone shows both of its offsets. */
const YEAR = 2026;

/** What is written beside a report's local times, read with the account's zone (an IANA name). */
export function reportZone(written: string, accountZone: string): ReportZone {
  const text = written.trim();
  if (isTimeZone(text) && text !== 'UTC') return { kind: 'zone', zone: text };
  const city = CITIES[text.toUpperCase()];
  if (city !== undefined) return { kind: 'zone', zone: city };
  const own = offsetsOf(accountZone);
  const match = OFFSET.exec(text);
  if (match !== null) {
    const [, sign, hours = '0', minutes = '0'] = match;
    const offsetMs = (sign === '-' ? -1 : 1) * (+hours * HOUR_MS + +minutes * 60_000);
    return { kind: 'offset', offsetMs, zone: own.has(offsetMs) ? accountZone : 'UTC' };
  }
  const meanings = Object.hasOwn(ABBREVIATIONS, text.toUpperCase()) ? ABBREVIATIONS[text.toUpperCase()] : undefined;
  if (meanings === undefined) return { kind: 'unknown' };
  const ours = meanings.find(([hours]) => own.has(hours * HOUR_MS));
  if (ours !== undefined) return { kind: 'offset', offsetMs: ours[0] * HOUR_MS, zone: accountZone };
  const [only, second] = meanings;
  if (only === undefined || second !== undefined) return { kind: 'ambiguous', zones: meanings.map(([, zone]) => zone) };
  return { kind: 'offset', offsetMs: only[0] * HOUR_MS, zone: only[1] };
}

function offsetsOf(zone: string): ReadonlySet<number> {
  const { offsetAt } = createZonedClock(zone);
  return new Set([offsetAt(Date.UTC(YEAR, 0, 15)), offsetAt(Date.UTC(YEAR, 6, 15))]);
}
