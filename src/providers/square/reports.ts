import { listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import { idAt } from '../json-report.ts';
import type { ApiContext, TimeRange } from '../provider.ts';
import type { OpenedReport, ProviderReports, ReportPage } from '../provider-reports.ts';
import { further, openPages, type Page } from '../report-pages.ts';
import { ask } from './ask.ts';

/*
 * developer.squareup.com/reference/square/payouts-api: payouts are listed by location, by when they were made, and each has its
 * entries.
 */
const PAGE = 100;
/** "The Payouts API doesn't include data that's older than January 2021"; a list reaches back one year unless told. */
const DAYS = 365;
const LOCATIONS_MAX = 300;
const PERMISSION = 'PAYOUTS_READ and MERCHANT_PROFILE_READ';

export const reports: ProviderReports = {
  what: 'payouts with their entries',
  days: DAYS,
  page,
  open,
  announced: {
    types: /^payout\.(?:sent|paid)$/,
    report: (body) => idAt(parseExactJson(body), 'data', 'object', 'payout', 'id') ?? null,
  },
};

/** `L1,L2/cursor`: the locations that are left, and the page of the first of them. */
async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ReportPage> {
  if (cursor === null) return locations(context);
  const slash = cursor.indexOf('/');
  const left = cursor
    .slice(0, slash)
    .split(',')
    .filter((one) => one !== '');
  const [location, ...others] = left;
  if (location === undefined) return { kind: 'page', reports: [], next: null };
  const at = cursor.slice(slash + 1);
  const query = new URLSearchParams({
    location_id: location,
    begin_time: new Date(range.from).toISOString(),
    end_time: new Date(range.to).toISOString(),
    sort_order: 'ASC',
    limit: String(PAGE),
    ...(at === '' ? {} : { cursor: at }),
  });
  const answer = await ask('GET', `/v2/payouts?${query}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, PERMISSION);
  const body = parseExactJson(answer.body);
  const payouts = listAt(body, 'payouts').filter((one) => textAt(one, 'status') !== 'FAILED');
  const next = further(textAt(body, 'cursor'), at === '' ? null : at);
  return {
    kind: 'page',
    reports: payouts.flatMap((one) => idAt(one, 'id') ?? []),
    next: next !== null ? `${left.join(',')}/${next}` : others.length > 0 ? `${others.join(',')}/` : null,
  };
}

async function locations(context: ApiContext): Promise<ReportPage> {
  const answer = await ask('GET', '/v2/locations', context);
  if (answer.status !== 200) return refusalOf(answer, context.now, PERMISSION);
  const ids = listAt(parseExactJson(answer.body), 'locations').flatMap((one) => idAt(one, 'id') ?? []);
  if (ids.length > LOCATIONS_MAX) return { kind: 'refused', detail: `there are over ${LOCATIONS_MAX} locations` };
  return { kind: 'page', reports: [], next: ids.length === 0 ? null : `${ids.join(',')}/` };
}

function open(payout: string, context: ApiContext): Promise<OpenedReport> {
  const path = `/v2/payouts/${encodeURIComponent(payout)}`;
  const entries = (cursor: string | null): Page => ({
    ask: () => ask('GET', `${path}/payout-entries?${new URLSearchParams(cursor === null ? {} : { cursor })}`, context),
    next(body) {
      const next = further(textAt(parseExactJson(body), 'cursor'), cursor);
      return next === null ? null : entries(next);
    },
  });
  const first: Page = {
    ask: () => ask('GET', path, context),
    // One of a single transfer has no entries of its own.
    next: (body) => (textAt(parseExactJson(body), 'payout', 'type') === 'SIMPLE' ? null : entries(null)),
  };
  return openPages(first, { fileName: `${payout}.json`, now: context.now, permission: PERMISSION });
}
