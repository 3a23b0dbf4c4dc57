import { sign } from '../providers/shopify/sign.ts';
import { currencies, type Life, moment, stableText } from './life.ts';
import { DIGITS } from './random.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { inSteps, isoSeconds, majorText, type Step } from './told-event.ts';

/**
 * A life as Shopify tells it: order transactions, refunds that hold theirs, and disputes
 * (shopify.dev/docs/api/admin-rest/latest/resources/transaction). No topic tells fees or payouts.
 */
const tellShopify = inSteps((life, tell) => {
  const captures = life.captures ?? [];
  if (life.captures === null)
    tell((step) => transaction(life, { name: 'sale', kind: 'sale', amount: life.amount }, step));
  else tell((step) => transaction(life, { name: 'authorization', kind: 'authorization', amount: life.amount }, step));
  let left = life.amount;
  for (const [index, amount] of captures.entries()) {
    left -= amount;
    const capture = { name: `capture${index}`, kind: 'capture', amount, parent: 'authorization', left };
    tell((step) => transaction(life, capture, step));
  }
  const parent = life.captures === null ? 'sale' : 'capture0';
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    const status = outcome === 'succeeded' ? 'success' : 'failure';
    const refund = { name: `refund${index}`, kind: 'refund', amount, parent, status };
    tell((step) => ({
      id: id(life, `refundof${index}`),
      order_id: id(life, 'order'),
      created_at: isoSeconds(step.at),
      note: 'returned',
      refund_line_items: [],
      transactions: [transaction(life, refund, step)],
      admin_graphql_api_id: `gid://shopify/Refund/${id(life, `refundof${index}`)}`,
    }));
  }
  if (life.dispute === null) return;
  tell(() => dispute(life, 'needs_response', null));
  const { outcome } = life.dispute;
  if (outcome !== 'open') tell(({ at }) => dispute(life, outcome, isoSeconds(at).slice(0, 10)));
});

type Transaction = {
  readonly name: string;
  readonly kind: string;
  readonly amount: bigint;
  readonly parent?: string;
  readonly status?: string;
  /** What is left to capture. */
  readonly left?: bigint;
};

function transaction(life: Life, told: Transaction, { at }: Step): object {
  const money = { amount: majorText(life, told.amount), currency: life.currency };
  const left = { amount: majorText(life, told.left ?? 0n), currency: life.currency };
  return {
    id: id(life, told.name),
    order_id: id(life, 'order'),
    kind: told.kind,
    gateway: 'shopify_payments',
    status: told.status ?? 'success',
    message: 'Transaction approved',
    created_at: isoSeconds(at),
    processed_at: isoSeconds(at),
    test: true,
    parent_id: told.parent === undefined ? null : id(life, told.parent),
    source_name: 'web',
    ...money,
    payment_details: { credit_card_company: 'Visa', credit_card_number: '•••• •••• •••• 4242' },
    ...(told.kind === 'capture' ? { total_unsettled_set: { presentment_money: left, shop_money: left } } : {}),
    admin_graphql_api_id: `gid://shopify/OrderTransaction/${id(life, told.name)}`,
  };
}

function dispute(life: Life, status: string, finalized: string | null): object {
  return {
    id: id(life, 'dispute'),
    order_id: id(life, 'order'),
    type: 'chargeback',
    amount: majorText(life, life.dispute?.amount ?? 0n),
    currency: life.currency,
    reason: 'fraudulent',
    network_reason_code: '4837',
    status,
    evidence_due_by: isoSeconds(moment(life, 5_000)),
    evidence_sent_on: null,
    finalized_on: finalized,
    initiated_at: isoSeconds(moment(life, 39)),
  };
}

/** Numbers of some 13 digits: Shopify's grow beyond 2^53, which a JS number would round. */
function id(life: Life, label: string): number {
  return Number(`5${stableText(life, label, 12, DIGITS)}`);
}

export const shopify: Simulator = {
  provider: 'shopify',
  currencies: currencies('EUR', 'USD', 'GBP', 'JPY'),
  abilities: {
    captures: 'parts',
    captureFailure: 'none',
    fees: false,
    refunds: 'of_first_capture',
    refundFailure: 'at_once',
    disputes: 'outcome',
    payouts: 'none',
  },
  tell: tellShopify,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => `shpss_${random.text(32)}` },
  settings: () => ({ mode: 'test', shop_domain: 'simulated.myshopify.com' }),
  forgeries: { stale: null },
};
