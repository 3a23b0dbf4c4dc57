import { listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, Fetched, ListedPage, ObjectReference, ProviderApi, TimeRange } from '../provider.ts';
import { ask, LIVE, SANDBOX } from './ask.ts';
import { reports } from './reports.ts';

/*
 * developer.paypal.com/docs/api/webhooks/v1/#webhooks-events_list: what PayPal has to tell, 30 days back, and a link to the
 * next page. Of that link only the query is taken: where we ask is not for an answer to say.
 */
const PATH = '/v1/notifications/webhooks-events';
const PAGE = 100;
const DAYS = 30;
/** An event is listed once PayPal has tried to send it. */
const DELAY_S = 3_600;
const QUERY = /^\?([A-Za-z0-9_]+=[A-Za-z0-9_.:%+,-]{0,200}(?:&[A-Za-z0-9_]+=[A-Za-z0-9_.:%+,-]{0,200}){0,20})$/;
const LINKS_MAX = 20;

export const api: ProviderApi = {
  hosts: [LIVE, SANDBOX],
  keySetting: 'client_secret',
  fetchObject,
  list: { what: 'events (30 days)', days: DAYS, delayS: DELAY_S, page },
  reports,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const first = `page_size=${PAGE}&start_time=${timeText(range.from)}&end_time=${timeText(range.to)}`;
  const answer = await ask(`${PATH}?${cursor ?? first}`, context);
  if ('kind' in answer) return answer;
  if (answer.status !== 200) return refusalOf(answer, context.now, 'the feature "Webhooks" of the REST app');
  const body = parseExactJson(answer.body);
  const elements = listAt(body, 'events');
  const slices = textAt(body, 'count') === '0' ? [] : listSlices(answer.body, 'events');
  return {
    kind: 'page',
    path: PATH,
    events: slices.map((bytes, n) => ({
      body: bytes,
      at: isoTime(textAt(elements[n], 'create_time')) ?? null,
      live: context.settings.mode !== 'test',
    })),
    next: slices.length === 0 ? null : nextQuery(body),
  };
}

function timeText(ms: number): string {
  return encodeURIComponent(new Date(ms).toISOString());
}

function nextQuery(body: ReturnType<typeof parseExactJson>): string | null {
  const href = listAt(body, 'links')
    .slice(0, LINKS_MAX)
    .map((link) => (textAt(link, 'rel') === 'next' ? textAt(link, 'href') : undefined))
    .find((one) => one !== undefined);
  if (href === undefined || !URL.canParse(href)) return null;
  return QUERY.exec(new URL(href).search)?.[1] ?? null;
}

const PATHS: Readonly<Record<string, string>> = {
  capture: '/v2/payments/captures/',
  authorization: '/v2/payments/authorizations/',
  refund: '/v2/payments/refunds/',
  order: '/v2/checkout/orders/',
  sale: '/v1/payments/sale/',
};

/** Whether an object of this kind can be asked for. */
export function isFetchable(kind: string): boolean {
  return Object.hasOwn(PATHS, kind);
}

async function fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
  const path = Object.hasOwn(PATHS, kind) ? PATHS[kind] : undefined;
  if (path === undefined) return { kind: 'refused', detail: `nothing is known to ask a ${kind} of` };
  const answer = await ask(`${path}${encodeURIComponent(id)}`, context);
  if ('kind' in answer) return answer;
  if (answer.status === 200) return { kind: 'found', body: answer.body };
  if (answer.status === 404) return { kind: 'missing', detail: `PayPal knows no ${kind} ${id}` };
  return refusalOf(answer, context.now, 'leave to read payments: the REST app must be of the account that was paid');
}
