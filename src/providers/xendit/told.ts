import { at, isObject, type Json, textAt } from '../../exact-json.ts';
import type { ObjectReference } from '../provider.ts';

/** What a request says, before anybody believes it. */
export type Told = {
  /** The event's name; for the older callbacks, which have none, one of ours. */
  readonly type: string;
  /** What there is to fetch; null where the adapter knows no way. */
  readonly object: ObjectReference | null;
  /** The object's fields as the request tells them. */
  readonly fields: Json;
};

/**
 * Newer products send {"event":"payment.capture","data":{…}} (docs.xendit.co/docs/payments-api-webhooks). Invoices and
 * virtual accounts send the bare object, which only its fields tell from another. Null where the body is neither.
 */
export function readTold(body: Json): Told | null {
  const event = textAt(body, 'event');
  if (event !== undefined) {
    const data = at(body, 'data');
    const fields = isObject(data) ? data : {};
    return { type: event, object: objectOf(event, fields), fields };
  }
  const id = textAt(body, 'id');
  const payment = textAt(body, 'payment_id');
  if (payment !== undefined && textAt(body, 'callback_virtual_account_id') !== undefined) {
    return { type: 'virtual_account.paid', object: { kind: 'va_payment', id: payment }, fields: body };
  }
  const status = textAt(body, 'status');
  if (id === undefined || status === undefined || textAt(body, 'external_id') === undefined) return null;
  // A disbursement of old has an external_id and a status too, and names whom it paid.
  if (textAt(body, 'account_holder_name') !== undefined) {
    return { type: `disbursement.${status.toLowerCase()}`, object: null, fields: body };
  }
  return { type: `invoice.${status.toLowerCase()}`, object: { kind: 'invoice', id }, fields: body };
}

function objectOf(event: string, data: Json): ObjectReference | null {
  const named = (kind: string, id: string | undefined): ObjectReference | null =>
    id === undefined ? null : { kind, id };
  if (/^payment\.(?:capture|authorization|failure|expiry|cancellation|cancelation|cancel)$/.test(event)) {
    return named('payment', textAt(data, 'payment_id'));
  }
  if (/^refund\.(?:succeeded|failed|pending|cancelled)$/.test(event)) return named('refund', textAt(data, 'id'));
  if (/^payout\.(?:succeeded|failed|reversed|cancelled|expired|requested|accepted)$/.test(event)) {
    return named('transfer', textAt(data, 'id'));
  }
  return null;
}
