import { PosternError } from '../../errors.ts';
import { at, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import { idAt } from '../json-report.ts';
import type { ApiContext, EndpointSettings, TimeRange } from '../provider.ts';
import type { OpenedReport, ProviderReports, ReportPage } from '../provider-reports.ts';
import { openPages, type Page } from '../report-pages.ts';
import { daysOver, periodHead, reportDay } from '../report-period.ts';
import { get } from './ask.ts';

/*
 * docs.stripe.com/payouts/reconciliation: an automatic payout's balance transactions are listed by it once its
 * reconciliation_status is "completed", which payout.reconciliation_completed tells. What is paid out by hand names none: where the
 * account is reconciled by its balance, its days are fetched whole.
 */
const PAGE = 100;
const DAYS = 730;
/** A day's last transactions may be listed some time after it. */
const LATE_MS = 3_600_000;
const PERMISSION =
  'read access to Balance (payouts and balance transactions), Charges, Refunds, Disputes and Transfers';

export const reports: ProviderReports = {
  what: 'balance transactions of automatic payouts, or of whole days (`settlement_mode` `balance`)',
  days: DAYS,
  page,
  open: (report, context) => (isByDay(context.settings) ? openDay(report, context) : openPayout(report, context)),
  announced: {
    types: /^payout\.reconciliation_completed$/,
    report(body) {
      const event = parseExactJson(body);
      // A connected account's payout is read by its own key.
      return textAt(event, 'account') === undefined ? (idAt(event, 'data', 'object', 'id') ?? null) : null;
    },
  },
};

const isByDay = ({ settlement_mode: mode }: EndpointSettings): boolean => mode === 'balance';

const zoneOf = ({ time_zone: zone = 'UTC' }: EndpointSettings): string => zone;

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ReportPage> {
  const { settings, now } = context;
  if (isByDay(settings))
    return { kind: 'page', reports: daysOver(range, zoneOf(settings), { now, lateMs: LATE_MS }), next: null };
  const query = new URLSearchParams({
    limit: String(PAGE),
    'created[gte]': String(Math.floor(range.from / 1_000)),
    'created[lt]': String(Math.ceil(range.to / 1_000)),
    ...(cursor === null ? {} : { starting_after: cursor }),
  });
  const answer = await get(`/v1/payouts?${query}`, null, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, PERMISSION);
  const body = parseExactJson(answer.body);
  const payouts = listAt(body, 'data');
  return {
    kind: 'page',
    reports: payouts.flatMap((one) => {
      const isWhole = at(one, 'automatic') === true && textAt(one, 'reconciliation_status') === 'completed';
      return isWhole ? (idAt(one, 'id') ?? []) : [];
    }),
    next: at(body, 'has_more') === true ? (idAt(payouts.at(-1), 'id') ?? null) : null,
  };
}

function openPayout(payout: string, context: ApiContext): Promise<OpenedReport> {
  const first: Page = {
    ask: () => get(`/v1/payouts/${encodeURIComponent(payout)}`, null, context),
    next: () => transactions({ payout }, null, context),
  };
  return openPages(first, { fileName: `${payout}.json`, now: context.now, permission: PERMISSION });
}

async function openDay(day: string, context: ApiContext): Promise<OpenedReport> {
  const period = reportDay(day, zoneOf(context.settings));
  if (period === null)
    return {
      kind: 'missing',
      detail: `${day.slice(0, 40)} is no day: an account paid out by hand is fetched by the day`,
    };
  const created = { 'created[gte]': String(period.from / 1_000), 'created[lt]': String(period.to / 1_000) };
  return openPages(transactions(created, null, context), {
    fileName: `balance-${day}.json`,
    now: context.now,
    permission: PERMISSION,
    head: periodHead(period),
    nothing(body) {
      const told = parseExactJson(body);
      if (!Array.isArray(at(told, 'data'))) throw new PosternError('unreadable_event', 'the answer has no list "data"');
      return listAt(told, 'data').length === 0 ? `nothing moved on ${day}` : null;
    },
  });
}

/** Those that `which` names, newest first. */
function transactions(which: Readonly<Record<string, string>>, after: string | null, context: ApiContext): Page {
  const query = new URLSearchParams({
    ...which,
    limit: String(PAGE),
    'expand[]': 'data.source',
    ...(after === null ? {} : { starting_after: after }),
  });
  return {
    ask: () => get(`/v1/balance_transactions?${query}`, null, context),
    next(body) {
      const told = parseExactJson(body);
      const last = idAt(listAt(told, 'data').at(-1), 'id');
      return at(told, 'has_more') === true && last !== undefined && last !== after
        ? transactions(which, last, context)
        : null;
    },
  };
}
