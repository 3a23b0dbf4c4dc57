import { at, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, EndpointSettings, ListedPage, ProviderApi, TimeRange } from '../provider.ts';

/*
 * developer.paddle.com/api-reference/events/list-events: events of 90 days, each as its webhook tells it, without the
 * notification_id of a delivery. A page further on is asked for by the id of the last entity of the one before
 * (api-reference/about/pagination); of the link that Paddle names as the next page nothing is taken.
 */
const LIVE = 'api.paddle.com';
const SANDBOX = 'sandbox-api.paddle.com';
const PATH = '/events';
const PAGE = 200;
/** Of the 90 only as many as event rows are kept at least: what was forgotten would be taken in again. */
const DAYS = 30;
/** It is not said whether `from` and `to` are about when it occurred or when the event was made of it, a moment later. */
const MADE_LATER_MS = 10 * 60_000;
const CURSOR = /^[A-Za-z0-9_]{1,255}$/;

export const api: ProviderApi = {
  hosts: [LIVE, SANDBOX],
  keySetting: 'api_key',
  // An event carries its entity whole: nothing is ever asked for.
  fetchObject: async ({ kind }) => ({ kind: 'refused', detail: `nothing is known to ask a ${kind} of` }),
  list: { what: 'events (30 days of 90)', days: DAYS, delayS: 0, page },
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  if (cursor !== null && !CURSOR.test(cursor)) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const { settings, now, call } = context;
  const query = [
    `from=${timeText(range.from)}`,
    `to=${timeText(range.to + MADE_LATER_MS)}`,
    'order_by=id%5BASC%5D',
    `per_page=${PAGE}`,
    ...(cursor === null ? [] : [`after=${cursor}`]),
  ];
  const host = hostOf(settings);
  const headers = { authorization: `Bearer ${String(settings.api_key)}`, 'paddle-version': '1' };
  const answer = await call({ method: 'GET', host, path: `${PATH}?${query.join('&')}`, headers });
  if (answer.status !== 200) return refusalOf(answer, now, 'the permission to read notifications (notification.read)');
  const body = parseExactJson(answer.body);
  const elements = listAt(body, 'data');
  const slices = listSlices(answer.body, 'data');
  const more = at(body, 'meta', 'pagination', 'has_more');
  const last = textAt(elements.at(-1), 'event_id');
  // Taken for the last page it would say that nothing more is missing.
  if (more !== false && (more !== true || last === undefined || !CURSOR.test(last)))
    return { kind: 'refused', detail: 'Paddle does not say whether more events follow, or after which' };
  return {
    kind: 'page',
    path: PATH,
    events: slices.map((bytes, n) => ({
      body: bytes,
      at: isoTime(textAt(elements[n], 'occurred_at')) ?? null,
      live: host === LIVE,
    })),
    next: more && last !== undefined ? last : null,
  };
}

function timeText(ms: number): string {
  return encodeURIComponent(new Date(ms).toISOString());
}

/** Keys made since 2025 tell their environment; older ones are 50 letters and digits. */
function hostOf({ api_key: key, mode }: EndpointSettings): string {
  const told = /^pdl_(live|sdbx)_/.exec(String(key))?.[1];
  return told === 'sdbx' || (told === undefined && mode === 'test') ? SANDBOX : LIVE;
}
