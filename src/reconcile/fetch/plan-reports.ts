import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { Tx } from '../../postgres/sql.ts';
import { uuidv7 } from '../../uuid.ts';
import { unfetchable } from './fetch-report.ts';
import { insertRange } from './report-fetch-store.ts';
import { takeSchedules } from './report-schedule-store.ts';

const EVERY_S = 6 * 3_600;
const FIRST_MS = 7 * 86_400_000;
/** A payout is listed by when it was made, and is whole some days later. */
const OVERLAP_MS = 7 * 86_400_000;
/** After a long time away: more at once may be more than a processor lists. */
const RANGE_MAX_MS = 31 * 86_400_000;
const DAY_MS = 86_400_000;

/** Lists the reports of every endpoint that expects them (`report_calendar`), four times a day. `now` is unix ms. */
export async function planReports(tx: Tx, endpoints: readonly Endpoint[], now: number): Promise<void> {
  const expected = endpoints.filter(isScheduled);
  if (expected.length === 0) return;
  const due = await takeSchedules(
    tx,
    expected.map(({ id }) => id),
    { everyS: EVERY_S, firstMs: FIRST_MS },
  );
  for (const { endpointId, fetchedTo } of due) {
    const days = expected.find(({ id }) => id === endpointId)?.provider.api?.reports?.days ?? 0;
    const from = Math.max(fetchedTo.getTime() - OVERLAP_MS, now - days * DAY_MS);
    const to = Math.min(now, from + RANGE_MAX_MS);
    if (from < to)
      await insertRange(tx, { id: uuidv7(now), endpointId, from, to, origin: 'schedule', actor: 'schedule' });
  }
}

function isScheduled(endpoint: Endpoint): boolean {
  const { settings, disabled, provider } = endpoint;
  if (disabled || settings.report_calendar === undefined) return false;
  return provider.api?.reports?.page !== undefined && unfetchable(endpoint) === null;
}
