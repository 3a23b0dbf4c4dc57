import { createHash } from 'node:crypto';
import { type Json, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import type { EndpointSettings, IdentifiedEvent, ObjectReference } from '../provider.ts';

/** Whether a body is a line that list.ts lists, and no callback. */
export function isTransaction(body: Json): boolean {
  return textAt(body, 'id')?.startsWith('txn_') === true && textAt(body, 'product_id') !== undefined;
}

/**
 * What a line of the balance is of, by the beginning of its `product_id`: a payment of the Payments API (`py-`), a refund
 * (`rfd-`), a payout (`disb-`). Null for what no callback posts under the same name: products of old, and what was paid by a
 * payment link, as long as `payment_links` does not say which of its two callbacks, the invoice's or the payment's, comes.
 */
export function objectOfTransaction(line: Json, { payment_links: links }: EndpointSettings): ObjectReference | null {
  const product = textAt(line, 'product_id') ?? '';
  switch (textAt(line, 'type')) {
    case 'PAYMENT': {
      const invoice = textAt(line, 'product_data', 'payment_link_id') ?? '';
      if (invoice !== '' && links !== 'payments') return links === 'invoices' ? { kind: 'invoice', id: invoice } : null;
      return product.startsWith('py-') ? { kind: 'payment', id: product } : null;
    }
    case 'REFUND':
      return product.startsWith('rfd-') ? { kind: 'refund', id: product } : null;
    case 'DISBURSEMENT':
      return product.startsWith('disb-') ? { kind: 'transfer', id: product } : null;
    default:
      return null;
  }
}

/** A line in its present state: a later state is another event. That it was settled since is none. */
export function transactionEvent(line: Json): IdentifiedEvent {
  const [type = '', status = ''] = [textAt(line, 'type'), textAt(line, 'status')];
  const content = ['id', 'type', 'status', 'product_id', 'amount', 'currency'].map((name) => textAt(line, name) ?? '');
  content.push(textAt(line, 'product_data', 'payment_link_id') ?? '');
  return {
    item: 0,
    id: `${textAt(line, 'id')}:${status}`,
    // Whoever has the token of the callbacks could send one under any id.
    idSigned: false,
    transmissionId: null,
    type: `transaction.${type.toLowerCase()}`,
    apiVersion: null,
    live: null,
    account: null,
    occurredAt: isoTime(textAt(line, 'created')) ?? null,
    fingerprint: () => createHash('sha256').update(JSON.stringify(content)).digest(),
  };
}
