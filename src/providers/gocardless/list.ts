import { listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, EndpointSettings, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { ask, hostOf, LIVE } from './ask.ts';

/*
 * developer.gocardless.com/api-reference/#events-list-events: newest first, a page further on by the id it is to begin after.
 * Events of over 18 months are archived. They are made beside what they tell, "so it can take some time" until one is listed;
 * how long is not said.
 */
const PATH = '/events';
const PAGE = 500;
const DAYS = 540;
const DELAY_S = 3_600;
const CURSOR = /^[A-Za-z0-9_-]{1,255}$/;
const ORGANISATION = /^OR[A-Za-z0-9]{1,60}$/;

export const list: ProviderList = { what: 'events (18 months)', days: DAYS, delayS: DELAY_S, page };

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  if (cursor !== null && !CURSOR.test(cursor)) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const query = [
    `created_at%5Bgte%5D=${timeText(range.from)}`,
    `created_at%5Blt%5D=${timeText(range.to)}`,
    `limit=${PAGE}`,
    ...(cursor === null ? [] : [`after=${cursor}`]),
  ];
  const answer = await ask(`${PATH}?${query.join('&')}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, 'read access: an access token may be read-only');
  const body = parseExactJson(answer.body);
  const elements = listAt(body, 'events');
  const slices = listSlices(answer.body, 'events');
  const next = textAt(body, 'meta', 'cursors', 'after') ?? null;
  if (next !== null && !CURSOR.test(next)) {
    return { kind: 'refused', detail: 'GoCardless named a cursor that is no id of an event' };
  }
  const told = { live: hostOf(context.settings) === LIVE, ...organisationOf(context.settings) };
  return {
    kind: 'page',
    path: PATH,
    events: slices.map((bytes, n) => ({
      body: batchOf(bytes),
      at: isoTime(textAt(elements[n], 'created_at')) ?? null,
      ...told,
    })),
    next,
  };
}

/** A webhook's body is a batch, so one event comes as a batch of one, its own bytes unchanged. */
function batchOf(event: Buffer): Buffer {
  return Buffer.concat([Buffer.from('{"events":['), event, Buffer.from(']}')]);
}

/** Only a partner's webhooks say whose they are. A token is of one organisation: the only one that the endpoint carries. */
function organisationOf({ accounts }: EndpointSettings): { account?: string } {
  const [only, other] = accounts ?? [];
  return only !== undefined && other === undefined && ORGANISATION.test(only) ? { account: only } : {};
}

function timeText(ms: number): string {
  return encodeURIComponent(new Date(ms).toISOString());
}
