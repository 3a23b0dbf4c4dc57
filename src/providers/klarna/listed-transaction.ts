import { createHash } from 'node:crypto';
import { type Json, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import type { IdentifiedEvent } from '../provider.ts';

/** Whether a body is a line of a payout, which list.ts lists, and no event. */
export function isTransaction(body: Json): boolean {
  return (
    textAt(body, 'metadata', 'event_type') === undefined &&
    textAt(body, 'order_id') !== undefined &&
    textAt(body, 'type') !== undefined &&
    textAt(body, 'capture_date') !== undefined
  );
}

/** A line never changes: what it is of is its capture or its refund. */
export function transactionEvent(line: Json): IdentifiedEvent {
  const [type = '', order = ''] = [textAt(line, 'type'), textAt(line, 'order_id')];
  // "the API will return empty strings": a return names the refund only.
  const of = textAt(line, 'refund_id') || textAt(line, 'capture_id') || textAt(line, 'capture_date');
  const name = `settled:${type}:${order}:${of}`;
  const content = [name, textAt(line, 'amount') ?? '', textAt(line, 'currency_code') ?? ''];
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type: `settled.${type.toLowerCase()}`,
    apiVersion: null,
    live: null,
    // Only what was asked names it.
    account: null,
    occurredAt: isoTime(textAt(line, 'capture_date')) ?? null,
    fingerprint: () => createHash('sha256').update(JSON.stringify(content)).digest(),
  };
}
