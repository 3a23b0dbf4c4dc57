import { listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import type { ApiAnswer, ApiContext, TimeRange } from '../provider.ts';
import type { OpenedReport, ProviderReports, ReportPage } from '../provider-reports.ts';
import { openPages, type Page } from '../report-pages.ts';
import { get } from './ask.ts';
import { unixTime } from './entity.ts';

/*
 * razorpay.com/docs/api/settlements/fetch-recon: by the day of the settlement, which is India's. The settlements of that day come
 * first: their amounts prove the rows.
 */
const SETTLEMENTS_PAGE = 100;
const RECON_PAGE = 1_000;
const DAYS = 365;
const DAY_MS = 86_400_000;
/** India has no daylight saving time. */
const IST_MS = 5.5 * 3_600_000;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const PERMISSION = 'read access to settlements';

export const reports: ProviderReports = {
  what: "the recon of a day's settlements",
  days: DAYS,
  page,
  wholeAt: (day) => {
    const start = startOf(day);
    return start === null ? null : start + DAY_MS;
  },
  open,
  announced: {
    types: /^settlement\.processed$/,
    report(body) {
      const settled = textAt(parseExactJson(body), 'payload', 'settlement', 'entity', 'created_at');
      const time = unixTime(settled);
      return time === undefined ? null : dayOf(time);
    },
  },
};

const dayOf = (time: number): string => new Date(time + IST_MS).toISOString().slice(0, 10);

/** Unix ms; null where it is no day. */
const startOf = (day: string): number | null => {
  const start = DAY.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(start) ? null : start - IST_MS;
};

/** Days are counted, not asked for; today is not over. */
async function page({ from, to }: TimeRange, _cursor: string | null, { now }: ApiContext): Promise<ReportPage> {
  const days: string[] = [];
  const today = dayOf(now);
  for (let time = from; time < to + DAY_MS && days.length <= DAYS; time += DAY_MS) {
    const day = dayOf(Math.min(time, to - 1));
    if (day < today && days.at(-1) !== day) days.push(day);
  }
  return { kind: 'page', reports: days, next: null };
}

async function open(day: string, context: ApiContext): Promise<OpenedReport> {
  const startAt = startOf(day);
  if (startAt === null) return { kind: 'missing', detail: `"${day.slice(0, 20)}" is no day` };
  const [year, month, date] = day.split('-');
  const start = startAt / 1_000;
  const range = `from=${start}&to=${start + DAY_MS / 1_000 - 1}`;
  const settlements = (skip: number): Page => ({
    ask: () => get(`/v1/settlements?${range}&count=${SETTLEMENTS_PAGE}&skip=${skip}`, context),
    next(body) {
      const count = listAt(parseExactJson(body), 'items').length;
      // A page that is not full may be cut short: only an empty one is the end.
      return count === 0 ? recon(0) : settlements(skip + count);
    },
  });
  const recon = (skip: number): Page => ({
    ask: () =>
      get(
        `/v1/settlements/recon/combined?year=${year}&month=${Number(month)}&day=${Number(date)}&count=${RECON_PAGE}&skip=${skip}`,
        context,
      ),
    next(body) {
      const count = listAt(parseExactJson(body), 'items').length;
      return count === 0 ? null : recon(skip + count);
    },
  });
  const answer = await settlements(0).ask();
  if (answer.status !== 200) return refusalOf(answer, context.now, PERMISSION);
  if (listAt(parseExactJson(answer.body), 'items').length === 0)
    return { kind: 'missing', detail: `nothing was settled on ${day}` };
  const first: Page = { ...settlements(0), ask: async (): Promise<ApiAnswer> => answer };
  return openPages(first, { fileName: `recon-${day}.json`, now: context.now, permission: PERMISSION });
}
