import { PosternError } from '../../errors.ts';
import { at, isObject, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, ListedPage, ProviderApi, TimeRange } from '../provider.ts';

/*
 * docs.cdp.coinbase.com/api-reference/commerce-api/rest-api/events/list-events: events under the ids of their webhooks, newest
 * first, and found by no time, so a range ends where an older one comes. How long they are kept is not said.
 */
const HOST = 'api.commerce.coinbase.com';
const PATH = '/events';
const VERSION = '2018-03-22';
const PAGE = 100;
const DAYS = 90;
const CURSOR = /^[A-Za-z0-9-]{1,100}$/;

export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  // An event carries its charge whole: nothing is ever asked for.
  fetchObject: async ({ kind }) => ({ kind: 'refused', detail: `nothing is known to ask a ${kind} of` }),
  list: { what: 'events (90 days)', days: DAYS, delayS: 0, page },
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  if (cursor !== null && !CURSOR.test(cursor)) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const { settings, now, call } = context;
  const after = cursor === null ? '' : `&starting_after=${cursor}`;
  const answer = await call({
    method: 'GET',
    host: HOST,
    path: `${PATH}?limit=${PAGE}&order=desc${after}`,
    headers: { 'x-cc-api-key': String(settings.api_key), 'x-cc-version': VERSION, accept: 'application/json' },
  });
  // A key is the account's: none can lack a permission of its own.
  if (answer.status !== 200) return refusalOf(answer, now, 'access to the events of the account');
  const body = parseExactJson(answer.body);
  const elements = listAt(body, 'data');
  const slices = listSlices(answer.body, 'data');
  const pagination = at(body, 'pagination');
  if (!isObject(pagination)) throw new PosternError('unreadable_event', 'the answer has no "pagination"');
  const times = elements.map((one) => isoTime(textAt(one, 'created_at')) ?? null);
  const events = slices.flatMap((bytes, n) => {
    const time = times[n] ?? null;
    return time !== null && (time < range.from || time >= range.to) ? [] : [{ body: deliveryOf(bytes), at: time }];
  });
  // Oldest first, should it ever be told so, an old one says nothing of those after it.
  const oldest = textAt(pagination, 'order') === 'asc' ? null : (times.at(-1) ?? null);
  const over = textAt(pagination, 'next_uri') === undefined || (oldest !== null && oldest < range.from);
  if (over) return { kind: 'page', path: PATH, events, next: null };
  // Of the link that Coinbase names as the next page nothing is taken: where we ask is not for an answer to say.
  const last = textAt(elements.at(-1), 'id');
  if (last === undefined || !CURSOR.test(last))
    throw new PosternError('unreadable_event', 'more events follow, and the last one has no id to go on from');
  return { kind: 'page', path: PATH, events, next: last };
}

/** A webhook's body has the event in it, and its attempt around it. */
function deliveryOf(event: Buffer): Buffer {
  return Buffer.concat([Buffer.from('{"event":'), event, Buffer.from('}')]);
}
