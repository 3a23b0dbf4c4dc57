import { PosternError } from '../../errors.ts';
import { at, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { ask } from './call.ts';
import { objectOfTransaction } from './listed-transaction.ts';

/*
 * docs.xendit.co/apidocs/list-transactions: lines of the balance, found by when they last changed, a page further on by the id
 * it is to come after. Each names the payment, refund or payout it is of, which is then fetched as for its webhook.
 */
const PATH = '/transactions';
const TYPES = ['PAYMENT', 'REFUND', 'DISBURSEMENT'];
const PAGE = 50;
const DAYS = 90;
/** Nothing says how long after its payment a line is written. */
const DELAY_S = 3_600;
const CURSOR = /^[A-Za-z0-9_-]{1,100}$/;

export const list: ProviderList = {
  what: 'transactions of payments, refunds and payouts (changed in 90 days)',
  days: DAYS,
  delayS: DELAY_S,
  page,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  if (cursor !== null && !CURSOR.test(cursor)) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const query = [
    ...TYPES.map((type) => `types=${type}`),
    `updated%5Bgte%5D=${timeText(range.from)}`,
    `updated%5Blte%5D=${timeText(range.to)}`,
    `limit=${PAGE}`,
    ...(cursor === null ? [] : [`after_id=${cursor}`]),
  ];
  const answer = await ask(`${PATH}?${query.join('&')}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, 'the permission Transaction Read');
  const body = parseExactJson(answer.body);
  const elements = listAt(body, 'data');
  const slices = listSlices(answer.body, 'data');
  const more = at(body, 'has_more');
  const last = textAt(elements.at(-1), 'id');
  // Taken for the last page it would say that nothing more is missing.
  if (more !== false && (more !== true || last === undefined || !CURSOR.test(last)))
    throw new PosternError('unreadable_event', 'Xendit does not say whether more transactions follow, or after which');
  const live = String(context.settings.api_key).startsWith('xnd_production_');
  const events = slices.flatMap((bytes, n): ListedEvent[] => {
    const element = elements[n];
    if (element === undefined || textAt(element, 'status') === 'PENDING') return [];
    if (objectOfTransaction(element, context.settings) === null) return [];
    return [{ body: bytes, at: isoTime(textAt(element, 'updated')) ?? null, live, object: true }];
  });
  return { kind: 'page', path: PATH, events, next: more === true && last !== undefined ? last : null };
}

function timeText(ms: number): string {
  return encodeURIComponent(new Date(ms).toISOString());
}
