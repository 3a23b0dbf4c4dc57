/** Small Stripe snapshot events, made here in Stripe's layout. */
export function chargeSucceeded(n: string | number, change: Record<string, unknown> = {}): string {
  return stripeEvent(`evt_${n}`, 'charge.succeeded', {
    id: `ch_${n}`,
    object: 'charge',
    amount: 1000,
    amount_captured: 1000,
    amount_refunded: 0,
    captured: true,
    paid: true,
    status: 'succeeded',
    currency: 'eur',
    created: 1_767_225_500,
    balance_transaction: `txn_${n}`,
    payment_intent: `pi_${n}`,
    ...change,
  });
}

export function refundCreated(n: string | number, charge: string, amount: number): string {
  return stripeEvent(`evt_re_${n}`, 'refund.created', {
    id: `re_${n}`,
    object: 'refund',
    amount,
    charge,
    currency: 'eur',
    created: 1_767_225_600,
    status: 'succeeded',
  });
}

export function stripeEvent(id: string, type: string, object: Record<string, unknown>): string {
  return JSON.stringify({
    id,
    object: 'event',
    api_version: '2025-03-31.basil',
    created: 1_767_225_600,
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
  });
}
