import { sign } from '../providers/paypal/sign.ts';
import { createSimulatedAuthority } from '../providers/paypal/simulated-authority.ts';
import { currencies, type Life, moment, stableText } from './life.ts';
import { UPPER } from './random.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { isoTime, majorText, type Teller, type ToldEvent } from './told-event.ts';

/**
 * A life as PayPal tells it (developer.paypal.com/api/rest/webhooks/event-names). Money movements of disputes and
 * payouts are not told by webhook but by the settlement report, so a dispute here is opened and resolved only.
 */
const tellPaypal: Teller = (life, account) => {
  const events: ToldEvent[] = [];
  const tell: Tell = (type, kind, summary, resource) => {
    const step = events.length + 1;
    const at = moment(life, step);
    const id = `WH-${stableText(life, `wh${step}`, 17, UPPER)}-${stableText(life, `wh${step}b`, 17, UPPER)}`;
    const event = {
      id,
      event_version: '1.0',
      create_time: isoTime(at),
      resource_type: kind,
      resource_version: '2.0',
      event_type: type,
      summary,
      resource,
      links: [
        { href: `https://api.sandbox.paypal.com/v1/notifications/webhooks-events/${id}`, rel: 'self', method: 'GET' },
        {
          href: `https://api.sandbox.paypal.com/v1/notifications/webhooks-events/${id}/resend`,
          rel: 'resend',
          method: 'POST',
        },
      ],
    };
    events.push({ at, destination: 'main', content: JSON.stringify(event) });
  };

  const parts = life.captures ?? [life.amount];
  if (life.captures !== null)
    tell('PAYMENT.AUTHORIZATION.CREATED', 'authorization', 'A payment was authorized', authorization(life));
  for (const [index, amount] of parts.entries()) {
    const final = index === parts.length - 1;
    tell('PAYMENT.CAPTURE.COMPLETED', 'capture', 'Payment completed', capture(life, account, { index, amount, final }));
  }
  tellRefunds(life, tell);
  tellDispute(life, parts[0] ?? life.amount, tell);
  return events;
};

type Tell = (type: string, kind: string, summary: string, resource: object) => void;

function tellRefunds(life: Life, tell: Tell): void {
  for (const [index, refund] of life.refunds.entries()) {
    // What fails at once is answered to whoever asked for it, and told nobody.
    if (refund.outcome === 'failed') continue;
    tell('PAYMENT.CAPTURE.REFUNDED', 'refund', 'A payment was refunded', refundResource(life, index, refund.amount));
    if (refund.outcome === 'failed_later') {
      tell('PAYMENT.REFUND.FAILED', 'refund', 'A refund failed', {
        ...refundResource(life, index, refund.amount),
        status: 'FAILED',
      });
    }
  }
}

function tellDispute(life: Life, amount: bigint, tell: Tell): void {
  if (life.dispute === null) return;
  const dispute = {
    dispute_id: `PP-R-${stableText(life, 'dispute', 3, UPPER)}-${100_000_000 + life.number}`,
    create_time: isoTime(moment(life, 39)),
    update_time: isoTime(moment(life, 40)),
    disputed_transactions: [{ seller_transaction_id: captureId(life, 0), invoice_number: `order-${life.number}` }],
    reason: 'UNAUTHORISED',
    dispute_amount: money(life, amount),
    dispute_life_cycle_stage: 'CHARGEBACK',
  };
  tell('CUSTOMER.DISPUTE.CREATED', 'dispute', 'A new dispute opened', { ...dispute, status: 'OPEN' });
  if (life.dispute.outcome === 'open') return;
  const code = life.dispute.outcome === 'lost' ? 'RESOLVED_BUYER_FAVOUR' : 'RESOLVED_SELLER_FAVOUR';
  tell('CUSTOMER.DISPUTE.RESOLVED', 'dispute', 'A dispute was resolved', {
    ...dispute,
    status: 'RESOLVED',
    dispute_outcome: {
      outcome_code: code,
      amount_refunded: money(life, code === 'RESOLVED_BUYER_FAVOUR' ? amount : 0n),
    },
  });
}

function authorization(life: Life): object {
  return {
    id: authorizationId(life),
    status: 'CREATED',
    amount: money(life, life.amount),
    invoice_id: `order-${life.number}`,
    seller_protection: { status: 'ELIGIBLE', dispute_categories: ['ITEM_NOT_RECEIVED', 'UNAUTHORIZED_TRANSACTION'] },
    supplementary_data: { related_ids: { order_id: orderId(life) } },
    create_time: isoTime(life.startedAt),
    update_time: isoTime(life.startedAt),
    expiration_time: isoTime(life.startedAt + 29 * 86_400_000),
  };
}

