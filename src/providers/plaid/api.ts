import { at, isObject, type Json, listAt, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { ask, EVENT_ID, idOf, lastId, type NotFound } from './call.ts';
import { keyIdOf, PLAID_HOSTS } from './hosts.ts';
import { list } from './list.ts';

/** The newest events, for a hint; any other id of `transfer_events` is the cursor after which they are wanted. */
export const RECENT = 'recent';
/** "up to the next 500 transfer events that happened after a specific event_id" */
const PAGE = 500;
const PAGES_MAX = 5;
/** A hint is retried for a day: what an outage held back must be in reach. */
const REACH_MS = 26 * 3_600_000;
/** Refunds and sweeps are asked for one by one, the newest first. */
const OBJECTS_MAX = 100;

export const api: ProviderApi = { hosts: PLAID_HOSTS, keySetting: 'api_key', fetchObject, fetchKey, list };

type Events = { readonly kind: 'events'; readonly events: readonly Json[]; readonly hasMore: boolean } | NotFound;
type Objects = { readonly kind: 'objects'; readonly objects: readonly Json[] } | NotFound;

/**
 * `transfer_events`: the events, with the refunds and sweeps they are about, because an event does not tell a refund's own
 * amount nor a sweep's total. As JSON: {transfer_events, refunds, sweeps, last_event_id, has_more}.
 */
async function fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
  if (kind === 'refund' || kind === 'sweep') return fetchMovement(kind, id, context);
  if (kind !== 'transfer_events' || (id !== RECENT && !EVENT_ID.test(id)))
    return { kind: 'missing', detail: `Plaid is not asked for a ${kind} ${id.slice(0, 40)}` };
  const found = id === RECENT ? await recent(context) : await after(BigInt(id), context);
  if (found.kind !== 'events') return found;
  const { events, hasMore } = found;
  const refunds = await objectsOf('refund', events, context);
  if (refunds.kind !== 'objects') return refunds;
  const sweeps = await objectsOf('sweep', events, context);
  if (sweeps.kind !== 'objects') return sweeps;
  const body = {
    transfer_events: events,
    refunds: refunds.objects,
    sweeps: sweeps.objects,
    last_event_id: String(lastId(events)),
    has_more: hasMore,
  };
  return { kind: 'found', body: Buffer.from(JSON.stringify(body)) };
}

/** What a listed event is about, in Plaid's own bytes: {refund} or {sweep}. */
async function fetchMovement(kind: 'refund' | 'sweep', id: string, context: ApiContext): Promise<Fetched> {
  const answer = await ask(`/transfer/${kind}/get`, { [`${kind}_id`]: id }, context);
  return answer.kind === 'json' ? { kind: 'found', body: answer.bytes } : answer;
}

/** Backwards from the newest, page by page, until what is older than the reach: the newest must never be left out. */
async function recent(context: ApiContext): Promise<Events> {
  const newest = await ask('/transfer/event/list', { count: 1 }, context);
  if (newest.kind !== 'json') return newest;
  const events: Json[] = [];
  let top = lastId(listAt(newest.json, 'transfer_events'));
  for (let page = 0; page < PAGES_MAX && top > 0n; page += 1) {
    const from = top > BigInt(PAGE) ? top - BigInt(PAGE) : 0n;
    const found = await sync(from, context);
    if (found.kind !== 'events') return found;
    const upTo = top;
    const inside = found.events.filter((one) => idOf(one) <= upTo);
    events.unshift(...inside);
    const oldest = isoTime(textAt(inside[0], 'timestamp'));
    if (oldest !== undefined && oldest < context.now - REACH_MS) break;
    top = from;
  }
  return { kind: 'events', events, hasMore: false };
}

/** Forwards from a cursor, for whoever keeps one. */
async function after(cursor: bigint, context: ApiContext): Promise<Events> {
  const events: Json[] = [];
  let hasMore = true;
  for (let page = 0; page < PAGES_MAX && hasMore; page += 1) {
    const last = events.at(-1);
    const next = await sync(last === undefined ? cursor : idOf(last), context);
    if (next.kind !== 'events') return next;
    events.push(...next.events);
    hasMore = next.hasMore && next.events.length > 0;
  }
  return { kind: 'events', events, hasMore };
}

async function sync(cursor: bigint, context: ApiContext): Promise<Events> {
  // The cursor may be beyond 2^53: it is put into the JSON as it is.
  const answer = await ask('/transfer/event/sync', `{"after_id":${cursor},"count":${PAGE}}`, context);
  if (answer.kind !== 'json') return answer;
  const events = listAt(answer.json, 'transfer_events').slice(0, PAGE);
  return { kind: 'events', events, hasMore: at(answer.json, 'has_more') === true };
}

/** The objects the events name. One that is not there any more is left out: its events alone say nothing certain. */
async function objectsOf(what: 'refund' | 'sweep', events: readonly Json[], context: ApiContext): Promise<Objects> {
  const ids = events.toReversed().flatMap((one) => textAt(one, `${what}_id`) ?? []);
  const objects: Json[] = [];
  for (const id of [...new Set(ids)].slice(0, OBJECTS_MAX)) {
    const answer = await ask(`/transfer/${what}/get`, { [`${what}_id`]: id }, context);
    if (answer.kind === 'missing') continue;
    if (answer.kind !== 'json') return answer;
    const object = at(answer.json, what);
    if (isObject(object)) objects.push(object);
  }
  return { kind: 'objects', objects };
}

/** A key by its id, as JSON. plaid.com/docs/api/webhooks/webhook-verification/#webhook_verification_keyget */
async function fetchKey(url: string, context: ApiContext): Promise<Fetched> {
  const keyId = keyIdOf(url, context.settings);
  if (keyId === null) return { kind: 'missing', detail: 'that is no key of this endpoint' };
  const answer = await ask('/webhook_verification_key/get', { key_id: keyId }, context);
  // Plaid answers 400 for a key id it never gave; our own credentials, when they are wrong, have a code of their own.
  if (answer.kind === 'refused' && /\bINVALID_(?:WEBHOOK_VERIFICATION_KEY_ID|FIELD)\b/.test(answer.detail))
    return { kind: 'missing', detail: answer.detail };
  if (answer.kind !== 'json') return answer;
  const key = at(answer.json, 'key');
  return textAt(key, 'kid') === keyId
    ? { kind: 'found', body: Buffer.from(JSON.stringify(key)) }
    : { kind: 'missing', detail: 'Plaid answered without that key' };
}
