import { createHash } from 'node:crypto';
import { type Json, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import type { IdentifiedEvent } from '../provider.ts';

const LISTED: ReadonlySet<string> = new Set(['payment', 'refund', 'chargeback']);

/** Whether a body is one of the objects that list.ts lists, and not an event about one. */
export function isListedObject(body: Json): boolean {
  return LISTED.has(textAt(body, 'resource') ?? '');
}

/**
 * An object in its present state, as an event: a later state, or another part captured, is another event. What the object
 * tells besides (its settlement, its links) changes while no money moves, and is no content.
 */
export function listedEvent(object: Json): IdentifiedEvent | null {
  const [type, id] = [textAt(object, 'resource'), textAt(object, 'id')];
  if (type === undefined || id === undefined) return null;
  // A chargeback has no status.
  const state = textAt(object, 'status') ?? (textAt(object, 'reversedAt') === undefined ? 'withdrawn' : 'reversed');
  const captured = textAt(object, 'amountCaptured', 'value');
  const mode = textAt(object, 'mode');
  const name = [id, state, ...(captured === undefined ? [] : [`captured ${captured}`])].join(':');
  const money = [textAt(object, 'amount', 'value'), textAt(object, 'amount', 'currency')];
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type,
    apiVersion: null,
    live: mode === 'live' ? true : mode === 'test' ? false : null,
    account: null,
    occurredAt: isoTime(textAt(object, 'createdAt')) ?? null,
    fingerprint: () =>
      createHash('sha256')
        .update(JSON.stringify([type, name, ...money]))
        .digest(),
  };
}

/** Begun, and no money moved: the next state is listed as long as the object is young, and told by webhook after that. */
export function isUnderWay(object: Json): boolean {
  return textAt(object, 'resource') === 'payment' && ['open', 'pending'].includes(textAt(object, 'status') ?? '');
}
