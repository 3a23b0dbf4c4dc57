import { PosternError } from '../../errors.ts';
import { at, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiAnswer, ApiContext, EndpointSettings, TimeRange } from '../provider.ts';
import type { OpenedReport, ProviderReports, ReportPage } from '../provider-reports.ts';
import { openPages, type Page } from '../report-pages.ts';
import { daysOver, periodHead, type ReportDay, reportDay } from '../report-period.ts';
import { ask } from './ask.ts';

/*
 * developer.paypal.com/docs/reports/sftp-reports: settlement reports are put on an SFTP server, and nowhere else. The API searches
 * transactions (developer.paypal.com/docs/api/transaction-search/v1), at most 31 days and 10,000 rows at once: what moved, by the
 * codes of those reports, and no closing that it could be proved by.
 */
const PATH = '/v1/reporting/transactions';
const PAGE = 500;
const DAYS = 1_095;
/** "It takes a maximum of three hours for executed transactions to appear." */
const LATE_MS = 3 * 3_600_000;
const HOUR_MS = 3_600_000;
const PERMISSION = 'the feature "Transaction Search" of the REST app';
const TOO_MANY = 'RESULTSET_TOO_LARGE';

export const reports: ProviderReports = {
  what: 'transactions of whole days, as a control; settlement reports are on its SFTP server only',
  days: DAYS,
  page,
  open,
};

const zoneOf = ({ time_zone: zone = 'UTC' }: EndpointSettings): string => zone;

async function page(range: TimeRange, _cursor: string | null, { settings, now }: ApiContext): Promise<ReportPage> {
  return { kind: 'page', reports: daysOver(range, zoneOf(settings), { now, lateMs: LATE_MS }), next: null };
}

async function open(day: string, context: ApiContext): Promise<OpenedReport> {
  const { settings, now } = context;
  const period = reportDay(day, zoneOf(settings));
  if (period === null) return { kind: 'missing', detail: `"${day.slice(0, 40)}" is no day` };
  const about = { fileName: `transactions-${day}.json`, now, permission: PERMISSION, head: periodHead(period) };
  const answer = await ask(query(period, 1), context);
  if ('kind' in answer) return answer;
  if (isTooMany(answer)) {
    const first = searched(hoursOf(period), 1, context);
    const firstHour = await first.ask();
    return (
      notYet(firstHour, period, now) ?? openPages({ ...first, ask: async (): Promise<ApiAnswer> => firstHour }, about)
    );
  }
  if (answer.status !== 200) return refusalOf(answer, now, PERMISSION);
  const told = parseExactJson(answer.body);
  if (!Array.isArray(at(told, 'transaction_details')))
    throw new PosternError('unreadable_event', 'the answer has no list "transaction_details"');
  const later = notYet(answer, period, now);
  if (later !== null) return later;
  if (listAt(told, 'transaction_details').length === 0) return { kind: 'missing', detail: `nothing moved on ${day}` };
  return openPages({ ...searched([period], 1, context), ask: async () => answer }, about);
}

/** An answer says up to when PayPal has everything, whichever time was asked for. */
function notYet({ status, body }: ApiAnswer, { day, to }: ReportDay, now: number): OpenedReport | null {
  const refreshed = status === 200 ? isoTime(textAt(parseExactJson(body), 'last_refreshed_datetime')) : undefined;
  if (refreshed === undefined || refreshed >= to) return null;
  return { kind: 'later', at: now + HOUR_MS, detail: `PayPal has not all of ${day} yet` };
}

function isTooMany({ status, body }: ApiAnswer): boolean {
  return status === 400 && body.includes(TOO_MANY);
}

function hoursOf({ from, to }: ReportDay): TimeRange[] {
  const hours: TimeRange[] = [];
  for (let at = from; at < to; at += HOUR_MS) hours.push({ from: at, to: Math.min(at + HOUR_MS, to) });
  return hours;
}

/** All pages of one range after the other. */
function searched([range, ...others]: readonly TimeRange[], n: number, context: ApiContext): Page {
  if (range === undefined) throw new PosternError('internal', 'no range is searched');
  return {
    async ask() {
      const answer = await ask(query(range, n), context);
      if ('kind' in answer) throw new PosternError('egress_failed', answer.detail);
      return answer;
    },
    next(body) {
      const pages = textAt(parseExactJson(body), 'total_pages') ?? '';
      if (!/^\d{1,9}$/.test(pages))
        throw new PosternError('unreadable_event', 'a page does not say how many there are');
      if (n < Number(pages)) return searched([range, ...others], n + 1, context);
      return others.length > 0 ? searched(others, 1, context) : null;
    },
  };
}

/** Times are told to the second, and both ends belong to what is found. */
function query({ from, to }: TimeRange, n: number): string {
  const values = new URLSearchParams({
    start_date: secondsText(from),
    end_date: secondsText(to - 1_000),
    fields: 'transaction_info',
    page_size: String(PAGE),
    page: String(n),
  });
  return `${PATH}?${values}`;
}

const secondsText = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
