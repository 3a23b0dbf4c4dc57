import { flutterwave } from '../../../src/providers/flutterwave/index.ts';
import { flutterwaveCharge, tokenEvent, verified } from '../../providers/flutterwave/samples.ts';
import { type SearchCase, THEN_TEXT } from './search-case.ts';

const charge = (n: number, change: object = {}): object =>
  flutterwaveCharge({ id: 285_959_000 + n, tx_ref: `made-ref-${n}`, created_at: THEN_TEXT, ...change });
const transfer = {
  id: 7,
  account_number: '0690000040',
  bank_code: '044',
  currency: 'NGN',
  debit_currency: 'NGN',
  amount: 50,
  fee: 10.75,
  status: 'SUCCESSFUL',
  reference: 'made-transfer-1',
  created_at: THEN_TEXT,
};

export const flutterwaveCase: SearchCase = {
  provider: flutterwave,
  settings: { api_key: 'FLWSECK-madeKeyOfNobody-X' },
  level: 'token',
  came: tokenEvent('charge.completed', charge(1)).toString(),
  late: tokenEvent('charge.completed', charge(2)).toString(),
  host: 'api.flutterwave.com',
  first: (api) => api.get('/v3/transactions'),
  answers(api) {
    const pages = (path: string, ...data: readonly object[]): void => {
      const meta = { page_info: { total: data.length, current_page: 1, total_pages: 1 } };
      api.get(path).query(true).reply(200, { status: 'success', meta, data });
    };
    pages('/v3/transactions', charge(1), charge(2));
    pages('/v3/transfers', transfer);
    for (const n of [1, 2]) api.get(`/v3/transactions/${285_959_000 + n}/verify`).reply(200, verified(charge(n)));
  },
  permission: 'leave to list transactions',
  found: [
    'transactions:285959001:successful filled',
    'transactions:285959002:successful filled',
    'transfers:7:successful filled',
  ],
  posted: {
    '285959001:captured': '10000',
    '285959001:fee': '-140',
    '285959002:captured': '10000',
    '285959002:fee': '-140',
    'transfer-7:created': '-5000',
  },
};
