import { createHash } from 'node:crypto';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Identification, IdentifiedEvent, WebhookRequest } from '../providers/provider.ts';
import { uuidv7Bytes } from '../uuid.ts';
import type { IncomingEvent } from './delivery.ts';

const ID_BYTES_MAX = 512;
const TYPE_BYTES_MAX = 200;
const NONE = Buffer.alloc(0);
/** Milliseconds Postgres can store and a person would believe: years 1970 to 9999. */
const TIME_MAX = 253_402_300_799_000;

/**
 * The events of an identified request as rows: everything Postgres would refuse (U+0000, lone surrogates, too long ids)
 * is mapped here, before the group, so that one request's text can never fail its neighbours.
 */
export function readEvents(
  identified: Extract<Identification, { kind: 'events' | 'unreadable' }>,
  request: WebhookRequest,
  endpoint: Endpoint,
  now: number,
): IncomingEvent[] {
  if (identified.kind === 'unreadable') return [unreadableEvent(request, endpoint, now, identified.detail)];
  return identified.events.map((event) => readEvent(event, endpoint, now));
}

function readEvent(event: IdentifiedEvent, endpoint: Endpoint, now: number): IncomingEvent {
  return {
    id: uuidv7Bytes(now),
    item: event.item,
    eventId: storableId(event.id),
    variant: event.idSigned ? NONE : event.fingerprint(),
    transmissionId: event.transmissionId === null ? null : storableId(event.transmissionId),
    type: storableText(event.type, TYPE_BYTES_MAX),
    apiVersion: event.apiVersion === null ? null : storableText(event.apiVersion, TYPE_BYTES_MAX),
    live: event.live,
    account: storableText(event.account ?? endpoint.account, TYPE_BYTES_MAX),
    occurredAt: storableTime(event.occurredAt),
    unreadable: null,
    fingerprint: () => event.fingerprint(),
  };
}

function unreadableEvent(request: WebhookRequest, endpoint: Endpoint, now: number, detail: string): IncomingEvent {
  const sha256 = createHash('sha256').update(request.body).digest();
  return {
    id: uuidv7Bytes(now),
    item: 0,
    eventId: `sha256:${sha256.toString('hex')}`,
    variant: NONE,
    transmissionId: null,
    type: 'unreadable',
    apiVersion: null,
    live: null,
    account: endpoint.account,
    occurredAt: null,
    unreadable: storableText(detail, ID_BYTES_MAX),
    fingerprint: () => sha256,
  };
}

/** An id as Postgres can store and index it. @see design.md, ingest promise 2 */
export function storableId(id: string): string {
  if (Buffer.byteLength(id) <= ID_BYTES_MAX && isStorable(id)) return id;
  // utf16le keeps what utf8 would fold together: two ids that differ in a lone surrogate stay two.
  return `sha256:${createHash('sha256').update(Buffer.from(id, 'utf16le')).digest('hex')}`;
}

/** A text for people: what cannot be stored is replaced, the rest cut at a character. */
export function storableText(text: string, bytesMax: number): string {
  const safe = isStorable(text) ? text : text.toWellFormed().replace(CONTROL, '\ufffd');
  if (Buffer.byteLength(safe) <= bytesMax) return safe;
  let cut = safe.slice(0, bytesMax);
  while (Buffer.byteLength(cut) > bytesMax) cut = cut.slice(0, -1);
  return cut.toWellFormed();
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const CONTROL = /[\u0000-\u001f\u007f]/g;

function isStorable(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c === 0x7f) return false;
  }
  return text.isWellFormed();
}

function storableTime(ms: number | null): number | null {
  return ms !== null && Number.isFinite(ms) && ms >= 0 && ms <= TIME_MAX ? Math.trunc(ms) : null;
}
