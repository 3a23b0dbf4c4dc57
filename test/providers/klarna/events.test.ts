import { describe, expect, it } from 'vitest';
import { klarna } from '../../../src/providers/klarna/index.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { completed, klarnaEvent, NOW, orderAnswer, orderId, SETTINGS } from './samples.ts';

function meaning(body: Buffer, fetched: Buffer | null = null): Normalised {
  return klarna.normalise(
    { item: 0, id: 'x', type: 'x', account: 'main', headers: [], body, receivedAt: NOW, level: 'body', fetched },
    SETTINGS,
  );
}

function effects(found: Normalised): readonly object[] {
  if (found.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(found, (_, v) => String(v))}`);
  return found.effects;
}

describe('orders', () => {
  it('are fetched by the id inside the transaction, or the order id', () => {
    expect(meaning(completed(1))).toMatchObject({ kind: 'fetch', object: { kind: 'order', id: orderId(1) } });
    const captured = klarnaEvent('payment.transaction.state-change.captured', { order_id: orderId(2) });
    expect(meaning(captured)).toMatchObject({ kind: 'fetch', object: { kind: 'order', id: orderId(2) } });
    expect(meaning(klarnaEvent('payment.request.state-change.completed', {}))).toMatchObject({ waitingFor: 'object' });
  });

  it('post what was authorised, each capture and each refund by its own id', () => {
    const refunds = [{ refund_id: 'made-refund-1', refunded_amount: 500, refunded_at: '2025-12-31T22:45:00.000Z' }];
    expect(effects(meaning(completed(1), orderAnswer(1, { refunds })))).toEqual([
      {
        type: 'payment.authorised',
        key: `${orderId(1)}:authorised`,
        at: Date.UTC(2025, 11, 31, 22),
        payment: orderId(1),
        amount: 10_000n,
        currency: 'EUR',
      },
      {
        type: 'payment.captured',
        key: 'made-capture-1:captured',
        at: Date.UTC(2025, 11, 31, 22, 30),
        payment: orderId(1),
        amount: 4_000n,
        currency: 'EUR',
        authorisation: { amount: 4_000n, final: false },
      },
      {
        type: 'refund.succeeded',
        key: 'made-refund-1:succeeded',
        at: Date.UTC(2025, 11, 31, 22, 45),
        refund: 'made-refund-1',
        payment: orderId(1),
        amount: 500n,
        currency: 'EUR',
      },
    ]);
  });

  it('release what is left when they are captured whole, cancelled or expire', () => {
    const whole = effects(meaning(completed(1), orderAnswer(1, { status: 'CAPTURED' })));
    expect(whole[1]).toMatchObject({ authorisation: { final: true } });
    for (const status of ['CANCELLED', 'EXPIRED', 'CLOSED']) {
      expect(effects(meaning(completed(1), orderAnswer(1, { status }))).at(-1), status).toMatchObject({
        type: 'payment.cancelled',
      });
    }
  });

  it('keep the amount first authorised, whatever was changed since', () => {
    const [authorised] = effects(meaning(completed(1), orderAnswer(1, { order_amount: 7_000 })));
    expect(authorised).toMatchObject({ amount: 10_000n });
  });

  it('post nothing of an answer that is not right', () => {
    const refused = (fetched: Buffer, code: string) =>
      expect(() => meaning(completed(1), fetched)).toThrow(expect.objectContaining({ code }));
    refused(orderAnswer(2), 'unreadable_event');
    refused(Buffer.from('[]'), 'unreadable_event');
    refused(orderAnswer(1, { captures: [{ captured_amount: 1 }] }), 'unreadable_event');
    refused(orderAnswer(1, { captures: [{ capture_id: 'x' }] }), 'unreadable_event');
    refused(orderAnswer(1, { original_order_amount: -1 }), 'amount_invalid');
    refused(orderAnswer(1, { original_order_amount: 1.5 }), 'amount_invalid');
    expect(meaning(completed(1), orderAnswer(1, { purchase_currency: 'XTS' }))).toMatchObject({
      waitingFor: 'currency',
    });
  });
});

describe('disputes', () => {
  const dispute = (state: string, payload: object = {}): Normalised =>
    meaning(
      klarnaEvent(`payment.dispute.state-change.${state.toLowerCase()}`, {
        payment_dispute_id: 'krn:made:dispute:1',
        order_id: orderId(1),
        state,
        ...payload,
      }),
    );
  const dispute_details = { dispute_amount: 39_900, currency: 'EUR' };

  it('cost the amount when they are lost', () => {
    expect(dispute('INITIATED', { dispute_details })).toMatchObject({ kind: 'no_effect', amount: { amount: 39_900n } });
    expect(dispute('CLOSED', { dispute_outcome: 'WON', dispute_details }).kind).toBe('no_effect');
    expect(effects(dispute('CLOSED', { dispute_outcome: 'LOST', dispute_details }))).toMatchObject([
      { type: 'dispute.withdrawn', key: 'krn:made:dispute:1:withdrawn', dispute: orderId(1), amount: 39_900n },
      { type: 'dispute.lost', key: 'krn:made:dispute:1:lost' },
    ]);
  });

  it('wait where the amount is not told, and refuse one that is none', () => {
    expect(dispute('CLOSED', { dispute_outcome: 'LOST' })).toMatchObject({ waitingFor: 'object' });
    expect(() => dispute('INITIATED', { dispute_details: { dispute_amount: -1, currency: 'EUR' } })).toThrow(
      expect.objectContaining({ code: 'amount_invalid' }),
    );
    expect(dispute('INITIATED', { dispute_details: { dispute_amount: 1, currency: 'X' } })).toMatchObject({
      waitingFor: 'currency',
    });
  });
});

it('takes a checkout that ends without money for evidence, and parks what it does not know', () => {
  for (const type of ['payment.request.state-change.submitted', 'payment.request.state-change.expired', 'customer.x']) {
    expect(meaning(klarnaEvent(type, {})).kind, type).toBe('no_effect');
  }
  for (const type of ['payment.token.created', 'settlement.available', 'constructor']) {
    expect(meaning(klarnaEvent(type, {})), type).toMatchObject({ waitingFor: 'adapter' });
  }
});
