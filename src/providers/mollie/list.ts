import { PosternError } from '../../errors.ts';
import { type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices, memberSlice } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { ask, isTestToken } from './call.ts';
import { isUnderWay } from './listed-object.ts';

/*
 * docs.mollie.com/reference/list-payments, list-all-refunds, list-all-chargebacks. Classic webhooks have no events to list, so
 * the objects themselves are: newest first by when they were made, and by nothing else, so a range ends where an older one
 * comes. Refunds and chargebacks have lists of their own, because the payment they are of may be older than any range.
 */
const PAGE = 250;
const DAYS = 90;
/** Objects change after they were made (a transfer is paid a day later), but are found by when they were made only. */
const DELAY_S = 86_400;
const STAGES = ['payments', 'refunds', 'chargebacks'] as const;
/** `refunds/re_1`: which list, and the first element of the page. */
const CURSOR = /^(payments|refunds|chargebacks)\/([A-Za-z0-9_]{0,80})$/;
const FROM = /^[A-Za-z0-9_]{1,80}$/;

export const list: ProviderList = {
  what: 'payments, refunds, chargebacks as they are (made in 90 days)',
  days: DAYS,
  delayS: DELAY_S,
  page,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const [, named, from = ''] = CURSOR.exec(cursor ?? 'payments/') ?? [];
  const stage = STAGES.find((one) => one === named);
  if (stage === undefined) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const path = `/v2/${stage}`;
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (from !== '') query.set('from', from);
  if (isTestToken(context.settings)) query.set('testmode', 'true');
  const answer = await ask(`${path}?${query}`, context);
  if (answer.status !== 200) {
    return refusalOf(answer, context.now, `leave to list ${stage}: payments.read and refunds.read of an access token`);
  }
  const body = parseExactJson(answer.body);
  const embedded = memberSlice(answer.body, '_embedded');
  // Without one the answer is no list of Mollie's: taken for an empty one it would say that nothing is missing.
  if (embedded === undefined) throw new PosternError('unreadable_event', 'the answer has no "_embedded"');
  const elements = listAt(body, '_embedded', stage);
  const slices = listSlices(embedded, stage);
  const times = elements.map((one) => isoTime(textAt(one, 'createdAt')) ?? null);
  const events = slices.flatMap((bytes, n): ListedEvent[] => {
    const [element, made] = [elements[n], times[n] ?? null];
    if (element === undefined || isUnderWay(element) || outside(made, range)) return [];
    return [{ body: bytes, at: made, object: true, ...modeOf(context) }];
  });
  const oldest = times.at(-1) ?? null;
  const further = oldest !== null && oldest < range.from ? null : nextElement(body);
  const following = STAGES[STAGES.indexOf(stage) + 1];
  const next = further !== null ? `${stage}/${further}` : following === undefined ? null : `${following}/`;
  return { kind: 'page', path, events, next };
}

function outside(made: number | null, { from, to }: TimeRange): boolean {
  return made !== null && (made < from || made >= to);
}

/** Of the link to the next page only the element is taken: where we ask is not for an answer to say. */
export function nextElement(body: Json): string | null {
  const href = textAt(body, '_links', 'next', 'href');
  if (href === undefined) return null;
  const from = URL.canParse(href) ? new URL(href).searchParams.get('from') : null;
  if (from === null || !FROM.test(from)) {
    // To end here would leave out what is older without a word.
    throw new PosternError('unreadable_event', 'the link to the next page names no element');
  }
  return from;
}

/** A chargeback does not say which mode it is of; the key does, and of an access token the settings. */
function modeOf({ settings }: ApiContext): { live: boolean } {
  const key = String(settings.api_key);
  return { live: key.startsWith('access_') ? settings.mode !== 'test' : key.startsWith('live_') };
}
