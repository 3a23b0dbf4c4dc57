import { listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices, memberSlice } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, Fetched, ListedPage, ObjectReference, ProviderApi, TimeRange } from '../provider.ts';
import { ask, LIVE, SANDBOX } from './ask.ts';
import { reports } from './reports.ts';

/*
 * developer.squareup.com/docs/events-api/overview: events of 28 days, for the personal access token only. The Events API is
 * off until it is enabled, and what happened while it was off is never found: it is to be enabled on the first day.
 */
const PATH = '/v2/events';
const PAGE = 100;
const DAYS = 28;
const CURSOR_CHARS_MAX = 1_024;

export const api: ProviderApi = {
  hosts: [LIVE, SANDBOX],
  keySetting: 'api_key',
  fetchObject,
  list: { what: 'events (28 days, once the Events API is enabled)', days: DAYS, delayS: 0, page },
  reports,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const time = { start_at: new Date(range.from).toISOString(), end_at: new Date(range.to).toISOString() };
  // A page further on takes the question again, word for word.
  const query = { filter: { created_at: time } };
  const body = JSON.stringify({ ...(cursor === null ? {} : { cursor }), limit: PAGE, query });
  const answer = await ask('POST', PATH, context, body);
  if (answer.status !== 200) {
    return refusalOf(answer, context.now, 'the Events API: it takes the personal access token, and must be enabled');
  }
  const read = parseExactJson(answer.body);
  const elements = listAt(read, 'events');
  // Without an event the list itself is left out.
  const slices = memberSlice(answer.body, 'events') === undefined ? [] : listSlices(answer.body, 'events');
  const next = textAt(read, 'cursor');
  if (next !== undefined && next.length > CURSOR_CHARS_MAX)
    return { kind: 'refused', detail: 'Square named a cursor that is too long' };
  return {
    kind: 'page',
    path: PATH,
    events: slices.map((bytes, n) => ({
      body: bytes,
      at: isoTime(textAt(elements[n], 'created_at')) ?? null,
      live: context.settings.mode !== 'test',
    })),
    next: next ?? null,
  };
}

const COLLECTIONS: Readonly<Record<string, string>> = {
  payment: 'payments',
  refund: 'refunds',
  dispute: 'disputes',
  payout: 'payouts',
};

async function fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
  const collection = Object.hasOwn(COLLECTIONS, kind) ? COLLECTIONS[kind] : undefined;
  if (collection === undefined) return { kind: 'refused', detail: `nothing is known to ask a ${kind} of` };
  const answer = await ask('GET', `/v2/${collection}/${encodeURIComponent(id)}`, context);
  if (answer.status === 200) return { kind: 'found', body: answer.body };
  if (answer.status === 404) return { kind: 'missing', detail: `Square knows no ${kind} ${id}` };
  return refusalOf(answer, context.now, `read access to ${collection}`);
}
