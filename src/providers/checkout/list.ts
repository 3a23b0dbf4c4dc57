import { listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { ask, hostOf, LIVE } from './ask.ts';
import { isUnderWay } from './listed-object.ts';

/*
 * Accounts of the present platform have no list of events (the Events API is the previous one's). Payments are searched by
 * when they were requested, and disputes by when they last changed; what moved money in a payment its actions tell, which are
 * asked for once for each state of it. checkout.com/docs/payments/manage-payments/search-and-filter-payments (a beta),
 * api-reference.checkout.com "Get disputes".
 */
const PAYMENTS = '/payments/search';
const DISPUTES = '/disputes';
/** "Up to 1000"; fewer, because each comes with everything that is known of it. */
const PAYMENTS_MAX = 500;
const DISPUTES_MAX = 250;
const DAYS = 90;
/** Payments change after they were requested (a capture, a day later), but are found by when they were requested only. */
const DELAY_S = 86_400;
/** A query must not be empty, and none is documented for everything: every payment has an amount. */
const ALL = 'amount:>=0';
const SPAN_MIN_MS = 1_000;
/** `payments/1767222000000/3600000`: which window of the range; `disputes/250`: how many of them were seen. */
const CURSOR = /^(?:payments\/(\d{1,15})\/(\d{1,15})|disputes\/(\d{1,7}))$/;

export const list: ProviderList = {
  what: 'payments as they are (made in 90 days), disputes that changed',
  days: DAYS,
  delayS: DELAY_S,
  page,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const first = `payments/${range.from}/${Math.max(range.to - range.from, 1)}`;
  const [, start, span, seen] = CURSOR.exec(cursor ?? first) ?? [];
  if (start !== undefined && span !== undefined) return payments(range, Number(start), Number(span), context);
  if (seen !== undefined) return disputes(range, Number(seen), context);
  return { kind: 'refused', detail: 'the cursor is none of ours' };
}

/**
 * A window of the range. Of the pages of a search nothing is documented that could be relied on, so a window that fills one
 * is halved until it does not: what is short is whole.
 */
async function payments(range: TimeRange, from: number, span: number, context: ApiContext): Promise<ListedPage> {
  const to = Math.min(from + span, range.to);
  const question = { query: ALL, limit: PAYMENTS_MAX, from: timeText(from), to: timeText(to) };
  const answer = await ask(PAYMENTS, context, question);
  if (answer.status !== 200) return refusalOf(answer, context.now, 'the scope payments:search');
  const elements = listAt(parseExactJson(answer.body), 'data');
  const slices = listSlices(answer.body, 'data');
  if (slices.length >= PAYMENTS_MAX) {
    const half = Math.ceil(span / 2);
    if (half < SPAN_MIN_MS)
      return { kind: 'refused', detail: `over ${PAYMENTS_MAX} payments within a second cannot be listed whole` };
    return { kind: 'page', path: PAYMENTS, events: [], next: `payments/${from}/${half}` };
  }
  const live = hostOf(context.settings) === LIVE;
  const events = slices.flatMap((body, n): ListedEvent[] => {
    const at = isoTime(textAt(elements[n], 'requested_on')) ?? null;
    if (outside(at, range) || isUnderWay(elements[n])) return [];
    return [{ body, at, object: true, live }];
  });
  // Twice as long from here on, so that one busy minute does not leave all that follows in short windows.
  const next = to < range.to ? `payments/${to}/${Math.min(span * 2, range.to - to)}` : 'disputes/0';
  return { kind: 'page', path: PAYMENTS, events, next };
}

async function disputes(range: TimeRange, seen: number, context: ApiContext): Promise<ListedPage> {
  const query = `limit=${DISPUTES_MAX}&skip=${seen}&from=${timeText(range.from)}&to=${timeText(range.to)}`;
  const answer = await ask(`${DISPUTES}?${query}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, 'the scope disputes:view');
  const elements = listAt(parseExactJson(answer.body), 'data');
  const slices = listSlices(answer.body, 'data');
  const live = hostOf(context.settings) === LIVE;
  const events = slices.flatMap((body, n): ListedEvent[] => {
    const at = isoTime(textAt(elements[n], 'last_update')) ?? null;
    return outside(at, range) ? [] : [{ body, at, object: true, live }];
  });
  // A page that is not full may be cut short: only an empty one is the end.
  const next = slices.length === 0 ? null : `disputes/${seen + slices.length}`;
  return { kind: 'page', path: DISPUTES, events, next };
}

function outside(at: number | null, { from, to }: TimeRange): boolean {
  return at !== null && (at < from || at >= to);
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
