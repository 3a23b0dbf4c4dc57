import { createHash } from 'node:crypto';
import { type Json, textAt } from '../../exact-json.ts';
import type { IdentifiedEvent } from '../provider.ts';
import { unixTime } from './entity.ts';

/** Which of the listed entities a body is, and not an event about one; null: none. */
export function listedKind(body: Json): 'payment' | 'refund' | 'settlement' | null {
  const entity = textAt(body, 'entity');
  return entity === 'payment' || entity === 'refund' || entity === 'settlement' ? entity : null;
}

/**
 * An entity in its present state, as an event: a later state is another event. What else it tells (notes, how much of it was
 * refunded, which refunds tell themselves) changes while its own money does not, and is no content.
 */
export function listedEvent(entity: Json): IdentifiedEvent | null {
  const [type, id, status] = [textAt(entity, 'entity'), textAt(entity, 'id'), textAt(entity, 'status')];
  if (type === undefined || id === undefined || status === undefined) return null;
  const name = `${id}:${status}`;
  const content = [type, name, ...['amount', 'currency', 'fee', 'tax'].map((member) => textAt(entity, member))];
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type,
    apiVersion: null,
    live: null,
    // Only what was asked names it.
    account: null,
    occurredAt: unixTime(textAt(entity, 'created_at')) ?? null,
    fingerprint: () => createHash('sha256').update(JSON.stringify(content)).digest(),
  };
}
