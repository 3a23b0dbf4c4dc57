import { paddle } from '../../../src/providers/paddle/index.ts';
import { sign } from '../../../src/providers/paddle/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/paddle';
export const NOW = 1_767_225_600_000;

/** An event of ours around one entity in Paddle's layout. */
export function paddleEvent(type: string, data: object, change: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      event_id: 'evt_made0001',
      event_type: type,
      occurred_at: '2026-01-01T00:00:00.123456Z',
      notification_id: 'ntf_made0001',
      data,
      ...change,
    }),
  );
}

export function paddleTransaction(change: object = {}, details: object = {}): Record<string, unknown> {
  return {
    id: 'txn_made1',
    status: 'completed',
    currency_code: 'USD',
    invoice_id: 'inv_made1',
    subscription_id: 'sub_made1',
    customer_id: 'ctm_made1',
    billed_at: '2025-12-31T23:00:02Z',
    details: {
      totals: { subtotal: '1000', tax: '100', total: '1100', grand_total: '1100', grand_total_tax: '100', fee: '66' },
      payout_totals: { fee: '60', currency_code: 'EUR' },
      ...details,
    },
    payments: [
      { payment_attempt_id: 'at-2', status: 'captured', amount: '1100', captured_at: '2025-12-31T23:00:01Z' },
      { payment_attempt_id: 'at-1', status: 'error', amount: '1100', captured_at: null },
    ],
    ...change,
  };
}

export function paddleAdjustment(change: object = {}): Record<string, unknown> {
  return {
    id: 'adj_made1',
    action: 'refund',
    status: 'approved',
    transaction_id: 'txn_made1',
    currency_code: 'USD',
    totals: { total: '550', tax: '50', fee: '33', earnings: '467', currency_code: 'USD' },
    payout_totals: { total: '500', fee: '30', chargeback_fee: null, currency_code: 'EUR' },
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-02T00:00:00Z',
    ...change,
  };
}

const money = (n: number, amount: number): object =>
  paddleTransaction({
    id: `txn_made${n}`,
    payments: [{ payment_attempt_id: `at-${n}`, status: 'captured', amount: String(amount) }],
  });
const about = (n: number): object => ({ event_id: `evt_made${n}` });

export const samples: ProviderSamples = {
  provider: paddle,
  settings: {},
  now: NOW,
  secrets: ['pdl_ntfset_made0001_first', 'pdl_ntfset_made0002_second'],
  sign: (body, secret, now) => ({ method: 'POST', url: URL, headers: sign({ body, url: URL }, secret, now), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: {},
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => paddleEvent('transaction.completed', money(n, 1000 + n), about(n)),
  // A replay is another delivery of the same event.
  retried: (n) =>
    paddleEvent('transaction.completed', money(n, 1000 + n), { ...about(n), notification_id: 'ntf_made0002' }),
  altered: (n) => paddleEvent('transaction.completed', money(n, 9), about(n)),
  unknownType: () => paddleEvent('teleport.created', { id: 'x' }),
  staleAfterMs: 5_000,
  idSigned: true,
  namesSecret: true,
};
