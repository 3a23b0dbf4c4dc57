import { at, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import { idAt } from '../json-report.ts';
import type { ApiContext, TimeRange } from '../provider.ts';
import type { OpenedReport, ProviderReports, ReportPage } from '../provider-reports.ts';
import { further, openPages, type Page } from '../report-pages.ts';
import { ask } from './ask.ts';

/*
 * developer.gocardless.com/api-reference/#core-endpoints-payout-items: the items of a payout are there for six months, then the
 * answer is 410: they must be fetched while they are.
 */
const PAGE = 500;
const DAYS = 180;
const PERMISSION = 'read access: an access token may be read-only';

export const reports: ProviderReports = {
  what: 'payouts with their items (six months)',
  days: DAYS,
  page,
  open,
  announced: {
    // In another currency the amount is final with the rate only.
    types: /^payouts\.(?:paid|fx_rate_confirmed)$/,
    report: (body, item) => {
      const event = at(parseExactJson(body), 'events', item);
      return idAt(event, 'links', 'payout') ?? null;
    },
  },
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ReportPage> {
  const query = new URLSearchParams({
    'created_at[gte]': new Date(range.from).toISOString(),
    'created_at[lt]': new Date(range.to).toISOString(),
    status: 'paid',
    limit: String(PAGE),
    ...(cursor === null ? {} : { after: cursor }),
  });
  const answer = await ask(`/payouts?${query}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, PERMISSION);
  const body = parseExactJson(answer.body);
  return {
    kind: 'page',
    // What bounced, or is on its way still, has no items that are final.
    reports: listAt(body, 'payouts').flatMap((one) => idAt(one, 'id') ?? []),
    next: further(textAt(body, 'meta', 'cursors', 'after'), cursor),
  };
}

function open(payout: string, context: ApiContext): Promise<OpenedReport> {
  const items = (after: string | null): Page => ({
    ask: () => {
      const query = new URLSearchParams({ payout, limit: String(PAGE), ...(after === null ? {} : { after }) });
      return ask(`/payout_items?${query}`, context);
    },
    next(body) {
      const next = further(textAt(parseExactJson(body), 'meta', 'cursors', 'after'), after);
      return next === null ? null : items(next);
    },
  });
  const first: Page = {
    ask: () => ask(`/payouts/${encodeURIComponent(payout)}`, context),
    next: () => items(null),
  };
  return openPages(first, { fileName: `${payout}.json`, now: context.now, permission: PERMISSION });
}
