import { xendit } from '../../../src/providers/xendit/index.ts';
import type { ListedCase, Made } from '../../support/object-lists.ts';
import { xenditEvent, xenditInvoice, xenditPayment } from './samples.ts';

/** Movement 1 is a payment, 2 a payment link that was paid, 3 a refund, 4 a payout that came back. */
function made(n: number, { at }: Made): Record<string, unknown> {
  const time = new Date(at + n * 1_000).toISOString();
  const times = { created: time, updated: time };
  if (n === 2) return xenditInvoice({ id: 'madeinv2', paid_at: time });
  if (n === 3)
    return { id: 'rfd-m3', payment_id: 'py-m1', amount: 25.5, currency: 'PHP', status: 'SUCCEEDED', ...times };
  if (n === 4) {
    const to = { channel_code: 'ID_BCA', channel_properties: { account_number: '000000' } };
    return { id: 'disb-m4', amount: 90_000, currency: 'IDR', status: 'REVERSED', ...to, ...times };
  }
  return xenditPayment({ payment_id: 'py-m1', ...times });
}

function line(n: number, { at }: Made): object {
  const time = new Date(at + n * 1_000).toISOString();
  const type = n === 3 ? 'REFUND' : n === 4 ? 'DISBURSEMENT' : 'PAYMENT';
  const product_id = ['', 'py-m1', 'py-m2', 'rfd-m3', 'disb-m4'][n];
  return {
    id: `txn_m${n}`,
    product_id,
    type,
    status: n === 4 ? 'REVERSED' : 'SUCCESS',
    reference_id: 'made-line',
    amount: 9.5,
    currency: 'PHP',
    settlement_status: 'PENDING',
    created: time,
    updated: time,
    ...(n === 2 ? { product_data: { payment_link_id: 'madeinv2' } } : {}),
  };
}

const PATHS = ['', '/v3/payments/py-m1', '/v2/invoices/madeinv2', '/refunds/rfd-m3', '/v2/payouts/disb-m4'];
const EVENTS = ['', 'payment.capture', '', 'refund.succeeded', 'payout.reversed'];

export const listed: ListedCase = {
  provider: xendit,
  settings: () => ({ api_key: 'xnd_production_madeKeyOfNobody', payment_links: 'invoices' }),
  answer({ path, query }, numbers, of) {
    if (path !== '/transactions') return PATHS.includes(path) ? made(PATHS.indexOf(path), of) : undefined;
    // Two pages.
    const given = numbers.filter((n) => (query.get('after_id') === null ? n <= 2 : n > 2));
    return { has_more: query.get('after_id') === null, data: given.map((n) => line(n, of)), links: [] };
  },
  webhook(n, of) {
    const told = made(n, of);
    const body = n === 2 ? Buffer.from(JSON.stringify(told)) : xenditEvent(EVENTS[n] ?? '', told);
    return { body: body.toString(), level: 'token', headers: [['webhook-id', `wh${n}`]] };
  },
  posts: {
    1: ['py-m1:captured 1000000'],
    2: ['madeinv2:captured 5000000'],
    3: ['rfd-m3:created 2550', 'rfd-m3:succeeded 2550'],
    4: ['disb-m4:created 9000000', 'disb-m4:reversed 9000000'],
  },
  permission: /403.*Transaction Read/,
  nonsense: [
    '[]',
    '{"data":[]}',
    '{"has_more":true,"data":[]}',
    '{"has_more":false,"data":{}}',
    '{"has_more":"no","data":[]}',
  ],
};
