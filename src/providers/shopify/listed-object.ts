import { createHash } from 'node:crypto';
import { at, isObject, type Json, type JsonObject, parseExactJson, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import { deferredFor, fetchFirst, noEffect, parkingUnknownCurrency, references } from '../normalised.ts';
import type { EndpointSettings, IdentifiedEvent, Normalised, ReceivedEvent } from '../provider.ts';
import { transactions } from './transactions.ts';

/** Of one order. As many transactions make an answer that may not be whole. */
export const TRANSACTIONS_MAX = 100;
const GID = /^gid:\/\/shopify\/(Order|ShopifyPaymentsDispute|OrderTransaction)\/(\d{1,20})$/;

/** Which of the objects of list.ts a body is: webhooks write numbers for ids, and names with underscores. */
export function listedKind(body: Json | undefined): 'order' | 'dispute' | null {
  const [, name] = GID.exec(textAt(body, 'id') ?? '') ?? [];
  if (name === 'Order' && textAt(body, 'displayFinancialStatus') !== undefined) return 'order';
  return name === 'ShopifyPaymentsDispute' && textAt(body, 'initiatedAt') !== undefined ? 'dispute' : null;
}

/** Nothing was authorised or paid, or the authorisation ran out. */
export function isUnpaid(order: Json | undefined): boolean {
  return ['PENDING', 'EXPIRED'].includes(textAt(order, 'displayFinancialStatus') ?? '') && received(order) === '';
}

function received(order: Json | undefined): string {
  const text = textAt(order, 'totalReceivedSet', 'presentmentMoney', 'amount') ?? '';
  return /^0(?:\.0+)?$/.test(text) ? '' : text;
}

/**
 * An object in its present state, as an event: more of an order paid, captured or refunded is another event. What changes
 * besides (its fulfilment, tags, notes) moves no money, and is no content.
 */
export function listedEvent(kind: 'order' | 'dispute', object: Json): IdentifiedEvent {
  const id = numberOf(textAt(object, 'id')) ?? '';
  const sums = ['totalReceivedSet', 'totalRefundedSet', 'totalCapturableSet'].map((name) =>
    textAt(object, name, 'presentmentMoney', 'amount'),
  );
  const state =
    kind === 'order'
      ? [textAt(object, 'displayFinancialStatus'), sums.join('/')]
      : [textAt(object, 'type'), textAt(object, 'status')];
  const name = [kind, id, ...state.map((one) => (one ?? '').toLowerCase())].join(':');
  const money = [textAt(object, 'amount', 'amount'), textAt(object, 'amount', 'currencyCode')];
  const test = at(object, 'test');
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type: kind,
    apiVersion: null,
    live: typeof test === 'boolean' ? !test : null,
    account: null,
    occurredAt: isoTime(textAt(object, 'updatedAt') ?? textAt(object, 'initiatedAt')) ?? null,
    fingerprint: () =>
      createHash('sha256')
        .update(JSON.stringify([name, ...money.map((one) => one ?? '')]))
        .digest(),
  };
}

/** A listed order means what its transactions say, each a movement of its own; `fetched` is they. */
export function listedOrderMeaning(order: Json, event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const id = numberOf(textAt(order, 'id')) ?? '';
  const about = { references: references(['order', id]), amount: null };
  if (event.fetched === null)
    return fetchFirst(about, { kind: 'order', id }, "an order's money is told by its transactions");
  const answered = at(parseExactJson(event.fetched), 'data', 'order');
  const found = at(answered, 'transactions');
  if (numberOf(textAt(answered, 'id')) !== id || !Array.isArray(found))
    return deferredFor(about, 'object', `Shopify answered with something else than the transactions of order ${id}`);
  if (found.length >= TRANSACTIONS_MAX)
    return deferredFor(
      about,
      'object',
      `the order has ${TRANSACTIONS_MAX} transactions or more, of which some may be left out`,
    );
  const list = found.map((one) => transactionOf(one, id));
  const named = references(
    ['order', id],
    ...list.slice(0, 20).map((one) => [one.kind === 'refund' ? 'refund' : 'payment', textAt(one, 'id')] as const),
  );
  if (list.length === 0)
    return noEffect({ references: named, amount: null }, 'evidence: nothing was paid for the order');
  return parkingUnknownCurrency(named, () => transactions(list, named, settings, event.receivedAt));
}

/** A transaction of the GraphQL API as webhooks tell it. Their amounts are in the customer's currency too. */
function transactionOf(transaction: Json, order: string): JsonObject {
  const status = (textAt(transaction, 'status') ?? '').toLowerCase();
  const money = at(transaction, 'amountSet', 'presentmentMoney');
  const unsettled = at(transaction, 'totalUnsettledSet', 'presentmentMoney');
  return {
    id: numberOf(textAt(transaction, 'id')),
    order_id: order,
    parent_id: numberOf(textAt(transaction, 'parentTransaction', 'id')),
    kind: (textAt(transaction, 'kind') ?? '').toLowerCase(),
    // The customer has still to do something: told by webhooks as pending.
    status: status === 'awaiting_response' ? 'pending' : status,
    gateway: textAt(transaction, 'gateway'),
    amount: textAt(money, 'amount'),
    currency: textAt(money, 'currencyCode'),
    processed_at: textAt(transaction, 'processedAt'),
    created_at: textAt(transaction, 'createdAt'),
    ...(isObject(unsettled) ? { total_unsettled_set: { presentment_money: unsettled } } : {}),
  };
}

/** A dispute of the GraphQL API as webhooks tell it. */
export function disputeOf(dispute: Json): JsonObject {
  return {
    id: numberOf(textAt(dispute, 'id')),
    order_id: numberOf(textAt(dispute, 'order', 'id')),
    type: (textAt(dispute, 'type') ?? '').toLowerCase(),
    status: (textAt(dispute, 'status') ?? '').toLowerCase(),
    amount: textAt(dispute, 'amount', 'amount'),
    currency: textAt(dispute, 'amount', 'currencyCode'),
    initiated_at: textAt(dispute, 'initiatedAt'),
    finalized_on: textAt(dispute, 'finalizedOn'),
  };
}

/** `gid://shopify/OrderTransaction/1` is what webhooks call 1. */
function numberOf(gid: string | undefined): string | undefined {
  return GID.exec(gid ?? '')?.[2];
}
