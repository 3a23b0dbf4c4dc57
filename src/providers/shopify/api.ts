import { at } from '../../exact-json.ts';
import type { ApiContext, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { graphql, HOSTS } from './graphql.ts';
import { list } from './list.ts';
import { TRANSACTIONS_MAX } from './listed-object.ts';

const MONEY = '{ presentmentMoney { amount currencyCode } }';
const TRANSACTIONS = `query($id: ID!) { order(id: $id) { id transactions(first: ${TRANSACTIONS_MAX}) {
  id kind status gateway createdAt processedAt parentTransaction { id } amountSet ${MONEY} totalUnsettledSet ${MONEY} } } }`;

export const api: ProviderApi = { hosts: HOSTS, keySetting: 'api_key', fetchObject, list };

/** The transactions of a listed order, which carry its money. */
async function fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
  if (kind !== 'order' || !/^\d{1,20}$/.test(id))
    return { kind: 'missing', detail: `Shopify is not asked for a ${kind}` };
  const answer = await graphql(TRANSACTIONS, { id: `gid://shopify/Order/${id}` }, context, 'read_orders');
  if (answer.kind !== 'answer') return answer;
  return at(answer.data, 'data', 'order') === null
    ? { kind: 'missing', detail: `Shopify shows no order ${id}: one of over 60 days needs the scope read_all_orders` }
    : { kind: 'found', body: answer.body };
}
