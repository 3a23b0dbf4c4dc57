import { checkout } from '../../../src/providers/checkout/index.ts';
import { checkoutEvent, payment } from '../../providers/checkout/samples.ts';
import { type SearchCase, THEN_TEXT } from './search-case.ts';

const listed = (n: number): object => ({
  id: `pay_made${n}`,
  requested_on: THEN_TEXT,
  amount: 6540,
  currency: 'USD',
  status: 'Captured',
  reference: `ORDER-${n}`,
  balances: { total_authorized: 6540, total_captured: 6540, available_to_capture: 0 },
});
const actions = (n: number): object[] => [
  { id: `act_made${n}`, type: 'Capture', processed_on: THEN_TEXT, amount: 6540, approved: true },
  { id: `act_auth${n}`, type: 'Authorization', processed_on: THEN_TEXT, amount: 6540, approved: true },
];
const webhook = (n: number): string =>
  checkoutEvent('payment_captured', payment({ id: `pay_made${n}`, action_id: `act_made${n}` }), {
    id: `evt_made${n}`,
    created_on: THEN_TEXT,
    _links: {},
  }).toString();
const dispute = {
  id: 'dsp_made1',
  status: 'evidence_required',
  amount: 500,
  currency: 'USD',
  payment_id: 'pay_made1',
  last_update: THEN_TEXT,
};

export const checkoutCase: SearchCase = {
  provider: checkout,
  settings: { api_key: 'sk_madeKeyOfNoAccount00001' },
  came: webhook(1),
  late: webhook(2),
  host: 'api.checkout.com',
  first: (api) => api.post('/payments/search'),
  answers(api) {
    api.post('/payments/search').reply(200, { data: [listed(1), listed(2)] });
    api
      .get('/disputes')
      .query({ skip: '0', limit: '250', from: /.+/, to: /.+/ })
      .reply(200, { data: [dispute] });
    api.get('/disputes').query({ skip: '1', limit: '250', from: /.+/, to: /.+/ }).reply(200, { data: [] });
    for (const n of [1, 2]) api.get(`/payments/pay_made${n}/actions`).reply(200, actions(n));
  },
  permission: 'payments:search',
  found: [
    'dsp_made1:evidence_required filled',
    'pay_made1:captured:6540/6540// filled',
    'pay_made2:captured:6540/6540// filled',
  ],
  posted: {
    'act_made1:captured': '6540',
    'act_made2:captured': '6540',
    'dsp_made1:withdrawn': '-500',
  },
};
