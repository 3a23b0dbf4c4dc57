import { braintree } from '../../../src/providers/braintree/index.ts';
import { FIRST, notification, transaction, xml } from '../../providers/braintree/samples.ts';
import { type SearchCase, THEN_TEXT } from './search-case.ts';

const MERCHANT = '/merchants/made_merchant';
const sale = (n: number) =>
  transaction({
    id: `madetx0${n}`,
    amount: '12.30',
    'status-history': [
      { timestamp: THEN_TEXT, status: 'submitted_for_settlement' },
      { timestamp: THEN_TEXT, status: 'settled' },
    ],
  });
const refund = transaction({
  ...sale(3),
  id: 'madere01',
  type: 'credit',
  amount: '1.30',
  'refunded-transaction-id': 'madetx01',
});
const dispute = {
  id: 'madedp01',
  kind: 'chargeback',
  status: 'open',
  'amount-disputed': '5.00',
  'currency-iso-code': 'EUR',
  'date-opened': THEN_TEXT.slice(0, 10),
};
const ids = (...found: readonly string[]): string => xml('search-results', { 'page-size': '50', ids: [...found] });
const collection = (name: string, ...items: readonly string[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?><${name} type="collection"><page-size type="integer">50</page-size>${items.join('\n')}</${name}>`;

export const braintreeCase: SearchCase = {
  provider: braintree,
  settings: { merchant_id: 'made_merchant', api_key: FIRST },
  came: notification('transaction_settled', 'transaction', sale(1)).toString(),
  late: notification('transaction_settled', 'transaction', sale(2)).toString(),
  host: 'api.braintreegateway.com',
  first: (api) => api.post(`${MERCHANT}/transactions/advanced_search_ids`),
  answers(api) {
    const by = (field: string) => (body: { search?: Record<string, unknown> }) =>
      body.search?.[field] !== undefined && body.search.status === undefined;
    api
      .post(`${MERCHANT}/transactions/advanced_search_ids`, by('settled_at'))
      .reply(200, ids('madetx01', 'madetx02', 'madere01'));
    api
      .post(`${MERCHANT}/transactions/advanced_search`, by('settled_at'))
      .reply(
        200,
        collection('credit-card-transactions', ...[sale(1), sale(2), refund].map((t) => xml('transaction', t))),
      );
    api.post(`${MERCHANT}/transactions/advanced_search_ids`).times(4).reply(200, ids());
    api.post(`${MERCHANT}/disputes/advanced_search?page=1`).reply(200, collection('disputes', xml('dispute', dispute)));
    api.post(`${MERCHANT}/disputes/advanced_search?page=2`).reply(200, collection('disputes'));
  },
  permission: 'search transactions and disputes',
  found: [
    'dispute:madedp01:open filled',
    'transaction:madere01:settled filled',
    'transaction:madetx01:settled filled',
    'transaction:madetx02:settled filled',
  ],
  posted: {
    'madetx01:captured': '1230',
    'madetx02:captured': '1230',
    'madere01:succeeded': '-130',
    'madedp01:withdrawn': '-500',
  },
};