function capture(life: Life, account: string, part: { index: number; amount: bigint; final: boolean }): object {
  const told = life.fee.told !== 'never';
  const fee = part.index === 0 && life.fee.amount < part.amount ? life.fee.amount : 0n;
  const at = isoTime(moment(life, 2 + part.index));
  return {
    id: captureId(life, part.index),
    status: 'COMPLETED',
    amount: money(life, part.amount),
    final_capture: part.final,
    invoice_id: `order-${life.number}`,
    custom_id: `cart-${stableText(life, 'cart', 8)}`,
    payee: { email_address: 'shop@shop.example', merchant_id: account },
    seller_protection: { status: 'ELIGIBLE', dispute_categories: ['ITEM_NOT_RECEIVED', 'UNAUTHORIZED_TRANSACTION'] },
    ...(told
      ? {
          seller_receivable_breakdown: {
            gross_amount: money(life, part.amount),
            paypal_fee: money(life, fee),
            net_amount: money(life, part.amount - fee),
          },
        }
      : {}),
    supplementary_data: {
      related_ids: {
        order_id: orderId(life),
        ...(life.captures === null ? {} : { authorization_id: authorizationId(life) }),
      },
    },
    create_time: at,
    update_time: at,
    links: [
      {
        href: `https://api.sandbox.paypal.com/v2/payments/captures/${captureId(life, part.index)}`,
        rel: 'self',
        method: 'GET',
      },
      ...(life.captures === null
        ? []
        : [
            {
              href: `https://api.sandbox.paypal.com/v2/payments/authorizations/${authorizationId(life)}`,
              rel: 'up',
              method: 'GET',
            },
          ]),
    ],
  };
}

function refundResource(life: Life, index: number, amount: bigint): object {
  const at = isoTime(moment(life, 20 + index));
  return {
    id: refundId(life, index),
    status: 'COMPLETED',
    amount: money(life, amount),
    invoice_id: `order-${life.number}`,
    seller_payable_breakdown: {
      gross_amount: money(life, amount),
      paypal_fee: money(life, 0n),
      net_amount: money(life, amount),
      total_refunded_amount: money(life, amount),
    },
    create_time: at,
    update_time: at,
    links: [
      {
        href: `https://api.sandbox.paypal.com/v2/payments/refunds/${refundId(life, index)}`,
        rel: 'self',
        method: 'GET',
      },
      { href: `https://api.sandbox.paypal.com/v2/payments/captures/${captureId(life, 0)}`, rel: 'up', method: 'GET' },
    ],
  };
}

/** PayPal writes major units, and for its zero-decimal currencies no point ("1000"). */
function money(life: Life, amount: bigint): { currency_code: string; value: string } {
  return { currency_code: life.currency, value: majorText(life, amount) };
}

function authorizationId(life: Life): string {
  return stableText(life, 'authorization', 17, UPPER);
}

export function captureId(life: Life, index: number): string {
  return stableText(life, `capture${index}`, 17, UPPER);
}

export function refundId(life: Life, index: number): string {
  return stableText(life, `refund${index}`, 17, UPPER);
}

function orderId(life: Life): string {
  return stableText(life, 'order', 17, UPPER);
}

export const paypal: Simulator = {
  provider: 'paypal',
  currencies: currencies('EUR', 'USD', 'GBP', 'JPY'),
  abilities: {
    captures: 'parts',
    captureFailure: 'none',
    fees: true,
    refunds: 'of_first_capture',
    refundFailure: 'later',
    disputes: 'words',
    payouts: 'none',
  },
  tell: tellPaypal,
  sign: inHeaders((request, key, now, settings) => sign(request, key, now, settings)),
  keys: {
    kind: 'pair',
    make(now) {
      const authority = createSimulatedAuthority(now, 'messageverificationcerts.sandbox.paypal.com');
      const { rootPem: root, certificatePem: certificate, privateKeyPem: signsWith } = authority;
      return { secret: null, settings: { simulated_authority: { root, certificate } }, signsWith };
    },
  },
  settings: () => ({ mode: 'test', webhook_id: 'SIMULATED0000000000' }),
  forgeries: {
    // Signed for another webhook: the one thing that binds PayPal's signature to this endpoint.
    signature(body, target, now) {
      const settings = { ...target.settings, webhook_id: 'ANOTHERWEBHOOK0000' };
      return { headers: sign({ body, url: target.url }, target.secret, now, settings), body };
    },
  },
};
