import { at, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import { idAt } from '../json-report.ts';
import type { ApiContext, EndpointSettings, TimeRange } from '../provider.ts';
import type { OpenedReport, ProviderReports, ReportPage } from '../provider-reports.ts';
import { openPages, type Page } from '../report-pages.ts';
import { get } from './ask.ts';

/*
 * docs.stripe.com/payouts/reconciliation: an automatic payout's balance transactions are listed by it once its
 * reconciliation_status is "completed", which payout.reconciliation_completed tells.
 */
const PAGE = 100;
const DAYS = 730;
const PERMISSION =
  'read access to Balance (payouts and balance transactions), Charges, Refunds, Disputes and Transfers';

export const reports: ProviderReports = {
  what: 'balance transactions of automatic payouts',
  days: DAYS,
  unavailable,
  page,
  open,
  announced: {
    types: /^payout\.reconciliation_completed$/,
    report: (body) => idAt(parseExactJson(body), 'data', 'object', 'id') ?? null,
  },
};

function unavailable({ settlement_mode: mode }: EndpointSettings): string | null {
  return mode === 'balance'
    ? 'payouts made by hand do not name their transactions; download the balance report (balance_change_from_activity.itemized) and import the file'
    : null;
}

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ReportPage> {
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

function open(payout: string, context: ApiContext): Promise<OpenedReport> {
  const transactions = (after: string | null): Page => {
    const query = new URLSearchParams({
      payout,
      limit: String(PAGE),
      'expand[]': 'data.source',
      ...(after === null ? {} : { starting_after: after }),
    });
    return {
      ask: () => get(`/v1/balance_transactions?${query}`, null, context),
      next(body) {
        const told = parseExactJson(body);
        const last = idAt(listAt(told, 'data').at(-1), 'id');
        return at(told, 'has_more') === true && last !== undefined && last !== after ? transactions(last) : null;
      },
    };
  };
  const first: Page = {
    ask: () => get(`/v1/payouts/${encodeURIComponent(payout)}`, null, context),
    next: () => transactions(null),
  };
  return openPages(first, { fileName: `${payout}.json`, now: context.now, permission: PERMISSION });
}
