import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkout } from '../../../src/providers/checkout/index.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { checkoutEvent, payment } from './samples.ts';

const meaning = (type: string, change: object = {}): Normalised =>
  meaningOf(checkout, checkoutEvent(type, payment(change)));
const dispute = (type: string, change: object = {}): Normalised =>
  meaningOf(
    checkout,
    checkoutEvent(type, {
      id: 'dsp_made1',
      payment_id: 'pay_made1',
      amount: 8150,
      currency: 'GBP',
      date: '2025-12-31T00:00:00.5Z',
      ...change,
    }),
  );

function effects(found: Normalised): readonly object[] {
  if (found.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(found, (_, v) => String(v))}`);
  return found.effects;
}
const types = (found: Normalised) => effects(found).map((effect) => ('type' in effect ? effect.type : ''));

describe('payments', () => {
  it('are captured in parts, each by its action', () => {
    expect(effects(meaning('payment_captured'))).toEqual([
      {
        type: 'payment.captured',
        key: 'act_made1:captured',
        at: Date.UTC(2025, 11, 31, 23, 0, 0, 469),
        payment: 'pay_made1',
        amount: 6540n,
        currency: 'USD',
        authorisation: { amount: 6540n, final: true },
      },
    ]);
    const part = { action_id: 'act_made2', amount: 1000, balances: { available_to_capture: 5540 } };
    expect(effects(meaning('payment_captured', part))).toMatchObject([
      {
        key: 'act_made2:captured',
        payment: 'pay_made1',
        amount: 1000n,
        authorisation: { amount: 1000n, final: false },
      },
    ]);
  });

  it('are authorised, voided in part or whole, and expire', () => {
    expect(effects(meaning('payment_approved'))).toMatchObject([
      { type: 'payment.authorised', key: 'pay_made1:authorised' },
    ]);
    expect(meaning('payment_voided', { balances: { available_to_capture: 1 } }).kind).toBe('no_effect');
    for (const type of ['payment_voided', 'payment_canceled', 'payment_expired']) {
      expect(effects(meaning(type)), type).toMatchObject([{ type: 'payment.cancelled', key: 'pay_made1:cancelled' }]);
    }
  });

  it('go back when they are returned after success', () => {
    expect(effects(meaning('payment_returned', { action_id: 'act_made9' }))).toMatchObject([
      { type: 'payment.reversed', key: 'act_made9:returned', payment: 'pay_made1', amount: 6540n },
    ]);
  });

  it('move nothing where something is only tried or refused', () => {
    for (const type of ['payment_declined', 'payment_capture_declined', 'payment_capture_pending', 'payment_pending']) {
      expect(meaning(type).kind, type).toBe('no_effect');
    }
    for (const type of ['authentication_failed', 'card_verified', 'card_verification_declined']) {
      expect(meaningOf(checkout, checkoutEvent(type, {})).kind, type).toBe('no_effect');
    }
  });

  it('wait where they are payouts to somebody, lack what they promise, or belong to a family we do not post', () => {
    expect(meaning('payment_approved', { destination: { type: 'card' } })).toMatchObject({ waitingFor: 'adapter' });
    expect(meaning('payment_paid', { source: { type: 'currency_account' } })).toMatchObject({ waitingFor: 'adapter' });
    expect(meaning('payment_captured', { id: undefined })).toMatchObject({ waitingFor: 'object' });
    expect(meaning('payment_captured', { currency: undefined })).toMatchObject({ waitingFor: 'object' });
    for (const type of ['issuing_transaction_cleared', 'balances_topup_received', 'card', 'constructor']) {
      expect(meaningOf(checkout, checkoutEvent(type, {})), type).toMatchObject({ waitingFor: 'adapter' });
    }
  });
});

describe('refunds', () => {
  it('are told apart by their action, and fail', () => {
    expect(types(meaning('payment_refund_pending'))).toEqual(['refund.created']);
    expect(effects(meaning('payment_refunded', { action_id: 'act_made3', amount: 10 }))).toMatchObject([
      { type: 'refund.succeeded', key: 'act_made3:succeeded', refund: 'act_made3', payment: 'pay_made1', amount: 10n },
    ]);
    expect(types(meaning('payment_refund_declined'))).toEqual(['refund.failed']);
  });
});

describe('disputes', () => {
  it('take the money when evidence is required, and every later state says so', () => {
    expect(dispute('dispute_received').kind).toBe('no_effect');
    expect(effects(dispute('dispute_evidence_required'))).toEqual([
      {
        type: 'dispute.withdrawn',
        key: 'dsp_made1:withdrawn',
        at: Date.UTC(2025, 11, 31, 0, 0, 0, 500),
        dispute: 'pay_made1',
        amount: 8150n,
        currency: 'GBP',
      },
    ]);
    expect(types(dispute('dispute_won'))).toEqual(['dispute.withdrawn', 'dispute.reinstated']);
    expect(effects(dispute('dispute_canceled'))).toEqual(effects(dispute('dispute_won')));
    expect(types(dispute('dispute_lost'))).toEqual(['dispute.withdrawn', 'dispute.lost']);
    for (const type of ['dispute_expired', 'dispute_accepted', 'dispute_arbitration_lost']) {
      expect(effects(dispute(type)), type).toEqual(effects(dispute('dispute_lost')));
    }
  });

  it('cost nothing where the payment was refunded before, and the amount where they were resolved rapidly', () => {
    expect(dispute('dispute_resolved', { resolved_reason: 'already_refunded' }).kind).toBe('no_effect');
    expect(types(dispute('dispute_resolved', { resolved_reason: 'rapid_dispute_resolution' }))).toEqual([
      'dispute.withdrawn',
      'dispute.lost',
    ]);
    expect(dispute('dispute_teleported')).toMatchObject({ waitingFor: 'adapter' });
  });
});

describe('currencies', () => {
  const amountOf = (amount: unknown, currency: string) =>
    meaning('payment_captured', { amount, currency }).amount?.amount;

  it('are scaled by their list', () => {
    expect(amountOf(500, 'ISK')).toBe(500n);
    expect(amountOf(500, 'UGX')).toBe(500n);
    expect(amountOf(500, 'JPY')).toBe(500n);
    expect(amountOf(50_000, 'CLP')).toBe(500n);
    expect(amountOf(1_230, 'KWD')).toBe(1_230n);
    expect(amountOf(1_230, 'HUF')).toBe(1_230n);
  });

  it('park what their scale does not fit, or no list knows', () => {
    for (const [amount, currency] of [
      [50_001, 'CLP'],
      [1_231, 'BHD'],
      [1, 'CLF'],
      [1, 'XTS'],
      [1, 'usd'],
    ] as const) {
      expect(meaning('payment_captured', { amount, currency }), currency).toMatchObject({ waitingFor: 'currency' });
    }
  });

  it('refuse amounts that are none', () => {
    for (const amount of [-1, 10.5, '10.50', 1e30]) {
      expect(() => meaning('payment_captured', { amount }), String(amount)).toThrow(
        expect.objectContaining({ code: 'amount_invalid' }),
      );
    }
  });
});

const file = samplesFolder('webhooks', 'checkout', 'vectors.json');
it.skipIf(!existsSync(file))('the vectors’ own event posts one capture', () => {
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as Array<{ body_base64: string }>;
  expect(vectors.map(({ body_base64 }) => effects(meaningOf(checkout, Buffer.from(body_base64, 'base64'))))).toEqual(
    vectors.map(() => [
      expect.objectContaining({ key: 'act_y3oqhf46pyzuxjbcn2giaqnb44:captured', amount: 6540n, currency: 'USD' }),
    ]),
  );
});
