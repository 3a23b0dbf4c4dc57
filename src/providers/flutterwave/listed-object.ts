import { createHash } from 'node:crypto';
import { at, isObject, type Json, type JsonObject, textAt } from '../../exact-json.ts';
import type { IdentifiedEvent } from '../provider.ts';
import { timeOf } from './amount.ts';

export const KINDS = ['transactions', 'transfers'] as const;
export type ListedKind = (typeof KINDS)[number];

/** A listed object as a body, its own bytes unchanged. */
export function listedBody(kind: ListedKind, object: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`{"listed":"${kind}","data":`), object, Buffer.from('}')]);
}

/** Null for anything else. Of v3 whoever knows the hash can write such a body: it counts only where we asked for it. */
export function listedObject(body: Json): { readonly kind: ListedKind; readonly object: JsonObject } | null {
  const kind = KINDS.find((one) => one === textAt(body, 'listed'));
  const object = at(body, 'data');
  return kind !== undefined && isObject(object) ? { kind, object } : null;
}

/** Transfers are written in capitals. */
export function movedMoney(object: Json | undefined): boolean {
  return (textAt(object, 'status') ?? '').toLowerCase() === 'successful';
}

const CONTENT = ['amount', 'charged_amount', 'app_fee', 'currency', 'debit_currency', 'tx_ref', 'reference'];

/** An object in its present state, as an event: a later state is another event. */
export function listedEvent(kind: ListedKind, object: JsonObject): IdentifiedEvent | null {
  const [id, status] = [textAt(object, 'id'), textAt(object, 'status')];
  if (id === undefined || status === undefined) return null;
  const name = [kind, id, status.toLowerCase()].join(':');
  const content = [name, ...CONTENT.map((member) => textAt(object, member) ?? '')];
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type: kind,
    apiVersion: null,
    live: null,
    account: null,
    occurredAt: timeOf(textAt(object, 'created_at')) ?? null,
    fingerprint: () => createHash('sha256').update(JSON.stringify(content)).digest(),
  };
}
