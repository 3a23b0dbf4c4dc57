import { klarna } from '../../../src/providers/klarna/index.ts';
import type { ListedCase, Made } from '../../support/object-lists.ts';
import { completed, orderAnswer, orderId } from './samples.ts';

const time = ({ at }: Made, n = 0): string => new Date(at + n * 1_000).toISOString();

/** Order 1 was captured in two parts, order 2 captured and refunded. */
function order(n: number, of: Made): Buffer {
  const capture = (part: string, amount: number) => ({
    capture_id: `made-capture-${part}`,
    captured_amount: amount,
    captured_at: time(of, n),
  });
  const refunds = [{ refund_id: 'made-refund-2', refunded_amount: 1_500, refunded_at: time(of, n) }];
  return orderAnswer(n, {
    created_at: time(of),
    ...(n === 1
      ? { captures: [capture('1a', 4_000), capture('1b', 2_500)] }
      : { status: 'CAPTURED', captures: [capture('2', 10_000)], refunds }),
  });
}

function lines(n: number, of: Made): object[] {
  const about = { order_id: orderId(n), currency_code: 'EUR', capture_date: time(of, n), sale_date: time(of, n) };
  const fee = { ...about, type: 'FEE', amount: 99, capture_id: `made-capture-${n}` };
  const sale = (part: string, amount: number): object => ({
    ...about,
    type: 'SALE',
    amount,
    capture_id: `made-capture-${part}`,
  });
  const back = { ...about, type: 'RETURN', amount: 1_500, capture_id: '', refund_id: 'made-refund-2' };
  return n === 1 ? [sale('1a', 4_000), sale('1b', 2_500), fee] : [sale('2', 10_000), back, fee];
}

export const listed: ListedCase = {
  provider: klarna,
  settings: (account) => ({
    api_key: 'made_user:made_password',
    region: 'eu',
    mode: 'live',
    account: `MADEACCOUNT${account}`,
  }),
  answer({ path, query }, numbers, of) {
    const offset = Number(query.get('offset'));
    if (path === '/settlements/v1/payouts') {
      const payouts = numbers.map((n) => ({ payment_reference: `MADE${n}`, payout_date: time(of, n) }));
      return { payouts: payouts.slice(offset, offset + 1), pagination: { count: 1, total: payouts.length } };
    }
    if (path === '/settlements/v1/transactions') {
      const all = lines(Number(query.get('payment_reference')?.slice(4)), of);
      // Klarna may give fewer than it is asked for.
      const transactions = all.slice(offset, offset + 2);
      return { transactions, pagination: { count: transactions.length, total: all.length, offset } };
    }
    const n = [1, 2].find((one) => path === `/ordermanagement/v1/orders/${orderId(one)}`);
    return n === undefined ? undefined : order(n, of).toString();
  },
  webhook: (n, of) => ({
    body: completed(
      n,
      {},
      { live: true, subject_account_id: `krn:partner:global:account:live:MADEACCOUNT${of.account}` },
    ).toString(),
  }),
  posts: {
    1: [`${orderId(1)}:authorised 10000`, 'made-capture-1a:captured 4000', 'made-capture-1b:captured 2500'],
    2: [
      `${orderId(2)}:authorised 10000`,
      'made-capture-2:captured 10000',
      'made-refund-2:created 1500',
      'made-refund-2:succeeded 1500',
    ],
  },
  permission: /403.*Settlements API/,
  nonsense: [
    '[]',
    '{"payouts":{}}',
    '{"payouts":[{}]}',
    '{"payouts":[{"payment_reference":"M"}]}',
    '{"payouts":[{"payment_reference":"M"}],"transactions":[],"pagination":{"total":3}}',
  ],
};
