import { PosternError } from '../../errors.ts';
import { type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderApi, TimeRange } from '../provider.ts';
import { movesMoney } from './listed-object.ts';

/*
 * docs.lemonsqueezy.com/api/orders/list-all-orders, subscription-invoices/list-all-subscription-invoices: newest first by when
 * they were made, and found by nothing else, so a range ends where an older one comes. What is made meanwhile moves the pages
 * on: some objects are seen twice, none is left out. 300 calls a minute.
 */
const HOST = 'api.lemonsqueezy.com';
const PAGE = 100;
const DAYS = 90;
/** Orders and invoices are paid and refunded after they were made, but are found by when they were made only. */
const DELAY_S = 7 * 86_400;
const STAGES = ['orders', 'subscription-invoices'] as const;
/** `orders/2`: which list, and its page. */
const CURSOR = /^(orders|subscription-invoices)\/([1-9]\d{0,5})$/;

export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  // An event carries its object whole: nothing is ever asked for.
  fetchObject: async ({ kind }) => ({ kind: 'refused', detail: `nothing is known to ask a ${kind} of` }),
  list: { what: 'orders, subscription invoices as they are (made in 90 days)', days: DAYS, delayS: DELAY_S, page },
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const [, named, number] = CURSOR.exec(cursor ?? 'orders/1') ?? [];
  const stage = STAGES.find((one) => one === named);
  if (stage === undefined) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const { settings, now, call } = context;
  const path = `/v1/${stage}`;
  const answer = await call({
    method: 'GET',
    host: HOST,
    path: `${path}?page%5Bnumber%5D=${number}&page%5Bsize%5D=${PAGE}`,
    headers: { authorization: `Bearer ${String(settings.api_key)}`, accept: 'application/vnd.api+json' },
  });
  // A key may do all that the account may: none can lack a permission of its own.
  if (answer.status !== 200) return refusalOf(answer, now, `access to ${stage} of the store`);
  const body = parseExactJson(answer.body);
  const elements = listAt(body, 'data');
  const times = elements.map((one) => isoTime(textAt(one, 'attributes', 'created_at')) ?? null);
  const events = listSlices(answer.body, 'data').flatMap((bytes, n): ListedEvent[] => {
    const [element, at] = [elements[n], times[n] ?? null];
    if (element === undefined || !movesMoney(element) || !isOurs(element, context)) return [];
    if (at !== null && (at < range.from || at >= range.to)) return [];
    return [{ body: eventOf(bytes), at, object: true }];
  });
  const oldest = times.at(-1) ?? null;
  const over = !hasMore(body) || (oldest !== null && oldest < range.from);
  const following = STAGES[STAGES.indexOf(stage) + 1];
  const next = over ? (following === undefined ? null : `${following}/1`) : `${stage}/${Number(number) + 1}`;
  return { kind: 'page', path, events, next };
}

/** An event has its object under `data`: its own bytes, unchanged. */
function eventOf(object: Buffer): Buffer {
  return Buffer.concat([Buffer.from('{"data":'), object, Buffer.from('}')]);
}

/** One key sees every store of the account. */
function isOurs(object: Json, { settings: { accounts } }: ApiContext): boolean {
  return accounts === undefined || accounts.includes(textAt(object, 'attributes', 'store_id') ?? '');
}

/** @throws PosternError `unreadable_event`: taken for the last page it would say that nothing more is missing. */
function hasMore(body: Json): boolean {
  const [current, last] = ['currentPage', 'lastPage'].map((name) => textAt(body, 'meta', 'page', name) ?? '');
  if (current === undefined || last === undefined || !/^\d{1,6}$/.test(current) || !/^\d{1,6}$/.test(last))
    throw new PosternError('unreadable_event', 'Lemon Squeezy does not say which page of how many this is');
  return Number(current) < Number(last);
}
