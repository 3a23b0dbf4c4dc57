import { type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { ask } from './ask.ts';
import { KINDS, type ListedKind, listedBody, movedMoney } from './listed-object.ts';

/*
 * paystack.com/docs/api/transaction/#list, dispute/#list, transfer/#list: by when they were made, page by page. Refunds have
 * a list too, but what it calls one (`id`) is not what their webhooks call it (`refund_reference`): they would post twice.
 */
const PAGE = 100;
const DAYS = 90;
/** Found by when they were made only; a bank transfer is paid later, and a transfer is reversed. */
const DELAY_S = 86_400;
/** A dispute is found by when it was opened, and ends long after. */
const DISPUTED_WITHIN_MS = 120 * 86_400_000;
/** `dispute/3`: which list, which page. */
const CURSOR = /^(transaction|dispute|transfer)\/(\d{1,6})$/;

export const list: ProviderList = {
  what: 'charges, transfers (made in 90 days), disputes (resolved) as they are; no refunds',
  days: DAYS,
  delayS: DELAY_S,
  page,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const [, named, number = '1'] = CURSOR.exec(cursor ?? 'transaction/1') ?? [];
  const kind = KINDS.find((one) => one === named);
  if (kind === undefined) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const from = kind === 'dispute' ? Math.max(range.from - DISPUTED_WITHIN_MS, 0) : range.from;
  const path = `/${kind}`;
  const query = `perPage=${PAGE}&page=${number}&from=${timeText(from)}&to=${timeText(range.to)}`;
  const answer = await ask(`${path}?${query}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, `access to ${kind}s, which the business must have`);
  const elements = listAt(parseExactJson(answer.body), 'data');
  const slices = listSlices(answer.body, 'data');
  const events = slices.flatMap((bytes, n): ListedEvent[] => {
    const at = timeOf(kind, elements[n]);
    if (!movedMoney(kind, elements[n]) || (at !== null && (at < range.from || at >= range.to))) return [];
    return [{ body: listedBody(kind, bytes), at, object: true }];
  });
  const following = KINDS[KINDS.indexOf(kind) + 1];
  // A page that is not full may be cut short: only an empty one is the end.
  const next = slices.length > 0 ? `${kind}/${Number(number) + 1}` : following === undefined ? null : `${following}/1`;
  return { kind: 'page', path, events, next };
}

/** What the range is about: when it was made, and of a dispute when it ended. */
function timeOf(kind: ListedKind, object: Json | undefined): number | null {
  const names = kind === 'dispute' ? ['resolvedAt', 'resolved_at'] : ['created_at', 'createdAt'];
  return names.map((name) => isoTime(textAt(object, name))).find((time) => time !== undefined) ?? null;
}

function timeText(ms: number): string {
  return encodeURIComponent(new Date(ms).toISOString());
}
