import { at, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import { noEffect, parkingUnknownCurrency, references, unknownType } from '../normalised.ts';
import type { EndpointSettings, Normalised, ObjectReference, ReceivedEvent } from '../provider.ts';
import { isFetchable } from './api.ts';
import { disputeResolved } from './disputes.ts';
import { authorised, captured, ended, reversed, type Told } from './payments.ts';
import { payoutItem } from './payout-items.ts';
import { refunded } from './refunds.ts';
import { relatedId, timeOf } from './resource.ts';

/** developer.paypal.com/api/rest/webhooks/event-names */
const MEANINGS: Readonly<Record<string, (told: Told) => Normalised>> = {
  'PAYMENT.AUTHORIZATION.CREATED': authorised,
  'PAYMENT.AUTHORIZATION.VOIDED': (told) => ended(told, 'payment.cancelled'),
  'PAYMENT.AUTHORIZATION.EXPIRED': (told) => ended(told, 'payment.cancelled'),
  'PAYMENT.AUTHORIZATION.DENIED': (told) => ended(told, 'payment.failed'),
  'PAYMENT.CAPTURE.COMPLETED': captured,
  'PAYMENT.SALE.COMPLETED': captured,
  'PAYMENT.CAPTURE.DENIED': (told) => ended(told, 'payment.failed'),
  'PAYMENT.CAPTURE.DECLINED': (told) => ended(told, 'payment.failed'),
  'PAYMENT.SALE.DENIED': (told) => ended(told, 'payment.failed'),
  'PAYMENT.CAPTURE.REVERSED': reversed,
  'PAYMENT.SALE.REVERSED': reversed,
  'PAYMENT.CAPTURE.REFUNDED': (told) => refunded(told, 'COMPLETED'),
  'PAYMENT.SALE.REFUNDED': (told) => refunded(told, 'COMPLETED'),
  'PAYMENT.REFUND.COMPLETED': (told) => refunded(told, 'COMPLETED'),
  'PAYMENT.REFUND.PENDING': (told) => refunded(told, 'PENDING'),
  'PAYMENT.REFUND.FAILED': (told) => refunded(told, 'FAILED'),
  'CUSTOMER.DISPUTE.RESOLVED': disputeResolved,
  'PAYMENT.PAYOUTS-ITEM.SUCCEEDED': (told) => payoutItem(told, 'transfer.created'),
  // Unclaimed money has left our balance as well; it comes back as RETURNED.
  'PAYMENT.PAYOUTS-ITEM.UNCLAIMED': (told) => payoutItem(told, 'transfer.created'),
  'PAYMENT.PAYOUTS-ITEM.RETURNED': (told) => payoutItem(told, 'transfer.reversed'),
  'PAYMENT.PAYOUTS-ITEM.REFUNDED': (told) => payoutItem(told, 'transfer.reversed'),
};

/** Known families of which no member moves money that is not told by one of the above or by a report line. */
const EVIDENCE = new RegExp(
  `^(?:${[
    'BILLING\\.',
    'BILLING_AGREEMENTS\\.',
    'CATALOG\\.',
    'CHECKOUT\\.',
    'COLLECTIBLES\\.',
    'CUSTOMER\\.',
    'IDENTITY\\.',
    'INVOICING\\.',
    'MERCHANT\\.',
    'PAYMENT\\.ORDER\\.',
    'PAYMENT\\.PAYOUTSBATCH\\.',
    'PAYMENT\\.PAYOUTS-ITEM\\.(?:BLOCKED|CANCELED|DENIED|FAILED|HELD)$',
    'PAYMENT\\.(?:CAPTURE|SALE)\\.PENDING$',
    'PAYMENT-NETWORKS\\.',
    'RISK\\.',
    'VAULT\\.',
  ].join('|')})`,
);

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const body = parseExactJson(event.body);
  const fetched = event.fetched === null ? null : parseExactJson(event.fetched);
  const isOrder = at(fetched ?? undefined, 'purchase_units') !== undefined;
  const resource = fetched === null || isOrder ? at(body, 'resource') : fetched;
  const type = textAt(body, 'event_type') ?? event.type;
  const known = references(
    [kindOf(textAt(body, 'resource_type'), resource), textAt(resource, 'id') ?? textAt(resource, 'dispute_id')],
    ['payment', relatedId(resource, 'capture') ?? relatedId(resource, 'sale')],
    ['payment', textAt(resource, 'disputed_transactions', 0, 'seller_transaction_id')],
    ['order', textAt(resource, 'supplementary_data', 'related_ids', 'order_id')],
    ['invoice', textAt(resource, 'invoice_id') ?? textAt(resource, 'invoice_number')],
  );
  const about = { references: known, amount: null };
  const meaning = Object.hasOwn(MEANINGS, type) ? MEANINGS[type] : undefined;
  if (meaning === undefined) {
    return EVIDENCE.test(type)
      ? noEffect(about, `evidence: ${type} moves no money of its own`)
      : unknownType(about, type);
  }
  const fallback = isoTime(textAt(body, 'create_time')) ?? event.receivedAt;
  return parkingUnknownCurrency(known, () =>
    meaning({
      resource,
      resourceType: textAt(body, 'resource_type') ?? '',
      at: timeOf(resource, fallback),
      references: known,
      settings,
      account: event.account,
      ask: fetched === null ? askable(textAt(body, 'resource_type') ?? '', textAt(resource, 'id')) : null,
      order: isOrder ? fetched : null,
    }),
  );
}

function askable(kind: string, id: string | undefined): ObjectReference | null {
  return id !== undefined && kind !== 'order' && isFetchable(kind) ? { kind, id } : null;
}

const KINDS: Readonly<Record<string, string>> = {
  capture: 'payment',
  sale: 'payment',
  authorization: 'payment',
  payouts_item: 'transfer',
};

function kindOf(resourceType: string | undefined, resource: Json | undefined): string {
  if (textAt(resource, 'sale_id') !== undefined) return 'refund';
  return KINDS[resourceType ?? ''] ?? resourceType ?? 'object';
}
