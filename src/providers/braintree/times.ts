import { isoTime } from '../iso-time.ts';

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Braintree's `datetime` (UTC) or `date` (then its first moment, UTC) in unix ms. */
export function timeOf(text: string | undefined): number | undefined {
  return isoTime(text !== undefined && DATE.test(text) ? `${text}T00:00:00Z` : text);
}
