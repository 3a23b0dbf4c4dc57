import { PosternError } from '../../errors.ts';
import { type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, EndpointSettings, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { listedBody } from './listed-transfer.ts';
import { isUnderWay } from './platform.ts';

/*
 * docs.adyen.com/api-explorer/transfers/latest/get/transfers: bank transfers of a balance account, by when they were made.
 * That is the Balance Platform. Of classic payments Adyen lists neither events nor payments: what is missing of them, the
 * settlement details report shows, and the Customer Area sends it again.
 */
export const LIVE = 'balanceplatform-api-live.adyen.com';
export const TEST = 'balanceplatform-api-test.adyen.com';
const PATH = '/btl/v4/transfers';
const PAGE = 100;
/** "Not earlier than 6 months before" the end. */
const DAYS = 90;
/** Found by when they were made only; a bank takes days to pay one, or to send it back. */
const DELAY_S = 5 * 86_400;
/** `0/eyJ…`: of which of the endpoint's balance accounts, after which cursor of Adyen's. */
const CURSOR = /^(\d{1,3})\/([A-Za-z0-9+/=_.~:-]{0,2000})$/;

export const list: ProviderList = {
  what: 'Balance Platform: bank transfers of `balance_accounts` as they are (made in 90 days). Classic payments: nothing, Adyen has no list of them',
  days: DAYS,
  delayS: DELAY_S,
  unlisted: (settings) => (accountsOf(settings).length === 0 ? NONE_LISTED : null),
  // To an endpoint that gets classic payments alone everything listed would look as if it were missing.
  covers: (type) => type.startsWith('balancePlatform.'),
  page,
};

const NONE_LISTED =
  'set balance_accounts: only transfers of the Balance Platform are listed, and classic payments have no list';

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const [, index, after] = CURSOR.exec(cursor ?? '0/') ?? [];
  if (index === undefined) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const { settings, now, call } = context;
  const accounts = accountsOf(settings);
  const account = accounts[Number(index)];
  if (account === undefined)
    return {
      kind: 'refused',
      detail: NONE_LISTED,
    };
  const query = new URLSearchParams({
    balanceAccountId: account,
    category: 'bank',
    createdSince: new Date(range.from).toISOString(),
    createdUntil: new Date(range.to).toISOString(),
    limit: String(PAGE),
  });
  if (after !== undefined && after !== '') query.set('cursor', after);
  const live = settings.mode !== 'test';
  const headers = { 'x-api-key': String(settings.api_key), accept: 'application/json' };
  // A key of the one environment means nothing in the other: a wrong guess is refused.
  const answer = await call({ method: 'GET', host: live ? LIVE : TEST, path: `${PATH}?${query}`, headers });
  if (answer.status !== 200) return refusalOf(answer, now, 'the role "TransferService Webservice Retrieve"');
  const body = parseExactJson(answer.body);
  const elements = listAt(body, 'data');
  const events = listSlices(answer.body, 'data').flatMap((bytes, n): ListedEvent[] => {
    const element = elements[n];
    const at = isoTime(textAt(element, 'creationDate') ?? textAt(element, 'createdAt')) ?? null;
    if (isUnderWay(element) || (at !== null && (at < range.from || at >= range.to))) return [];
    return [{ body: listedBody(bytes, live), at, object: true, account }];
  });
  const further = nextOf(body);
  const following = Number(index) + 1;
  const next = further !== null ? `${index}/${further}` : following < accounts.length ? `${following}/` : null;
  return { kind: 'page', path: PATH, events, next };
}

function accountsOf({ balance_accounts: own }: EndpointSettings): readonly string[] {
  return Array.isArray(own) ? (own as string[]) : [];
}

/** Of the link to the next page only the cursor is taken: where we ask is not for an answer to say. */
function nextOf(body: Json): string | null {
  const href = textAt(body, '_links', 'next', 'href');
  if (href === undefined) return null;
  const cursor = URL.canParse(href) ? new URL(href).searchParams.get('cursor') : null;
  if (cursor === null || cursor === '' || !CURSOR.test(`0/${cursor}`))
    throw new PosternError('unreadable_event', 'the link to the next page names no cursor');
  return cursor;
}
