import { at, isObject, type Json, textAt } from '../../exact-json.ts';

/*
 * Shopify signs the body and nothing else (shopify.dev/docs/apps/build/webhooks/subscribe/https): topic, shop, event id
 * and time are headers that whoever holds one signed body can set as they like. So what a body is, it must say itself;
 * the topic header only names what the body leaves open, and that moves no money.
 */
export type BodyKind = 'order_transaction' | 'refund' | 'dispute' | 'order' | 'tender_transaction';

/** The first topic that carries each kind. */
const TOPICS: Readonly<Record<BodyKind, string>> = {
  order_transaction: 'order_transactions/create',
  refund: 'refunds/create',
  dispute: 'disputes/update',
  order: 'orders/updated',
  tender_transaction: 'tender_transactions/create',
};

/** By its GraphQL id, which is in the signed body; disputes have none, and old API versions leave it out. */
export function bodyKind(body: Json | undefined): BodyKind | undefined {
  if (!isObject(body)) return undefined;
  const [, name] = /^gid:\/\/shopify\/(\w{1,40})\/\d/.exec(textAt(body, 'admin_graphql_api_id') ?? '') ?? [];
  switch (name) {
    case 'OrderTransaction':
      return 'order_transaction';
    case 'Refund':
      return 'refund';
    case 'Order':
      return 'order';
    case undefined:
      break;
    default:
      return undefined;
  }
  const has = (...names: string[]): boolean => names.every((one) => at(body, one) !== undefined);
  if (has('kind', 'gateway', 'status', 'order_id', 'amount')) return 'order_transaction';
  if (has('transactions', 'refund_line_items', 'order_id')) return 'refund';
  if (has('type', 'status', 'amount', 'initiated_at', 'evidence_due_by')) return 'dispute';
  if (has('remote_reference', 'payment_method', 'amount')) return 'tender_transaction';
  return has('total_price', 'currency') ? 'order' : undefined;
}

/** The topic header where it can be true of this body, else the topic the body belongs to. */
export function topicOf(kind: BodyKind | undefined, header: string | undefined): string {
  const said = header !== undefined && /^[\x21-\x7e]{1,100}$/.test(header) ? header : 'unknown';
  if (kind === undefined) return said;
  const topic = TOPICS[kind];
  return said.split('/')[0] === topic.split('/')[0] ? said : topic;
}
