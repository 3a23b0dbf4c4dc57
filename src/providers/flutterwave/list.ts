import { type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { timeOf } from './amount.ts';
import { ask } from './ask.ts';
import { KINDS, listedBody, movedMoney } from './listed-object.ts';
import { isSigned } from './webhook.ts';

/*
 * developer.flutterwave.com/v3.0/reference "Get multiple transactions", "Get all transfers": by the day they were made, page
 * by page. Refunds and chargebacks have lists too, but nothing of v3 says what they post.
 */
const DAYS = 90;
const DAY_MS = 86_400_000;
/** Found by when they were made only; a bank transfer is paid later. */
const DELAY_S = 86_400;
/** `transactions/3`: which list, which page. */
const CURSOR = /^(transactions|transfers)\/(\d{1,6})$/;

export const list: ProviderList = {
  what: 'v3: charges, transfers that succeeded (made in 90 days); no refunds. v4: nothing',
  days: DAYS,
  delayS: DELAY_S,
  page,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  if (isSigned(context.settings))
    return { kind: 'refused', detail: 'only v3 is listed: set backfill_every_s to 0, or remove api_key' };
  const [, named, number = '1'] = CURSOR.exec(cursor ?? 'transactions/1') ?? [];
  const kind = KINDS.find((one) => one === named);
  if (kind === undefined) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const path = `/v3/${kind}`;
  // Whether the last day is meant whole is not told; what is made after the range is left out.
  const query = `from=${dayText(range.from)}&to=${dayText(range.to + DAY_MS)}&page=${number}`;
  const answer = await ask(`${path}?${query}&status=successful`, context);
  if (answer.status !== 200)
    return refusalOf(
      answer,
      context.now,
      `leave to list ${kind}: the secret key, and this address among those it may be used from`,
    );
  const body = parseExactJson(answer.body);
  const elements = listAt(body, 'data');
  const slices = listSlices(answer.body, 'data');
  const events = slices.flatMap((bytes, n): ListedEvent[] => {
    const at = timeOf(textAt(elements[n], 'created_at')) ?? null;
    if (!movedMoney(elements[n]) || (at !== null && (at < range.from || at >= range.to))) return [];
    return [{ body: listedBody(kind, bytes), at, object: true, ...modeOf(context) }];
  });
  const following = KINDS[KINDS.indexOf(kind) + 1];
  const further = slices.length > 0 && !isLast(body, number);
  const next = further ? `${kind}/${Number(number) + 1}` : following === undefined ? null : `${following}/1`;
  return { kind: 'page', path, events, next };
}

/** By its own count of pages; where it tells none, an empty page is the end. */
function isLast(body: Json, number: string): boolean {
  const pages = textAt(body, 'meta', 'page_info', 'total_pages');
  return pages !== undefined && /^\d{1,7}$/.test(pages) && Number(number) >= Number(pages);
}

/** What is listed does not say which mode it is of; the key does. */
function modeOf({ settings }: ApiContext): { live: boolean } {
  return { live: !String(settings.api_key).startsWith('FLWSECK_TEST') };
}

function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
