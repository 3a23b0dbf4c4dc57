const DAY_MS = 86_400_000;

/** The zones furthest ahead of UTC and behind it. POSIX counts the other way round: GMT-14 is fourteen hours ahead. */
const AHEAD = 'Etc/GMT-14';
const BEHIND = 'Etc/GMT+12';

/**
 * A zone in which `at` falls on the day a transaction was accounted on, so that what takes it back is accounted on that day
 * too, as long as it is open. The zone itself is not kept; the day tells all that is needed of it. Null: UTC.
 */
export function zoneOfDay(at: number, accountingDate: string): string | null {
  const days = Math.round((Date.parse(accountingDate) - Math.floor(at / DAY_MS) * DAY_MS) / DAY_MS);
  // Further off is a day that a closed period sent it to: it goes where the periods of today send it.
  if (days === 1) return AHEAD;
  return days === -1 ? BEHIND : null;
}
