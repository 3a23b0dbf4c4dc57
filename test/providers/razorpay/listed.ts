import { razorpay } from '../../../src/providers/razorpay/index.ts';
import type { ListedCase, Made } from '../../support/object-lists.ts';
import { razorpayEvent, razorpayPayment, razorpayRefund } from './samples.ts';

/** Movement 1 is a payment, 2 its refund, 3 a settlement, 4 an authorisation that was given back. */
function made(n: number, { at }: Made): Record<string, unknown> {
  const created_at = at / 1_000 + n;
  if (n === 1) return razorpayPayment({ id: 'pay_M1', created_at });
  if (n === 2) return razorpayRefund({ id: 'rfnd_M2', payment_id: 'pay_M1', created_at });
  if (n === 3)
    return { id: 'setl_M3', entity: 'settlement', amount: 48_820, status: 'processed', fees: 0, tax: 0, created_at };
  return razorpayPayment({ id: 'pay_M4', status: 'authorized', captured: false, fee: null, tax: null, created_at });
}

const OF: Readonly<Record<string, readonly number[]>> = { payments: [1, 4], refunds: [2], settlements: [3] };
const TYPES = ['', 'payment.captured', 'refund.processed', 'settlement.processed', 'payment.authorized'];

export const listed: ListedCase = {
  provider: razorpay,
  settings: (account) => ({
    settlement_currency: 'INR',
    account: `acc_MADE${account}`,
    api_key: 'rzp_live_madeKey01:madeSecret01',
  }),
  answer({ path, query }, numbers, of) {
    const [, what = '', id] = /^\/v1\/([a-z]+)(?:\/pay_M(\d))?$/.exec(path) ?? [];
    if (id !== undefined) return made(Number(id), of);
    const items = (OF[what] ?? []).filter((n) => numbers.includes(n)).map((n) => made(n, of));
    return { entity: 'collection', count: items.length, items: query.get('skip') === '0' ? items : [] };
  },
  webhook(n, of) {
    const payment = { payment: made(n === 2 ? 1 : n, of) };
    const entities = n === 2 ? { refund: made(2, of), ...payment } : n === 3 ? { settlement: made(3, of) } : payment;
    const change = { account_id: `acc_MADE${of.account}`, created_at: of.at / 1_000 + n + 1 };
    return {
      body: razorpayEvent(TYPES[n] ?? '', entities, change).toString(),
      headers: [['x-razorpay-event-id', `ev${n}`]],
    };
  },
  posts: {
    1: ['pay_M1:captured 50000', 'pay_M1:fee 1000'],
    2: ['rfnd_M2:created 20000', 'rfnd_M2:succeeded 20000'],
    3: ['setl_M3:created 48820'],
    4: ['pay_M4:authorised 50000'],
  },
  permission: /403.*read access to payments/,
  nonsense: ['[]', '{"items":{}}', '{"items":null}'],
};
