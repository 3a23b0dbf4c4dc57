import { paystack } from '../../../src/providers/paystack/index.ts';
import { paystackCharge, paystackEvent } from '../../providers/paystack/samples.ts';
import { type SearchCase, THEN_TEXT } from './search-case.ts';

const charge = (n: number, change: object = {}): object =>
  paystackCharge({
    id: 4_099_260_510 + n,
    reference: `made-ref-${n}`,
    created_at: THEN_TEXT,
    paid_at: THEN_TEXT,
    amount: 40_000,
    fees: 600,
    ...change,
  });
const dispute = {
  id: 2_867,
  domain: 'live',
  status: 'resolved',
  resolution: 'auto-accepted',
  refund_amount: 39_100,
  currency: 'NGN',
  createdAt: '2025-01-01T00:00:00.000Z',
  resolvedAt: THEN_TEXT,
  transaction: { reference: 'made-ref-0' },
};
const transfer = {
  id: 860_703_114,
  domain: 'live',
  status: 'reversed',
  amount: 1_000,
  currency: 'NGN',
  transfer_code: 'TRF_made1',
  recipient: { recipient_code: 'RCP_made1' },
  createdAt: THEN_TEXT,
  updatedAt: THEN_TEXT,
};

export const paystackCase: SearchCase = {
  provider: paystack,
  settings: { api_key: 'sk_live_madeKeyOfNobody01' },
  came: paystackEvent('charge.success', charge(1)).toString(),
  late: paystackEvent('charge.success', charge(2)).toString(),
  host: 'api.paystack.co',
  first: (api) => api.get('/transaction'),
  answers(api) {
    const pages = (path: string, ...data: readonly object[]): void => {
      for (const [page, found] of [
        ['1', data],
        ['2', []],
      ] as const)
        api
          .get(path)
          .query((query) => query.page === page)
          .reply(200, { status: true, data: found });
    };
    // One of them is listed without a word on whether it was split.
    pages('/transaction', charge(1), charge(2, { split: undefined }), charge(3, { status: 'abandoned' }));
    api.get('/transaction/4099260512').reply(200, { status: true, data: charge(2) });
    pages('/dispute', dispute);
    pages('/transfer', transfer);
  },
  permission: 'access to transactions',
  found: [
    'dispute:2867:resolved filled',
    'transaction:4099260511:success filled',
    'transaction:4099260512:success filled',
    'transfer:860703114:reversed filled',
  ],
  posted: {
    'made-ref-1:captured': '40000',
    'made-ref-1:fee': '-600',
    'made-ref-2:captured': '40000',
    'made-ref-2:fee': '-600',
    '2867:withdrawn': '-39100',
    'TRF_made1:created': '-1000',
    'TRF_made1:reversed': '1000',
  },
};
