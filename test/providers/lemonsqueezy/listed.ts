import { lemonsqueezy } from '../../../src/providers/lemonsqueezy/index.ts';
import type { ListedCase, Made } from '../../support/object-lists.ts';
import { madeOrder, squeezyEvent } from './samples.ts';

/** Order 1 was paid, order 2 refunded in part, invoice 3 renewed a subscription, invoice 4 is its first: order 1 tells it. */
function attributes(n: number, { account, at }: Made): Record<string, unknown> {
  const created_at = new Date(at + n * 1_000).toISOString();
  const base = { store_id: 7000 + account, created_at, updated_at: created_at };
  if (n === 2) return madeOrder({ ...base, status: 'partial_refund', refunded_amount: 450, refunded_at: created_at });
  if (n === 3) return madeOrder({ ...base, billing_reason: 'renewal', total: 900, tax: 0 });
  return madeOrder(n === 4 ? { ...base, billing_reason: 'initial' } : base);
}

const TYPES = ['', 'orders', 'orders', 'subscription-invoices', 'subscription-invoices'];
const EVENTS = ['', 'order_created', 'order_refunded', 'subscription_payment_success', 'subscription_payment_success'];

export const listed: ListedCase = {
  provider: lemonsqueezy,
  settings: (account) => ({ api_key: 'made-api-key-of-nobody-1', accounts: [String(7000 + account)] }),
  answer({ path, query }, numbers, of) {
    const type = path.slice('/v1/'.length);
    if (!TYPES.includes(type)) return undefined;
    // A page for each, the newest first.
    const all = numbers.filter((n) => TYPES[n] === type).reverse();
    const currentPage = Number(query.get('page[number]'));
    const data = all.slice(currentPage - 1, currentPage).map((n) => ({
      type,
      id: String(n),
      attributes: attributes(n, of),
    }));
    return { meta: { page: { currentPage, lastPage: all.length, perPage: 1 } }, data };
  },
  webhook: (n, of) => ({
    body: squeezyEvent(EVENTS[n] ?? '', TYPES[n] ?? '', attributes(n, of), String(n)).toString(),
  }),
  posts: {
    1: ['order-1:captured 1200'],
    2: ['order-2-refund:created 450', 'order-2-refund:succeeded 450', 'order-2:captured 1200'],
    3: ['subscription-invoice-3:captured 900'],
    4: [],
  },
  permission: /403.*orders of the store/,
  nonsense: ['[]', '{"data":[]}', '{"data":{},"meta":{"page":{"currentPage":1,"lastPage":1}}}'],
};
