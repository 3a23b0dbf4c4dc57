import { type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import { deferredFor, effectsOf, noEffect, parkingUnknownCurrency, references, unknownType } from '../normalised.ts';
import type { EndpointSettings, Normalised, ObjectReference, ReceivedEvent } from '../provider.ts';
import { bodyKind } from './body.ts';
import { moneyOf } from './currency.ts';
import { disputeOf, listedKind, listedOrderMeaning } from './listed-object.ts';
import { transactions } from './transactions.ts';

/** Topics that move no money which an order transaction, refund or dispute does not tell. No topic tells payouts. */
const EVIDENCE =
  /^(?:app|app_purchases_one_time|app_subscriptions|audit_events|bulk_operations|carts|channels|checkouts|collection_listings|collection_publications|collections|companies|company_\w+|customer\w*|delivery_\w+|discounts|domains|draft_orders|fulfillment\w*|inventory_\w+|locales|locations|markets|metafield_definitions|metaobjects|order|orders|payment_schedules|payment_terms|product\w*|profiles|returns|reverse_\w+|scheduled_\w+|segments|selling_plan_groups|shop|subscription_\w+|tax_\w+|themes|tender_transactions|variants)\/\w+$/;

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const body = parseExactJson(event.body);
  const listed = listedKind(body);
  if (listed === 'order') return listedOrderMeaning(body, event, settings);
  if (listed === 'dispute') {
    const told = disputeOf(body);
    const about = referencesOf('dispute', told);
    return parkingUnknownCurrency(about, () => dispute(told, about, event.receivedAt));
  }
  const kind = bodyKind(body);
  const about = referencesOf(kind, body);
  return parkingUnknownCurrency(about, () => {
    switch (kind) {
      case 'order_transaction':
        return transactions([body], about, settings, event.receivedAt);
      case 'refund':
        return transactions(listAt(body, 'transactions'), about, settings, event.receivedAt);
      case 'dispute':
        return dispute(body, about, event.receivedAt);
      case 'order':
      case 'tender_transaction':
        return noEffect({ references: about, amount: null }, `evidence: an order's money is told by its transactions`);
      case undefined:
        return EVIDENCE.test(event.type)
          ? noEffect({ references: about, amount: null }, `evidence: ${event.type} moves no money`)
          : unknownType({ references: about, amount: null }, event.type);
    }
  });
}

function referencesOf(kind: ReturnType<typeof bodyKind>, body: Json): ObjectReference[] {
  const id = textAt(body, 'id');
  const refund = textAt(body, 'kind') === 'refund';
  return references(
    [kind === 'order_transaction' ? (refund ? 'refund' : 'payment') : (kind ?? 'object'), id],
    ['payment', textAt(body, 'parent_id')],
    ['order', textAt(body, 'order_id')],
    ...listAt(body, 'transactions')
      .slice(0, 20)
      .map((one) => ['payment', textAt(one, 'parent_id')] as const),
  );
}

/**
 * {"type":"chargeback","status":"needs_response",…}: an inquiry takes no money until it turns into a chargeback, under
 * the same id. shopify.dev/docs/api/admin-rest/latest/resources/dispute
 */
function dispute(body: Json, about: readonly ObjectReference[], receivedAt: number): Normalised {
  const id = textAt(body, 'id');
  const money = moneyOf(body);
  if (id === undefined || money === undefined)
    return deferredFor({ references: about, amount: null }, 'object', 'the dispute has no id or amount');
  const told = { references: about, amount: money };
  const type = textAt(body, 'type') ?? '';
  const status = textAt(body, 'status') ?? '';
  const begun = isoTime(textAt(body, 'initiated_at')) ?? receivedAt;
  const ended = dayOrTime(textAt(body, 'finalized_on')) ?? receivedAt;
  const withdrawn: PaymentEvent = {
    type: 'dispute.withdrawn',
    key: `${id}:withdrawn`,
    at: begun,
    dispute: id,
    ...money,
  };
  if (type === 'inquiry') return noEffect(told, 'evidence: an inquiry takes no money');
  if (type !== 'chargeback')
    return deferredFor(told, 'adapter', `the adapter does not know the dispute type "${type.slice(0, 40)}"`);
  switch (status) {
    case 'needs_response':
    case 'under_review':
      return effectsOf(told, [withdrawn]);
    case 'won':
      return effectsOf(told, [
        withdrawn,
        { type: 'dispute.reinstated', key: `${id}:reinstated`, at: ended, dispute: id, ...money },
      ]);
    case 'lost':
    case 'accepted':
      return effectsOf(told, [
        withdrawn,
        { type: 'dispute.lost', key: `${id}:lost`, at: ended, dispute: id, ...money },
      ]);
    case 'charge_refunded':
      return noEffect(told, 'evidence: the payment was refunded instead, which its refund tells');
    default:
      return deferredFor(told, 'adapter', `the adapter does not know the dispute status "${status.slice(0, 40)}"`);
  }
}

/** `finalized_on` is a day in the documents, and a time in some payloads. */
function dayOrTime(text: string | undefined): number | undefined {
  return isoTime(text) ?? isoTime(`${text}T00:00:00Z`);
}
