import { PosternError } from '../../errors.ts';
import { listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices, memberSlice } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import { idAt } from '../json-report.ts';
import type { ApiContext, TimeRange } from '../provider.ts';
import type { OpenedReport, ReportPage } from '../provider-reports.ts';
import { createDays } from '../report-day.ts';
import { openPages, type Page } from '../report-pages.ts';
import { daysOver, reportDay } from '../report-period.ts';
import { ask, isTestToken } from './call.ts';
import { nextElement } from './list.ts';
import { ZONE } from './settlement-money.ts';

/*
 * docs.mollie.com/reference/list-balance-transactions: newest first, and by nothing else. A report is a day and the newest
 * transaction of it, `2026-01-02/baltr_1`: so that a day long ago is not looked for from the newest on.
 */
const PAGE = 250;
const LATE_MS = 3_600_000;
const PERMISSION = 'balances.read of an access token: API keys cannot read balances';
/** The day of the transaction before, and the first element of the page. */
const CURSOR = /^(\d{4}-\d{2}-\d{2})\/([A-Za-z0-9_]{1,80})$/;

type Told = { readonly id: string; readonly day: string; readonly bytes: Buffer };

export async function balanceDays(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ReportPage> {
  const days = daysOver(range, ZONE, { now: context.now, lateMs: LATE_MS });
  const [first] = days;
  if (first === undefined) return { kind: 'page', reports: [], next: null };
  const [, before = '', from = null] = cursor === null ? [] : (CURSOR.exec(cursor) ?? []);
  if (cursor !== null && from === null) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const answer = await ask(pathOf(from, context), context);
  if (answer.status !== 200) return refusalOf(answer, context.now, PERMISSION);
  const told = transactionsIn(answer.body);
  const newest = told.filter(({ day }, n) => day !== (told[n - 1]?.day ?? before));
  const reports = newest.flatMap(({ day, id }) => (days.includes(day) ? [`${day}/${id}`] : []));
  const last = told.at(-1);
  const further = last === undefined || last.day < first ? null : nextAfter(answer.body, from);
  return { kind: 'page', reports, next: last === undefined || further === null ? null : `${last.day}/${further}` };
}

export async function openBalanceDay(report: string, context: ApiContext): Promise<OpenedReport> {
  const [, day = '', from = ''] = CURSOR.exec(report) ?? [];
  if (reportDay(day, ZONE) === null)
    return { kind: 'missing', detail: `"${report.slice(0, 40)}" is no day of a balance` };
  const ofDay = (body: Buffer): Told[] => transactionsIn(body).filter((one) => one.day === day);
  const pageFrom = (id: string): Page => ({
    ask: () => ask(pathOf(id, context), context),
    next(body) {
      const last = transactionsIn(body).at(-1);
      const next = last === undefined || last.day < day ? null : nextAfter(body, id);
      return next === null ? null : pageFrom(next);
    },
    // The rest is of other days; and the link to the next page, which is not in the report.
    kept: (body) => listOf(ofDay(body)),
  });
  return openPages(pageFrom(from), {
    fileName: `balance-${day}.json`,
    now: context.now,
    permission: PERMISSION,
    nothing: (body) => (ofDay(body).length === 0 ? `nothing moved on ${day} from ${from} on` : null),
  });
}

function pathOf(from: string | null, { settings }: ApiContext): string {
  const query = new URLSearchParams({ limit: String(PAGE), ...(from === null ? {} : { from }) });
  if (isTestToken(settings)) query.set('testmode', 'true');
  return `/v2/balances/primary/transactions?${query}`;
}

const dayOf = createDays(ZONE);

/** @throws PosternError where the answer is no list of them */
function transactionsIn(body: Buffer): Told[] {
  const embedded = memberSlice(body, '_embedded');
  if (embedded === undefined) throw new PosternError('unreadable_event', 'the answer has no "_embedded"');
  const slices = listSlices(embedded, 'balance_transactions');
  return listAt(parseExactJson(body), '_embedded', 'balance_transactions').map((one, n) => {
    const [id, at, bytes] = [idAt(one, 'id'), isoTime(textAt(one, 'createdAt')), slices[n]];
    if (id === undefined || at === undefined || bytes === undefined)
      throw new PosternError('unreadable_event', 'a balance transaction has no id or time');
    return { id, day: dayOf(at), bytes };
  });
}

function nextAfter(body: Buffer, from: string | null): string | null {
  const next = nextElement(parseExactJson(body));
  if (next !== null && next === from) throw new PosternError('unreadable_event', 'a page names itself as its next');
  return next;
}

function listOf(told: readonly Told[]): Buffer {
  const list = told.flatMap(({ bytes }, n) => (n === 0 ? [bytes] : [COMMA, bytes]));
  return Buffer.concat([HEAD, ...list, TAIL]);
}

const [HEAD, COMMA, TAIL] = ['{"_embedded":{"balance_transactions":[', ',', ']}}'].map((text) => Buffer.from(text)) as [
  Buffer,
  Buffer,
  Buffer,
];
