import { PosternError } from '../../errors.ts';
import { at, listAt, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { ask, EVENT_ID, lastId, type NotFound } from './call.ts';

/*
 * plaid.com/docs/api/products/transfer/reading-transfers/#transfereventsync: "up to the next 500 transfer events that happened
 * after a specific event_id", oldest first. It knows no time, and /transfer/event/list takes that of the transfer and not of
 * the event (a return comes weeks later), so where a range begins is looked for by the ids, which only grow.
 */
const PAGE = 500;
/** Event rows are kept for 35 days: what was forgotten would be taken in again. */
const DAYS = 30;
/** Nothing says that times grow as strictly as ids. */
const MARGIN_MS = 3_600_000;

export const list: ProviderList = { what: 'transfer events (30 days)', days: DAYS, delayS: 0, page };

type Start = { readonly kind: 'start'; readonly after: bigint } | NotFound;

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  if (cursor !== null && !EVENT_ID.test(cursor)) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const start: Start = cursor === null ? await startOf(range, context) : { kind: 'start', after: BigInt(cursor) };
  if (start.kind !== 'start') return refusal(start);
  const path = '/transfer/event/sync';
  const answer = await sync(start.after, PAGE, context);
  if (answer.kind !== 'json') return refusal(answer);
  const elements = listAt(answer.json, 'transfer_events');
  const slices = listSlices(answer.bytes, 'transfer_events');
  const times = elements.map((one) => isoTime(textAt(one, 'timestamp')) ?? null);
  const live = context.settings.mode !== 'test';
  const events = slices.flatMap((body, n): ListedEvent[] => {
    const time = times[n] ?? null;
    return time !== null && (time < range.from || time >= range.to) ? [] : [{ body, at: time, live }];
  });
  const last = lastId(elements);
  const isOver = (times[0] ?? 0) >= range.to + MARGIN_MS;
  // Older versions do not say whether there is more.
  const more = at(answer.json, 'has_more') ?? slices.length >= PAGE;
  if (more !== true || isOver) return { kind: 'page', path, events, next: null };
  // To end here would leave out what is newer without a word.
  if (last <= start.after) throw new PosternError('unreadable_event', 'Plaid has more events, but told no later one');
  return { kind: 'page', path, events, next: String(last) };
}

/** Back from the newest event, twice as far each time, until one is older than the range; then halving what is between. */
async function startOf(range: TimeRange, context: ApiContext): Promise<Start> {
  const newest = await ask('/transfer/event/list', { count: 1 }, context);
  if (newest.kind !== 'json') return newest;
  const top = lastId(listAt(newest.json, 'transfer_events'));
  // What comes after `before` may be older than the range, what comes after `within` is not. Ids have 63 bits at most.
  let [before, within] = [0n, top];
  for (let reach = BigInt(PAGE); before === 0n && reach < top; reach *= 2n) {
    const older = await isOlder(top - reach, range, context);
    if (older.kind !== 'older') return older;
    if (older.than) before = top - reach;
    else within = top - reach;
  }
  while (within - before > BigInt(PAGE)) {
    const middle = (before + within) / 2n;
    const older = await isOlder(middle, range, context);
    if (older.kind !== 'older') return older;
    if (older.than) before = middle;
    else within = middle;
  }
  return { kind: 'start', after: before };
}

/** Whether the first event after an id is older than the range. */
async function isOlder(
  after: bigint,
  range: TimeRange,
  context: ApiContext,
): Promise<{ readonly kind: 'older'; readonly than: boolean } | NotFound> {
  const found = await sync(after, 1, context);
  if (found.kind !== 'json') return found;
  const time = isoTime(textAt(listAt(found.json, 'transfer_events')[0], 'timestamp'));
  return { kind: 'older', than: time !== undefined && time < range.from - MARGIN_MS };
}

function sync(after: bigint, count: number, context: ApiContext): ReturnType<typeof ask> {
  // The cursor may be beyond 2^53: it is put into the JSON as it is.
  return ask('/transfer/event/sync', `{"after_id":${after},"count":${count}}`, context);
}

function refusal(answer: NotFound): Exclude<ListedPage, { kind: 'page' }> {
  return answer.kind === 'missing' ? { kind: 'refused', detail: answer.detail } : answer;
}
