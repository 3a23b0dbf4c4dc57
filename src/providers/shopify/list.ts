import { PosternError } from '../../errors.ts';
import { at, type Json, listAt, textAt } from '../../exact-json.ts';
import { listSlices, memberSlice } from '../../json-slices.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { graphql } from './graphql.ts';
import { isUnpaid } from './listed-object.ts';

/*
 * There is no list of what was sent, so orders are listed by when they last changed, a refund of an old one included; their
 * transactions are asked for once for each state. Disputes are found by when they began only, so those of half a year are
 * looked at each time: each state of one is taken in once. shopify.dev/docs/api/admin-graphql/latest/queries/orders
 */
const PAGE = 50;
/** "Only the last 60 days' worth of orders" without the scope read_all_orders. */
const DAYS = 60;
/** Searches run on an index that lags behind; how far is not told. */
const DELAY_S = 3_600;
const DISPUTED_WITHIN_MS = 180 * 86_400_000;
const MONEY = '{ presentmentMoney { amount currencyCode } }';
const INFO = 'pageInfo { hasNextPage endCursor }';
const STAGES = {
  orders: {
    query: `query($find: String!, $after: String) { orders(first: ${PAGE}, after: $after, query: $find, sortKey: UPDATED_AT) {
      nodes { id updatedAt test displayFinancialStatus totalReceivedSet ${MONEY} totalRefundedSet ${MONEY} totalCapturableSet ${MONEY} } ${INFO} } }`,
    find: ({ from, to }: TimeRange) => `updated_at:>='${timeText(from)}' AND updated_at:<='${timeText(to)}'`,
    scope: 'read_orders',
  },
  disputes: {
    query: `query($find: String!, $after: String) { disputes(first: ${PAGE}, after: $after, query: $find) {
      nodes { id legacyResourceId type status amount { amount currencyCode } initiatedAt finalizedOn order { id } } ${INFO} } }`,
    find: ({ from }: TimeRange) => `initiated_at:>='${timeText(Math.max(from - DISPUTED_WITHIN_MS, 0))}'`,
    scope: 'read_shopify_payments_disputes',
  },
} as const;
/** `orders/eyJsYXN0X2lk…`: which list, after which cursor of Shopify's. */
const CURSOR = /^(orders|disputes)\/([A-Za-z0-9+/=_-]{0,2000})$/;

export const list: ProviderList = {
  what: 'orders that changed (60 days), disputes of 180 days, as they are; no payouts',
  days: DAYS,
  delayS: DELAY_S,
  page,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const [, name, after] = CURSOR.exec(cursor ?? 'orders/') ?? [];
  if (name !== 'orders' && name !== 'disputes') return { kind: 'refused', detail: 'the cursor is none of ours' };
  const { query, find, scope } = STAGES[name];
  const variables = { find: find(range), after: after === '' ? null : after };
  const answer = await graphql(query, variables, context, scope);
  if (answer.kind !== 'answer') return answer;
  const found = at(answer.data, 'data', name);
  const bytes = memberSlice(memberSlice(answer.body, 'data') ?? Buffer.from('{}'), name);
  if (bytes === undefined) throw new PosternError('unreadable_event', `the answer has no "${name}"`);
  const elements = listAt(found, 'nodes');
  const events = listSlices(bytes, 'nodes').flatMap((body, n): ListedEvent[] => {
    const element = elements[n];
    const changed = name === 'orders' ? (isoTime(textAt(element, 'updatedAt')) ?? null) : null;
    if (changed !== null && (changed < range.from || changed >= range.to)) return [];
    if (name === 'orders' && isUnpaid(element)) return [];
    return [{ body, at: changed, object: true }];
  });
  const further = nextOf(found);
  const next = further !== null ? `${name}/${further}` : name === 'orders' ? 'disputes/' : null;
  return { kind: 'page', path: answer.path, events, next };
}

function nextOf(found: Json | undefined): string | null {
  const more = at(found, 'pageInfo', 'hasNextPage');
  if (more === false) return null;
  const cursor = textAt(found, 'pageInfo', 'endCursor') ?? '';
  // Taken for the last page it would say that nothing more is missing.
  if (more !== true || cursor === '' || !CURSOR.test(`orders/${cursor}`))
    throw new PosternError('unreadable_event', 'the answer does not say whether more follows, or after what');
  return cursor;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
