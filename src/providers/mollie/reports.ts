import { PosternError } from '../../errors.ts';
import { listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import { idAt } from '../json-report.ts';
import type { ApiContext, EndpointSettings, TimeRange } from '../provider.ts';
import type { OpenedReport, ProviderReports, ReportPage } from '../provider-reports.ts';
import { openPages, type Page } from '../report-pages.ts';
import { balanceDays, openBalanceDay } from './balance-days.ts';
import { ask } from './call.ts';
import { nextElement } from './list.ts';

/*
 * docs.mollie.com/reference/list-settlements: newest first, and by nothing else; only for an organisation's access token. An account
 * that is paid out by hand has its balance fetched instead, by the day.
 */
const PAGE = 250;
const DAYS = 365;
const LISTS = ['payments', 'refunds', 'chargebacks', 'captures'] as const;
const PERMISSION = 'settlements.read of an access token: API keys cannot read settlements';
const CURSOR = /^[A-Za-z0-9_]{1,80}$/;

export const reports: ProviderReports = {
  what: 'settlements with their payments, refunds, chargebacks and captures, or balance transactions of whole days (`settlement_mode` `balance`)',
  days: DAYS,
  unavailable,
  page: (range, cursor, context) =>
    isByDay(context.settings) ? balanceDays(range, cursor, context) : page(range, cursor, context),
  open: (report, context) => (isByDay(context.settings) ? openBalanceDay(report, context) : open(report, context)),
};

const isByDay = ({ settlement_mode: mode }: EndpointSettings): boolean => mode === 'balance';

function unavailable({ api_key: key }: EndpointSettings): string | null {
  return typeof key === 'string' && /^(?:live|test)_/.test(key)
    ? 'API keys cannot read settlements or balances: it takes an access token of the organisation (access_…)'
    : null;
}

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ReportPage> {
  if (cursor !== null && !CURSOR.test(cursor)) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const query = new URLSearchParams({ limit: String(PAGE), ...(cursor === null ? {} : { from: cursor }) });
  const answer = await ask(`/v2/settlements?${query}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, PERMISSION);
  const body = parseExactJson(answer.body);
  const settlements = listAt(body, '_embedded', 'settlements').map((one) => ({
    id: idAt(one, 'id'),
    status: textAt(one, 'status'),
    at: isoTime(textAt(one, 'settledAt')) ?? isoTime(textAt(one, 'createdAt')),
  }));
  const reports = settlements.flatMap(({ id, status, at }) => {
    const isIn = at !== undefined && at >= range.from && at < range.to;
    // The one that is open has no end, and one that is pending may still fail.
    return id !== undefined && isIn && (status === 'paidout' || status === 'failed') ? [id] : [];
  });
  const oldest = settlements.at(-1)?.at;
  const isPast = oldest !== undefined && oldest < range.from;
  return { kind: 'page', reports, next: isPast ? null : nextElement(body) };
}

function open(settlement: string, context: ApiContext): Promise<OpenedReport> {
  const path = `/v2/settlements/${encodeURIComponent(settlement)}`;
  const list = (n: number, from: string | null): Page | null => {
    const name = LISTS[n];
    if (name === undefined) return null;
    const query = new URLSearchParams({ limit: String(PAGE), ...(from === null ? {} : { from }) });
    return {
      ask: () => ask(`${path}/${name}?${query}`, context),
      next(body) {
        const next = nextElement(parseExactJson(body));
        if (next !== null && next === from)
          throw new PosternError('unreadable_event', 'a page names itself as its next');
        return next === null ? list(n + 1, null) : list(n, next);
      },
    };
  };
  const first: Page = { ask: () => ask(path, context), next: () => list(0, null) };
  return openPages(first, { fileName: `${settlement}.json`, now: context.now, permission: PERMISSION });
}
