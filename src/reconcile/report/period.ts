import { PosternError } from '../../errors.ts';
import type { Days } from '../proof/stated-store.ts';

const DAY_MS = 86_400_000;
/** Before there were webhooks. */
const BEGINNING = '1970-01-01';
/** As it is written: which day is today does not make another period of it. */
export const ALL = 'all';
const PART = String.raw`\d{4}(?:-\d{2}(?:-\d{2})?)?`;
const WRITTEN = new RegExp(`^${PART}(/${PART})?$`);

/**
 * Accounting days of a period as it is written: `2026`, `2026-03`, `2026-03-05`, two of them with a slash between (both
 * included), or `all`, which ends with `today`. Null: the month of `today`.
 *
 * @throws PosternError `invalid_request` for what is no such period.
 */
export function periodDays(text: string | null, today: string): Days {
  if (text === null) return daysOf(today.slice(0, 7));
  if (text === ALL) return { from: BEGINNING, to: today };
  if (!WRITTEN.test(text)) throw refused(text);
  const [first = '', last = first] = text.split('/');
  const days = { from: daysOf(first).from, to: daysOf(last).to };
  if (days.from < BEGINNING) throw wrong(`begins before ${BEGINNING}; "${text}" is before all reports`);
  if (days.from > days.to) throw wrong(`ends on ${days.to}, before it begins on ${days.from}`);
  return days;
}

function daysOf(part: string): Days {
  const [year = '', month, day] = part.split('-');
  const from = `${year}-${month ?? '01'}-${day ?? '01'}`;
  const start = new Date(`${from}T00:00:00Z`);
  // The 31st of February is the third of March.
  if (Number.isNaN(start.getTime()) || start.toISOString().slice(0, 10) !== from) throw refused(part);
  if (day !== undefined) return { from, to: from };
  const next = month === undefined ? Date.UTC(Number(year) + 1, 0, 1) : Date.UTC(Number(year), Number(month), 1);
  return { from, to: new Date(next - DAY_MS).toISOString().slice(0, 10) };
}

const refused = (text: string): PosternError =>
  wrong(`must be as 2026, 2026-03, 2026-03-05, 2026-01-15/2026-02-14 or all; "${text}" is no such period`);

const wrong = (message: string): PosternError =>
  new PosternError('invalid_request', `period ${message}`, { faults: [{ path: 'period', message }] });
