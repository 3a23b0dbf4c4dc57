import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { amazonPay } from '../../../src/providers/amazon-pay/index.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { charge, ipn, NOW, signed, snsMessage } from './samples.ts';

const CHARGE = 'S02-0000001-0000001-C000001';
const REFUND = 'S02-0000001-0000001-R000001';
const DISPUTE = 'S02-0000001-0000001-B000001';

function meaning(objectType: string, objectId: string, answer: object | null): Normalised {
  return amazonPay.normalise(
    {
      item: 0,
      id: 'made',
      type: 'made',
      account: 'main',
      headers: [],
      body: signed(snsMessage(ipn(objectType, objectId))),
      receivedAt: NOW,
      level: 'body',
      fetched: answer === null ? null : Buffer.from(JSON.stringify(answer)),
    },
    {},
  );
}

function effects(found: Normalised): readonly { type: string; key: string }[] {
  if (found.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(found, (_, v) => String(v))}`);
  return found.effects;
}

const inState = (state: string, change: object = {}) =>
  meaning('CHARGE', CHARGE, charge({ statusDetails: { state, lastUpdatedTimestamp: '20251231T231500Z' }, ...change }));
const refund = (state: string, change: object = {}) =>
  meaning('REFUND', REFUND, {
    refundId: REFUND,
    chargeId: CHARGE,
    refundAmount: { amount: '5.00', currencyCode: 'EUR' },
    creationTimestamp: '20251231T230000Z',
    statusDetails: { state, lastUpdatedTimestamp: '20251231T233000Z' },
    ...change,
  });
const dispute = (state: string, resolution?: string) =>
  meaning('CHARGEBACK', DISPUTE, {
    disputeId: DISPUTE,
    chargeId: CHARGE,
    disputeType: 'Chargeback',
    disputeAmount: { amount: '400', currencyCode: 'EUR' },
    creationTimestamp: '20251220T000000Z',
    statusDetails: { state, resolution, lastUpdatedTimestamp: '20251231T000000Z' },
  });

describe('a notification', () => {
  it('only names its object, which is asked for first', () => {
    expect(meaning('CHARGE', CHARGE, null)).toMatchObject({
      kind: 'fetch',
      object: { kind: 'payment', id: CHARGE },
      references: [
        { kind: 'payment', id: CHARGE },
        { kind: 'order', id: 'S02-0000001-0000001' },
      ],
      amount: null,
    });
    expect(meaning('REFUND', REFUND, null)).toMatchObject({ object: { kind: 'refund', id: REFUND } });
    expect(meaning('CHARGEBACK', DISPUTE, null)).toMatchObject({ object: { kind: 'dispute', id: DISPUTE } });
  });

  it('of a consent moves no money, and of what nobody knows waits', () => {
    expect(meaning('CHARGE_PERMISSION', 'S02-0000001-0000001', null).kind).toBe('no_effect');
    for (const type of ['TELEPORT', 'CONSTRUCTOR', '__PROTO__'])
      expect(meaning(type, 'x', null)).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    const plain = signed(snsMessage('hello'));
    expect(meaningOf(amazonPay, plain)).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    const ended = signed({ ...snsMessage('x', { Token: 'x', SubscribeURL: 'x' }), Type: 'UnsubscribeConfirmation' });
    expect(meaningOf(amazonPay, ended).kind).toBe('no_effect');
  });

  it('is not posted by an answer about something else, and never asks twice', () => {
    for (const answer of [
      {},
      charge({ chargeId: 'S02-other' }),
      charge({ statusDetails: {} }),
      charge({ chargeAmount: {} }),
    ])
      expect(meaning('CHARGE', CHARGE, answer)).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(() => meaning('CHARGE', CHARGE, [])).not.toThrow();
  });
});

describe('charges', () => {
  it('are captured with what was captured', () => {
    expect(effects(inState('Captured'))).toEqual([
      {
        type: 'payment.captured',
        key: `${CHARGE}:captured`,
        at: Date.UTC(2025, 11, 31, 23, 15),
        payment: CHARGE,
        amount: 1234n,
        currency: 'EUR',
        authorisation: { amount: 1234n, final: true },
      },
    ]);
    expect(effects(inState('Captured', { captureAmount: null }))).toMatchObject([{ amount: 1400n }]);
  });

  it('go by the state they are found in', () => {
    expect(effects(inState('Authorized'))).toMatchObject([{ type: 'payment.authorised', amount: 1400n }]);
    expect(effects(inState('Canceled'))).toMatchObject([{ type: 'payment.cancelled' }]);
    expect(effects(inState('Declined'))).toMatchObject([{ type: 'payment.failed' }]);
    for (const state of ['AuthorizationInitiated', 'CaptureInitiated']) expect(inState(state).kind).toBe('no_effect');
    for (const state of ['Teleported', 'constructor'])
      expect(inState(state)).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('keep their amounts exact', () => {
    const amount = (text: string, currencyCode: string) =>
      effects(inState('Captured', { captureAmount: { amount: text, currencyCode } }))[0];
    expect(amount('1000', 'JPY')).toMatchObject({ amount: 1000n, currency: 'JPY' });
    expect(amount('90071992547409.93', 'USD')).toMatchObject({ amount: 9007199254740993n });
    for (const text of ['-1', '1.001', '1e3', '9'.repeat(30)])
      expect(() => amount(text, 'EUR'), text).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
    expect(inState('Captured', { chargeAmount: { amount: '1', currencyCode: 'XXX' } })).toMatchObject({
      kind: 'deferred',
      waitingFor: 'currency',
    });
  });
});

describe('refunds', () => {
  it('begin, succeed and fail', () => {
    expect(effects(refund('RefundInitiated'))).toMatchObject([
      {
        type: 'refund.created',
        key: `${REFUND}:created`,
        at: Date.UTC(2025, 11, 31, 23),
        payment: CHARGE,
        amount: 500n,
      },
    ]);
    expect(effects(refund('Refunded'))).toMatchObject([{ type: 'refund.succeeded', key: `${REFUND}:succeeded` }]);
    expect(effects(refund('Declined'))).toMatchObject([{ type: 'refund.failed', at: Date.UTC(2025, 11, 31, 23, 30) }]);
    expect(refund('constructor')).toMatchObject({ waitingFor: 'adapter' });
    expect(refund('Refunded').references).toContainEqual({ kind: 'payment', id: CHARGE });
  });
});

describe('chargebacks', () => {
  it('cost what the buyer won', () => {
    for (const state of ['Resolved', 'Closed'])
      expect(effects(dispute(state, 'BuyerWon'))).toMatchObject([
        { type: 'dispute.withdrawn', key: `${DISPUTE}:withdrawn`, amount: 40000n, at: Date.UTC(2025, 11, 20) },
        { type: 'dispute.lost', key: `${DISPUTE}:lost`, amount: 40000n, at: Date.UTC(2025, 11, 31) },
      ]);
  });

  it('are evidence until then, and when they were won', () => {
    for (const state of ['UnderReview', 'ActionRequired']) expect(dispute(state).kind).toBe('no_effect');
    for (const resolution of ['MerchantWon', 'NoFault']) expect(dispute('Resolved', resolution).kind).toBe('no_effect');
    expect(dispute('Resolved')).toMatchObject({ waitingFor: 'adapter' });
    expect(dispute('Teleported')).toMatchObject({ waitingFor: 'adapter' });
  });
});

const vectors = samplesFolder('webhooks', 'amazon-pay', 'vectors.json');
describe.skipIf(!existsSync(vectors))('the vectors', () => {
  const EXPECTED: Readonly<Record<string, string>> = {
    'sns-v1-no-subject': 'deferred',
    'message-changed': 'deferred',
    'cert-host-suffix-trick': 'deferred',
    'certificate-expired-at-now': 'deferred',
    'sns-subscription-confirmation': 'no_effect',
    'amazonpay-charge-state-change': 'fetch',
  };
  const all = existsSync(vectors)
    ? (JSON.parse(readFileSync(vectors, 'utf8')) as { name: string; body_base64: string }[])
    : [];

  it.each(all)('$name', ({ name, body_base64 }) => {
    expect(meaningOf(amazonPay, Buffer.from(body_base64, 'base64')).kind).toBe(EXPECTED[name]);
  });
});
