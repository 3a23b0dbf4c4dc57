import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { adyen } from '../../../src/providers/adyen/index.ts';
import type { EndpointSettings, Normalised } from '../../../src/providers/provider.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { adyenBody, adyenItem } from './samples.ts';

const MANUAL: EndpointSettings = { capture: 'manual' };
const PAYMENT = 'MADEPAYMENT00001';

function told(change: object, settings: EndpointSettings = {}): Normalised {
  return meaningOf(adyen, adyenBody(adyenItem(change)), settings);
}

function modification(eventCode: string, change: object = {}, settings: EndpointSettings = {}): Normalised {
  return told({ eventCode, pspReference: 'MOD1', originalReference: PAYMENT, ...change }, settings);
}

function effects(meaning: Normalised): readonly object[] {
  if (meaning.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(meaning, (_, v) => String(v))}`);
  return meaning.effects;
}

describe('payments', () => {
  it('are captured by their authorisation where the account captures automatically', () => {
    expect(effects(told({}))).toEqual([
      {
        type: 'payment.captured',
        key: 'MADEPSP000000001:captured',
        at: Date.UTC(2025, 11, 31, 23, 59, 50),
        payment: 'MADEPSP000000001',
        amount: 12345n,
        currency: 'EUR',
        captureMode: 'assumed',
      },
    ]);
  });

  it('are only authorised where it captures by hand, unless the method has no separate capture', () => {
    expect(effects(told({}, MANUAL))).toMatchObject([
      { type: 'payment.authorised', key: 'MADEPSP000000001:authorised' },
    ]);
    for (const paymentMethod of ['ideal', 'directEbanking', 'molpay_ebanking_fpx_MY']) {
      const [effect] = effects(told({ paymentMethod }, MANUAL));
      expect(effect).toMatchObject({ type: 'payment.captured' });
      expect(effect).not.toHaveProperty('captureMode');
    }
  });

  it('prove themselves manual by a capture or a cancellation', () => {
    expect(effects(modification('CAPTURE'))).toMatchObject([
      { type: 'payment.captured', key: 'MOD1:captured', payment: PAYMENT, captureMode: 'proves_manual' },
    ]);
    expect(effects(modification('CAPTURE'))[0]).toMatchObject({ authorisation: { amount: 12345n, final: true } });
    for (const code of ['CANCELLATION', 'TECHNICAL_CANCEL', 'EXPIRE']) {
      expect(effects(modification(code))).toMatchObject([
        { type: 'payment.cancelled', key: 'MOD1:cancelled', payment: PAYMENT, captureMode: 'proves_manual' },
      ]);
    }
  });

  it('release what a capture takes from the authorisation', () => {
    const release = { authorisation: { amount: 12345n, final: true } };
    expect(effects(modification('CAPTURE', {}, MANUAL))).toMatchObject([release]);
    const parts = { ...MANUAL, multiple_partial_captures: true };
    expect(effects(modification('CAPTURE', {}, parts))).toMatchObject([{ authorisation: { final: false } }]);
  });

  it('are taken back by CAPTURE_FAILED, which tells the capture as CAPTURE does', () => {
    for (const settings of [{}, MANUAL]) {
      const [captured, reversed] = effects(modification('CAPTURE_FAILED', {}, settings));
      expect([captured]).toEqual(effects(modification('CAPTURE', {}, settings)));
      expect(reversed).toMatchObject({
        type: 'payment.reversed',
        key: 'MOD1:reversed',
        payment: PAYMENT,
        amount: 12345n,
      });
    }
  });

  it('of nothing move nothing', () => {
    expect(told({ amount: { currency: 'EUR', value: 0 } }).kind).toBe('no_effect');
  });
});

describe('refunds', () => {
  it('are keyed by their own reference and name their payment', () => {
    for (const code of ['REFUND', 'REFUND_WITH_DATA']) {
      expect(effects(modification(code))).toMatchObject([
        { type: 'refund.succeeded', key: 'MOD1:succeeded', refund: 'MOD1', payment: PAYMENT },
      ]);
    }
    for (const code of ['REFUND_FAILED', 'REFUNDED_REVERSED']) {
      expect(effects(modification(code))).toMatchObject([
        { type: 'refund.failed', key: 'MOD1:failed', refund: 'MOD1' },
      ]);
    }
  });

  it('or cancellations, as CANCEL_OR_REFUND says', () => {
    const action = (text: string) => ({ additionalData: { 'modification.action': text } });
    expect(effects(modification('CANCEL_OR_REFUND', action('refund')))).toMatchObject([{ type: 'refund.succeeded' }]);
    expect(effects(modification('CANCEL_OR_REFUND', action('cancel')))).toMatchObject([{ type: 'payment.cancelled' }]);
    expect(modification('CANCEL_OR_REFUND', action('neither'))).toMatchObject({
      kind: 'deferred',
      waitingFor: 'object',
    });
  });
});

describe('disputes', () => {
  it('are keyed by movement, and lost once whoever says so', () => {
    const keys = (code: string) => effects(modification(code)).map((effect) => ('key' in effect ? effect.key : ''));
    expect(keys('CHARGEBACK')).toEqual(['MOD1:CHARGEBACK']);
    expect(keys('CHARGEBACK_REVERSED')).toEqual(['MOD1:CHARGEBACK_REVERSED']);
    expect(keys('SECOND_CHARGEBACK')).toEqual(['MOD1:SECOND_CHARGEBACK', 'MOD1:lost']);
    expect(keys('PREARBITRATION_LOST')).toEqual(['MOD1:lost']);
    expect(keys('DISPUTE_DEFENSE_PERIOD_ENDED')).toEqual(['MOD1:lost']);
  });
});

describe('what posts nothing', () => {
  it('success=false of anything', () => {
    for (const code of ['AUTHORISATION', 'CAPTURE', 'CAPTURE_FAILED', 'REFUND', 'CHARGEBACK', 'CANCELLATION']) {
      for (const success of ['false', 'TRUE', '']) expect(modification(code, { success }).kind).toBe('no_effect');
    }
  });

  it('evidence, a type nobody knows, and a currency nobody knows', () => {
    for (const code of ['REPORT_AVAILABLE', 'NOTIFICATION_OF_CHARGEBACK', 'PAYOUT_THIRDPARTY', 'constructor']) {
      expect(['no_effect', 'deferred']).toContain(modification(code).kind);
    }
    expect(told({ amount: { currency: 'QQQ', value: 1 } })).toMatchObject({ kind: 'deferred', waitingFor: 'currency' });
  });

  it('an amount that is none', () => {
    for (const value of ['12.5', '1e3', '', 'x', '-1', '10'.repeat(16)]) {
      expect(() => told({ amount: { currency: 'EUR', value } })).toThrow(
        expect.objectContaining({ code: 'amount_invalid' }),
      );
    }
  });
});

describe('amounts', () => {
  it.each([
    ['CLP', 150000, 1500n],
    ['ISK', 150000, 1500n],
    ['IDR', 1500, 150000n],
    ['CVE', 1500, 150000n],
    ['JPY', 1500, 1500n],
    ['BHD', 1500, 1500n],
    ['EUR', '9007199254740993', 9007199254740993n],
  ])('%s %s', (currency, value, amount) => {
    expect(told({ amount: { currency, value } }).amount).toEqual({ amount, currency });
  });

  it('wait where they do not convert exactly', () => {
    expect(told({ amount: { currency: 'CLP', value: 150001 } })).toMatchObject({
      kind: 'deferred',
      waitingFor: 'currency',
    });
  });
});

it('takes the time of receipt where eventDate is no time', () => {
  expect(effects(told({ eventDate: '2026-13-45T00:00:00Z' }))).toMatchObject([{ at: 1_767_225_600_000 }]);
});

const folder = samplesFolder('webhooks', 'adyen', 'samples', 'acquiring');
describe.skipIf(!existsSync(folder))('the acquiring samples', () => {
  it.each(existsSync(folder) ? readdirSync(folder) : [])('%s', (name) => {
    for (const settings of [{}, MANUAL]) {
      const meaning = meaningOf(adyen, readFileSync(`${folder}/${name}`), settings);
      expect(meaning.kind).toMatch(/^(effects|no_effect)$/);
    }
  });
});
