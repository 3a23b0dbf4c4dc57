import { shopify } from '../../../src/providers/shopify/index.ts';
import { shopifyBody, shopifyTransaction } from '../../providers/shopify/samples.ts';
import { type SearchCase, THEN_TEXT } from './search-case.ts';

const PATH = '/admin/api/2026-07/graphql.json';
const money = (amount: string): object => ({ presentmentMoney: { amount, currencyCode: 'USD' } });
const order = (n: number): object => ({
  id: `gid://shopify/Order/70${n}`,
  updatedAt: THEN_TEXT,
  test: false,
  displayFinancialStatus: 'PAID',
  totalReceivedSet: money('110.5'),
  totalRefundedSet: money('0.0'),
  totalCapturableSet: money('0.0'),
});
const transaction = (n: number): object => ({
  id: `gid://shopify/OrderTransaction/900719925474099300${n}`,
  kind: 'SALE',
  status: 'SUCCESS',
  gateway: 'shopify_payments',
  createdAt: THEN_TEXT,
  processedAt: THEN_TEXT,
  parentTransaction: null,
  amountSet: money('110.5'),
  totalUnsettledSet: null,
});
const dispute = {
  id: 'gid://shopify/ShopifyPaymentsDispute/9',
  legacyResourceId: '9',
  type: 'CHARGEBACK',
  status: 'UNDER_REVIEW',
  amount: { amount: '11.5', currencyCode: 'USD' },
  initiatedAt: THEN_TEXT,
  finalizedOn: null,
  order: { id: 'gid://shopify/Order/701' },
};
const webhook = (n: number): string =>
  shopifyBody(
    shopifyTransaction({ id: `#900719925474099300${n}`, order_id: `#70${n}`, admin_graphql_api_id: undefined }),
  ).toString();
const answer = (name: string, ...nodes: readonly object[]): object => ({
  data: { [name]: { nodes, pageInfo: { hasNextPage: false, endCursor: null } } },
});
const asks = (text: string) => (body: { query?: string; variables?: object }) =>
  `${body.query} ${JSON.stringify(body.variables)}`.includes(text);

export const shopifyCase: SearchCase = {
  provider: shopify,
  settings: { api_key: 'shpat_madetokenofnoapp01', shop_domain: 'made.myshopify.com' },
  came: webhook(1),
  late: webhook(2),
  host: 'made.myshopify.com',
  first: (api) => api.post(PATH),
  answers(api) {
    api.post(PATH, asks('orders(')).reply(200, answer('orders', order(1), order(2)));
    api.post(PATH, asks('disputes(')).reply(200, answer('disputes', dispute));
    for (const n of [1, 2])
      api
        .post(PATH, asks(`"gid://shopify/Order/70${n}"`))
        .reply(200, { data: { order: { id: `gid://shopify/Order/70${n}`, transactions: [transaction(n)] } } });
  },
  permission: 'read_orders',
  found: [
    'dispute:9:chargeback:under_review filled',
    'order:701:paid:110.5/0.0/0.0 filled',
    'order:702:paid:110.5/0.0/0.0 filled',
  ],
  posted: {
    '9007199254740993001:captured': '11050',
    '9007199254740993002:captured': '11050',
    '9:withdrawn': '-1150',
  },
};
