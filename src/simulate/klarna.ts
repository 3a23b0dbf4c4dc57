import { sign } from '../providers/klarna/sign.ts';
import { currencies, type Life, stableUuid } from './life.ts';
import type { Simulator } from './simulator.ts';
import { inSteps, isoSeconds, wireNumber } from './told-event.ts';

const KEY_ID = 'krn:partner:global:notification:signing-key:simulated';

/**
 * A life as Klarna tells it: orders by their ids, whose amounts only the order management API has; the amount of a dispute
 * is told (docs.klarna.com, "Set up your webhooks", "Payment disputes").
 */
const tellKlarna = inSteps((life, tell, account) => {
  const event = (type: string, payload: object): void =>
    tell(({ n, at }) => ({
      metadata: {
        event_type: type,
        event_id: stableUuid(life, `event${n}`),
        event_version: 'v2',
        occurred_at: isoSeconds(at),
        correlation_id: stableUuid(life, `correlation${n}`),
        subject_account_id: `krn:partner:global:account:test:${account}`,
        recipient_account_id: `krn:partner:global:account:test:${account}`,
        webhook_id: 'krn:partner:global:notification:webhook:simulated',
        live: false,
      },
      payload,
    }));
  const payment_transaction_id = `krn:payment:eu1:transaction:${orderId(life)}`;
  const request = {
    payment_request_id: `krn:payment:eu1:request:${stableUuid(life, 'request')}`,
    payment_reference: `order-${life.number}`,
  };
  event('payment.request.state-change.submitted', { ...request, state: 'SUBMITTED' });
  const context = { state_context: { payment_transaction_id } };
  event('payment.request.state-change.completed', { ...request, state: 'COMPLETED', ...context });
  for (const _part of life.captures ?? [life.amount])
    event('payment.transaction.state-change.captured', { payment_transaction_id, state: 'CAPTURED' });
  for (const _refund of life.refunds) event('payment.transaction.state-change.refunded', { payment_transaction_id });
  tellDispute(life, { payment_transaction_id }, event);
});

function tellDispute(life: Life, about: object, event: (type: string, payload: object) => void): void {
  if (life.dispute === null) return;
  const dispute = {
    ...about,
    payment_dispute_id: `krn:payment:eu1:dispute:${stableUuid(life, 'dispute')}`,
    dispute_details: {
      dispute_amount: wireNumber(life.dispute.amount),
      currency: life.currency,
      reason: 'UNAUTHORIZED',
    },
  };
  event('payment.dispute.state-change.opened', { ...dispute, state: 'OPENED' });
  if (life.dispute.outcome === 'open') return;
  const outcome = life.dispute.outcome.toUpperCase();
  event('payment.dispute.state-change.closed', { ...dispute, state: 'CLOSED', dispute_outcome: outcome });
}

export const orderId = (life: Life): string => stableUuid(life, 'order');

export const klarna: Simulator = {
  provider: 'klarna',
  currencies: currencies('EUR', 'USD', 'GBP'),
  abilities: {
    captures: 'parts',
    captureFailure: 'none',
    fees: false,
    refunds: 'many',
    refundFailure: 'none',
    disputes: 'loss',
    payouts: 'none',
  },
  tell: tellKlarna,
  sign: (body, { secret }) => ({ headers: sign(body, secret), body }),
  keys: { kind: 'shared', secret: (random) => `${KEY_ID} ${random.text(40)}` },
  settings: () => ({ mode: 'test' }),
  forgeries: { stale: null },
};
