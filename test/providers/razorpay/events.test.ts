import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EndpointSettings, Normalised } from '../../../src/providers/provider.ts';
import { razorpay } from '../../../src/providers/razorpay/index.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { NOW, razorpayEvent, razorpayPayment, razorpayRefund } from './samples.ts';

function effects(meaning: Normalised): readonly object[] {
  if (meaning.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(meaning, (_, v) => String(v))}`);
  return meaning.effects;
}
const types = (meaning: Normalised) => effects(meaning).map((effect) => ('type' in effect ? effect.type : ''));

const told = (type: string, entities: Record<string, object>, settings: EndpointSettings = {}): Normalised =>
  meaningOf(razorpay, razorpayEvent(type, entities), settings);
const payment = (type: string, change: object = {}, settings: EndpointSettings = {}): Normalised =>
  told(`payment.${type}`, { payment: razorpayPayment(change) }, settings);
const refund = (type: string, change: object = {}, paid: object = {}): Normalised =>
  told(`refund.${type}`, { refund: razorpayRefund(change), payment: razorpayPayment(paid) });
const dispute = (type: string, change: object = {}): Normalised =>
  told(`payment.dispute.${type}`, {
    payment: razorpayPayment(),
    dispute: {
      id: 'disp_MADE1',
      payment_id: 'pay_MADE1',
      amount: 30_000,
      amount_deducted: 30_000,
      currency: 'INR',
      phase: 'chargeback',
      status: type === 'created' ? 'open' : type,
      created_at: NOW / 1000 - 90,
      ...change,
    },
  });
const settlement = (change: object = {}, settings: EndpointSettings = { settlement_currency: 'INR' }): Normalised =>
  told(
    'settlement.processed',
    {
      settlement: {
        id: 'setl_MADE1',
        amount: 48_820,
        status: 'processed',
        fees: 0,
        tax: 0,
        utr: 'MADEUTR1',
        created_at: NOW / 1000 - 5,
        ...change,
      },
    },
    settings,
  );

describe('payments', () => {
  it('are captured with their fee, less the tax that is in it', () => {
    expect(payment('captured')).toEqual({
      kind: 'effects',
      amount: { amount: 50_000n, currency: 'INR' },
      references: [
        { kind: 'payment', id: 'pay_MADE1' },
        { kind: 'order', id: 'order_MADE1' },
      ],
      effects: [
        {
          type: 'payment.captured',
          key: 'pay_MADE1:captured',
          at: NOW - 60_000,
          payment: 'pay_MADE1',
          amount: 50_000n,
          currency: 'INR',
          authorisation: { amount: 50_000n, final: true },
        },
        {
          type: 'payment.fee_known',
          key: 'pay_MADE1:fee',
          at: NOW - 60_000,
          reference: 'pay_MADE1',
          of: 'payment',
          amount: 1000n,
          currency: 'INR',
        },
      ],
    });
  });

  it('tell the same of a capture whichever event brings it, and in whichever order', () => {
    expect(effects(payment('authorized'))).toEqual(effects(payment('captured')));
    expect(effects(payment('captured', { captured: null, status: 'authorized' }))).toEqual(
      effects(payment('captured')),
    );
    expect(types(payment('failed'))).toEqual(['payment.captured', 'payment.fee_known']);
  });

  it('go by what the entity reached', () => {
    const open = { captured: false, fee: null, tax: null };
    expect(effects(payment('authorized', { ...open, status: 'authorized' }))).toMatchObject([
      { type: 'payment.authorised', key: 'pay_MADE1:authorised', amount: 50_000n },
    ]);
    expect(types(payment('failed', { ...open, status: 'failed' }))).toEqual(['payment.failed']);
    expect(types(payment('authorized', { ...open, status: 'refunded' }))).toEqual(['payment.cancelled']);
    expect(payment('authorized', { ...open, status: 'created' }).kind).toBe('no_effect');
    expect(payment('authorized', { ...open, status: 'teleported' })).toMatchObject({ waitingFor: 'adapter' });
  });

  it('leave the fee of a foreign payment to the settlement where its currency is not told', () => {
    const foreign = { currency: 'USD', international: true };
    expect(types(payment('captured', foreign))).toEqual(['payment.captured']);
    for (const meaning of [
      payment('captured', foreign, { settlement_currency: 'INR' }),
      payment('captured', { ...foreign, base_currency: 'INR' }),
    ]) {
      expect(effects(meaning)[1]).toMatchObject({ currency: 'INR', amount: 1000n });
    }
  });

  it('read the tax of old events, and keep amounts exact', () => {
    expect(effects(payment('captured', { tax: undefined, service_tax: 80 }))[1]).toMatchObject({ amount: 1100n });
    expect(types(payment('captured', { fee: 0, tax: 0 }))).toEqual(['payment.captured']);
    const exact = razorpayEvent('payment.captured', { payment: razorpayPayment() });
    const big = Buffer.from(exact.toString().replace('50000', '9007199254740993'));
    expect(meaningOf(razorpay, big).amount).toEqual({ amount: 9_007_199_254_740_993n, currency: 'INR' });
    expect(payment('captured', { currency: 'JPY', amount: 500 }).amount).toEqual({ amount: 500n, currency: 'JPY' });
  });

  it('wait or fail where money cannot be read', () => {
    expect(payment('captured', { currency: 'ZZZ' })).toMatchObject({ kind: 'deferred', waitingFor: 'currency' });
    expect(payment('captured', { currency: undefined })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(payment('captured', { amount: undefined })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(payment('captured', { id: undefined })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(told('payment.captured', {})).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    for (const amount of [-1, 1.5, '1e3', '9'.repeat(30)]) {
      expect(() => payment('captured', { amount }), String(amount)).toThrow(
        expect.objectContaining({ code: 'amount_invalid' }),
      );
    }
  });
});

describe('refunds', () => {
  it('go by the further of event and status', () => {
    const created = refund('created', { status: 'pending' });
    expect(effects(created)).toMatchObject([
      { type: 'refund.created', key: 'rfnd_MADE1:created', payment: 'pay_MADE1', amount: 20_000n },
    ]);
    expect(types(refund('created'))).toEqual(['refund.succeeded']);
    expect(effects(refund('processed', { status: 'pending' }))).toEqual(effects(refund('processed')));
    expect(effects(refund('speed_changed'))).toEqual(effects(refund('processed')));
    expect(types(refund('failed', { status: 'failed' }))).toEqual(['refund.failed']);
    expect(types(refund('failed'))).toEqual(['refund.failed']);
    expect(refund('created', { status: 'lost' })).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('of payments that were never captured give back an authorisation, not money', () => {
    expect(effects(refund('processed', {}, { captured: false, status: 'refunded' }))).toMatchObject([
      { type: 'payment.cancelled', key: 'pay_MADE1:cancelled', payment: 'pay_MADE1' },
    ]);
  });
});

describe('disputes', () => {
  it('move what was deducted, once, whatever tells of it', () => {
    expect(effects(dispute('created'))).toMatchObject([
      { type: 'dispute.withdrawn', key: 'disp_MADE1:withdrawn', amount: 30_000n, at: NOW - 90_000 },
    ]);
    expect(effects(dispute('under_review'))).toEqual(effects(dispute('created')));
    expect(types(dispute('lost'))).toEqual(['dispute.withdrawn', 'dispute.lost']);
    expect(effects(dispute('lost'))[0]).toEqual(effects(dispute('created'))[0]);
    expect(effects(dispute('won'))).toMatchObject([
      { key: 'disp_MADE1:withdrawn' },
      { type: 'dispute.reinstated', key: 'disp_MADE1:reinstated', amount: 30_000n, at: NOW },
    ]);
  });

  it('move nothing before they are lost', () => {
    for (const type of ['created', 'under_review', 'action_required', 'closed', 'won', 'lost']) {
      expect(dispute(type, { amount_deducted: 0 }).kind, type).toBe('no_effect');
    }
    expect(dispute('created', { status: 'teleported' })).toMatchObject({ waitingFor: 'adapter' });
  });
});

describe('settlements and transfers', () => {
  it('pay out under the settlement’s id', () => {
    expect(effects(settlement())).toEqual([
      {
        type: 'payout.created',
        key: 'setl_MADE1:created',
        at: NOW - 5_000,
        payout: 'setl_MADE1',
        amount: 48_820n,
        currency: 'INR',
      },
    ]);
  });

  it('wait for the currency that a settlement does not tell, and for a status that is not final', () => {
    expect(settlement({}, {})).toMatchObject({ kind: 'deferred', waitingFor: 'currency' });
    expect(effects(settlement({ currency: 'SGD' }, {}))).toMatchObject([{ currency: 'SGD' }]);
    expect(settlement({ status: 'failed' })).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    expect(told('settlement.failed', {})).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('pass money on to a linked account once it went', () => {
    const transfer = (type: string, change: object = {}): Normalised =>
      told(`transfer.${type}`, {
        transfer: {
          id: 'trf_MADE1',
          status: type,
          source: 'pay_MADE1',
          recipient: 'acc_MADESELLER1',
          amount: 10_000,
          currency: 'INR',
          processed_at: NOW / 1000,
          created_at: NOW / 1000 - 10,
          ...change,
        },
      });
    expect(effects(transfer('processed'))).toMatchObject([
      { type: 'transfer.created', key: 'trf_MADE1:created', seller: 'acc_MADESELLER1', at: NOW },
    ]);
    expect(transfer('failed').kind).toBe('no_effect');
    expect(transfer('processed', { recipient: null })).toMatchObject({ kind: 'deferred' });
  });
});

it('takes what names a payment again for evidence, and parks what it was not taught', () => {
  const entities = { payment: razorpayPayment(), order: { id: 'order_MADE1', status: 'paid' } };
  for (const type of [
    'order.paid',
    'invoice.paid',
    'payment_link.paid',
    'subscription.charged',
    'payment.downtime.started',
  ]) {
    expect(told(type, entities).kind, type).toBe('no_effect');
  }
  for (const type of ['payout.processed', 'transaction.created', 'orders', 'payment.', 'constructor']) {
    expect(told(type, entities), type).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  }
});

const folder = samplesFolder('webhooks', 'razorpay', 'samples');
describe.skipIf(!existsSync(folder))('the samples', () => {
  const expected: Readonly<Record<string, readonly string[]>> = {
    // Its entity is captured already, with a service_tax of old.
    'payment.authorized.json': ['pay_6koWN7bvxujzxM:captured', 'pay_6koWN7bvxujzxM:fee'],
  };
  const files = existsSync(folder) ? readdirSync(folder) : [];

  it.each(files)('%s', (name) => {
    const meaning = meaningOf(razorpay, readFileSync(`${folder}/${name}`));
    expect(effects(meaning).map((effect) => ('key' in effect ? effect.key : ''))).toEqual(expected[name]);
  });
});
