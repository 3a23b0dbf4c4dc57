import { PosternError } from '../../errors.ts';
import { at, isObject, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices, memberSlice } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { ask, PAYMENTS } from './call.ts';
import { listedBody } from './listed-payment.ts';

/*
 * developer.worldpay.com/products/payment-queries/query-by-date-range: card payments by when they were authorised, the newest
 * first, and of these only those of which something happened. A payment does not tell there what that was: it is fetched.
 */
const PAGE = 100;
/** Worldpay tells a year. */
const DAYS = 90;
/** Payments are settled and refunded after they were authorised, but are found by when they were authorised only. */
const DELAY_S = 7 * 86_400;
/** What moved money, one question for each: so a payment is seen once for each, and not fetched every hour. */
const STAGES = [
  'saleSucceeded',
  'settlementRequestSubmitted',
  'refundRequestSubmitted',
  'cancellationRequestSubmitted',
] as const;
/** `saleSucceeded/1767225600000/pay1`: which of them, and where Worldpay said that the next page begins. */
const CURSOR = /^([A-Za-z]{1,40})(?:\/(\d{1,15})\/([A-Za-z0-9_-]{1,100}))?$/;
const PAYMENT_ID = /^[A-Za-z0-9_-]{1,100}$/;

export const list: ProviderList = {
  what: 'card payments sold, settled, refunded or cancelled (authorised in 90 days)',
  days: DAYS,
  delayS: DELAY_S,
  page,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const [, named, until, payment] = CURSOR.exec(cursor ?? STAGES[0]) ?? [];
  const stage = STAGES.find((one) => one === named);
  if (stage === undefined) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const query = new URLSearchParams({
    startDate: new Date(range.from).toISOString(),
    endDate: new Date(until === undefined ? range.to : Number(until)).toISOString(),
    pageSize: String(PAGE),
    receivedEvents: stage,
    ...(payment === undefined ? {} : { paymentId: payment }),
  });
  const answer = await ask(`${PAYMENTS}?${query}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, 'access to the Payment Queries API');
  const body = parseExactJson(answer.body);
  if (!isObject(at(body, '_links'))) throw new PosternError('unreadable_event', 'the answer has no "_links"');
  const next = nextOf(body);
  const embedded = memberSlice(answer.body, '_embedded');
  // Without one there is nothing to tell, or no answer of Worldpay's: then it would not say that more follows.
  if (embedded === undefined && next !== null) throw new PosternError('unreadable_event', 'the answer has no payments');
  const elements = listAt(body, '_embedded', 'payments');
  const slices = embedded === undefined ? [] : listSlices(embedded, 'payments');
  const live = context.settings.mode !== 'test';
  const events = slices.map((bytes, n): ListedEvent => {
    const time = isoTime(textAt(elements[n], 'timestamp')) ?? null;
    return { body: listedBody(bytes, stage), at: time, live, object: true };
  });
  const following = STAGES[STAGES.indexOf(stage) + 1] ?? null;
  return { kind: 'page', path: PAYMENTS, events, next: next === null ? following : `${stage}/${next}` };
}

/** Of the link to the next page only where it begins is taken: where we ask is not for an answer to say. */
function nextOf(body: Json): string | null {
  const href = textAt(body, '_links', 'next', 'href');
  if (href === undefined) return null;
  const base = 'https://link.invalid';
  const told = URL.canParse(href, base) ? new URL(href, base).searchParams : null;
  const [until, payment] = [isoTime(told?.get('endDate') ?? undefined), told?.get('paymentId') ?? ''];
  // To end here would leave out what is older without a word.
  if (until === undefined || !PAYMENT_ID.test(payment))
    throw new PosternError('unreadable_event', 'the link to the next page does not say where it begins');
  return `${until}/${payment}`;
}
