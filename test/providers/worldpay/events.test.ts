import { describe, expect, it } from 'vitest';
import type { EndpointSettings, Normalised } from '../../../src/providers/provider.ts';
import { worldpay } from '../../../src/providers/worldpay/index.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { worldpayEvent } from './samples.ts';

const meaning = (type: string, details: object = {}, settings: EndpointSettings = {}): Normalised =>
  meaningOf(worldpay, worldpayEvent(type, details), settings);

function effects(found: Normalised): readonly object[] {
  if (found.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(found, (_, v) => String(v))}`);
  return found.effects;
}

describe('payments', () => {
  it('are captured once, whichever of two events tells it', () => {
    expect(effects(meaning('sentForSettlement'))).toEqual([
      {
        type: 'payment.captured',
        key: 'made-order-1:captured',
        at: Date.UTC(2025, 11, 31, 23, 0, 0, 407),
        payment: 'made-order-1',
        amount: 2500n,
        currency: 'EUR',
        authorisation: { amount: 2500n, final: true },
      },
    ]);
    expect(effects(meaning('settled'))).toEqual(effects(meaning('sentForSettlement')));
  });

  it('are captured in parts by their reference, and taken back when settlement fails', () => {
    const part = { reference: 'part:1', amount: { value: 100, currencyCode: 'EUR' } };
    expect(effects(meaning('sentForSettlement', part))).toMatchObject([
      { key: 'made-order-1/part%3A1:captured', authorisation: { amount: 100n, final: false } },
    ]);
    expect(effects(meaning('settlementFailed', part))).toMatchObject([
      { type: 'payment.reversed', key: 'made-order-1/part%3A1:reversed', captureKey: 'made-order-1/part%3A1:captured' },
    ]);
  });

  it('never share a key, whatever a merchant calls his payments', () => {
    const keys = [
      meaning('sentForSettlement', { transactionReference: 'A', reference: 'B' }),
      meaning('sentForSettlement', { transactionReference: 'A/B' }),
      meaning('sentForSettlement', { transactionReference: 'A:captured' }),
      meaning('sentForSettlement', { transactionReference: 'A' }),
    ].flatMap((one) => effects(one).map((effect) => ('key' in effect ? effect.key : '')));
    expect(new Set(keys).size).toBe(4);
  });

  it('are authorised, cancelled and expire', () => {
    expect(effects(meaning('authorized'))).toMatchObject([
      { type: 'payment.authorised', key: 'made-order-1:authorised' },
    ]);
    for (const type of ['cancelled', 'expired']) {
      expect(effects(meaning(type)), type).toMatchObject([
        { type: 'payment.cancelled', key: 'made-order-1:cancelled' },
      ]);
    }
    for (const type of ['sentForAuthorization', 'refused', 'error', 'tokenCreated']) {
      expect(meaning(type).kind, type).toBe('no_effect');
    }
  });
});

describe('refunds and chargebacks', () => {
  it('are asked for, paid, and fail', () => {
    const refund = { refund: 'made-order-1/r1', payment: 'made-order-1', amount: 2500n };
    const about = { reference: 'r1' };
    expect(effects(meaning('sentForRefund', about))).toMatchObject([
      { type: 'refund.created', key: 'made-order-1/r1:created', ...refund },
    ]);
    expect(effects(meaning('refunded', about))).toMatchObject([{ type: 'refund.succeeded', ...refund }]);
    expect(effects(meaning('refundFailed', about))).toMatchObject([{ type: 'refund.failed', ...refund }]);
    expect(effects(meaning('refunded'))).toMatchObject([{ refund: 'made-order-1' }]);
  });

  it('take money back by a chargeback, not by a question', () => {
    expect(effects(meaning('chargedBack'))).toMatchObject([
      { type: 'dispute.withdrawn', key: 'made-order-1:charged_back', dispute: 'made-order-1' },
    ]);
    expect(meaning('informationRequested', { classification: 'chargeback' }).kind).toBe('no_effect');
    expect(meaning('decided', { classification: 'chargeback' })).toMatchObject({ waitingFor: 'adapter' });
    expect(meaning('sentForRefund', { classification: 'payout' })).toMatchObject({ waitingFor: 'adapter' });
  });
});

describe('amounts', () => {
  const of = (value: unknown, currencyCode: string, settings?: EndpointSettings) =>
    meaning('settled', { amount: { value, currencyCode } }, settings);

  it('of other than two decimals wait until somebody says how they are scaled', () => {
    expect(of(250, 'JPY')).toMatchObject({ waitingFor: 'currency' });
    expect(of(250, 'JPY', { currency_exponents: { JPY: 0 } }).amount).toEqual({ amount: 250n, currency: 'JPY' });
    expect(of(25_000, 'JPY', { currency_exponents: { JPY: 2 } }).amount).toEqual({ amount: 250n, currency: 'JPY' });
    expect(of(251, 'JPY', { currency_exponents: { JPY: 2 } })).toMatchObject({ waitingFor: 'currency' });
    expect(of(1, 'XTS', { currency_exponents: { XTS: 2 } })).toMatchObject({ waitingFor: 'currency' });
  });

  it('that are none are refused, and missing ones wait', () => {
    for (const value of [-1, 1.5, 1e30]) {
      expect(() => of(value, 'EUR'), String(value)).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
    }
    expect(meaning('settled', { amount: undefined })).toMatchObject({ waitingFor: 'object' });
    expect(meaning('settled', { transactionReference: undefined })).toMatchObject({ waitingFor: 'object' });
  });
});
