import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Normalised } from '../../../src/providers/provider.ts';
import { square } from '../../../src/providers/square/index.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { squareEvent, squarePayment } from './samples.ts';

function effects(meaning: Normalised): readonly object[] {
  if (meaning.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(meaning, (_, v) => String(v))}`);
  return meaning.effects;
}

const payment = (change: object = {}) =>
  meaningOf(square, squareEvent('payment.updated', 'payment', squarePayment(change)));
const refund = (status: string, change: object = {}) =>
  meaningOf(
    square,
    squareEvent('refund.updated', 'refund', {
      id: 'madeRefund1',
      status,
      amount_money: { amount: 500, currency: 'USD' },
      payment_id: 'madePayment1',
      ...change,
    }),
  );
const dispute = (state: string) =>
  meaningOf(
    square,
    squareEvent('dispute.state.updated', 'dispute', {
      id: 'd1',
      state,
      amount_money: { amount: 700, currency: 'USD' },
    }),
  );
const payout = (status: string, amount = 900) =>
  meaningOf(
    square,
    squareEvent(`payout.${status.toLowerCase()}`, 'payout', {
      id: 'po_1',
      status,
      amount_money: { amount, currency: 'USD' },
    }),
  );
const types = (meaning: Normalised) => effects(meaning).map((effect) => ('type' in effect ? effect.type : ''));

describe('payments', () => {
  it('are captured with their tip, when the card was', () => {
    expect(effects(payment())).toEqual([
      {
        type: 'payment.captured',
        key: 'madePayment1:captured',
        at: Date.UTC(2025, 11, 31, 23, 0, 1),
        payment: 'madePayment1',
        amount: 1100n,
        currency: 'USD',
        authorisation: { amount: 1100n, final: true },
      },
    ]);
  });

  it('tell their fees later, each under its own key', () => {
    const fee = (type: string, amount: number) => ({
      type,
      effective_at: '2026-01-02T00:00:00.000Z',
      amount_money: { amount, currency: 'USD' },
    });
    const later = effects(payment({ processing_fee: [fee('INITIAL', 34), fee('ADJUSTMENT', -4), {}] }));
    expect(later.slice(1)).toMatchObject([
      {
        type: 'payment.fee_known',
        key: 'madePayment1:fee:INITIAL:2026-01-02T00:00:00.000Z',
        amount: 34n,
        of: 'payment',
      },
      { key: 'madePayment1:fee:ADJUSTMENT:2026-01-02T00:00:00.000Z', amount: -4n, reference: 'madePayment1' },
    ]);
  });

  it('go by their status, not by the type of the event', () => {
    expect(types(payment({ status: 'APPROVED' }))).toEqual(['payment.authorised']);
    expect(types(payment({ status: 'CANCELED' }))).toEqual(['payment.cancelled']);
    expect(types(payment({ status: 'FAILED' }))).toEqual(['payment.failed']);
    expect(payment({ status: 'PENDING' }).kind).toBe('no_effect');
    expect(payment({ status: 'TELEPORTED' })).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('wait where they lack what they promise', () => {
    expect(payment({ total_money: undefined, amount_money: undefined })).toMatchObject({
      kind: 'fetch',
      object: { kind: 'payment', id: 'madePayment1' },
    });
    expect(payment({ total_money: { amount: 1, currency: 'UNKNOWN_CURRENCY' } })).toMatchObject({
      waitingFor: 'currency',
    });
    for (const amount of [1.5, -1])
      expect(() => payment({ total_money: { amount, currency: 'USD' } })).toThrow(
        expect.objectContaining({ code: 'amount_invalid' }),
      );
  });
});

describe('refunds', () => {
  it('go by their status', () => {
    expect(effects(refund('PENDING'))).toMatchObject([
      { type: 'refund.created', key: 'madeRefund1:created', payment: 'madePayment1' },
    ]);
    expect(types(refund('COMPLETED'))).toEqual(['refund.succeeded']);
    expect(types(refund('FAILED'))).toEqual(['refund.failed']);
    expect(types(refund('REJECTED'))).toEqual(['refund.failed']);
    expect(refund('constructor')).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('give back fees as fees below zero, of the refund', () => {
    const processing_fee = [{ type: 'INITIAL', effective_at: 'x', amount_money: { amount: -34, currency: 'USD' } }];
    expect(effects(refund('COMPLETED', { processing_fee }))[1]).toMatchObject({
      of: 'refund',
      reference: 'madeRefund1',
      amount: -34n,
    });
  });
});

describe('disputes', () => {
  it('move no money as an inquiry, and every later state says it was taken', () => {
    expect(dispute('INQUIRY_PROCESSING').kind).toBe('no_effect');
    expect(types(dispute('EVIDENCE_REQUIRED'))).toEqual(['dispute.withdrawn']);
    expect(types(dispute('WON'))).toEqual(['dispute.withdrawn', 'dispute.reinstated']);
    expect(types(dispute('LOST'))).toEqual(['dispute.withdrawn', 'dispute.lost']);
    expect(effects(dispute('ACCEPTED'))).toEqual(effects(dispute('LOST')));
  });
});

describe('payouts', () => {
  it('are sent once, however often they are told, and may be negative', () => {
    expect(effects(payout('PAID'))).toEqual(effects(payout('SENT')));
    expect(effects(payout('SENT', -103))).toMatchObject([{ type: 'payout.created', amount: -103n }]);
    expect(types(payout('FAILED'))).toEqual(['payout.created', 'payout.failed']);
  });
});

const folder = samplesFolder('webhooks', 'square', 'samples', 'sdk-wire');
describe.skipIf(!existsSync(folder))('the samples', () => {
  const kinds = {
    payment: 'payment.updated',
    refund: 'refund.updated',
    dispute: 'dispute.state.updated',
    payout: 'payout.paid',
  } as const;
  const objects = (existsSync(folder) ? readdirSync(folder) : []).flatMap((name) => {
    const sample = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as Record<string, unknown>;
    const wrapped = Object.entries(kinds).flatMap(([kind, type]) => {
      const list = [sample[kind], ...((sample[`${kind}s`] as object[] | undefined) ?? [])];
      return list
        .filter((one) => one instanceof Object)
        .map((one) => [`${name} ${kind}`, squareEvent(type, kind, one)] as const);
    });
    const events = ((sample.events as object[] | undefined) ?? []).map(
      (one) => [name, Buffer.from(JSON.stringify(one))] as const,
    );
    return [...wrapped, ...events];
  });

  it.each(objects)('%s', (_name, body) => {
    const meaning = meaningOf(square, body);
    expect(meaning.kind === 'deferred' ? meaning.waitingFor : meaning.kind).toMatch(/^(effects|no_effect|currency)$/);
  });
});
