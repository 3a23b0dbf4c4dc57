import { describe, expect, it } from 'vitest';
import type { Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { razorpay } from '../../../src/providers/razorpay/index.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { createRandom } from '../../support/random.ts';
import { NOW, razorpayEvent, razorpayPayment, samples } from './samples.ts';

const [SECRET] = samples.secrets;
const body = samples.money(1);
const signed = samples.sign(body, SECRET, NOW);
const MAC = hmacSha256(SECRET, body).toString('hex');

const withSignature = (...values: string[]): WebhookRequest => ({
  ...signed,
  headers: values.map((value) => ['x-razorpay-signature', value] as const),
});
const verify = (request: WebhookRequest, secrets: readonly string[] = [SECRET]): Verdict =>
  razorpay.verify(request, samples.context(secrets, NOW));

describe('verify', () => {
  it('takes lower-case hex only, and all of it', () => {
    expect(verify(withSignature(MAC)).kind).toBe('authentic');
    const others = [MAC.toUpperCase(), `${MAC}00`, MAC.slice(2), ` ${MAC}`, `${MAC}\n`, `0x${MAC}`, `sha256=${MAC}`];
    for (const text of [...others, Buffer.from(MAC, 'hex').toString('base64'), MAC.replace(/./, 'g')]) {
      expect(verify(withSignature(text)), text).toMatchObject({ kind: 'rejected', reason: 'signature_malformed' });
    }
    expect(verify(withSignature(MAC, MAC))).toMatchObject({ reason: 'signature_malformed' });
    expect(verify(withSignature('0'.repeat(64)))).toMatchObject({ reason: 'signature_mismatch' });
  });

  it('takes a retry that is signed with the secret before the last', () => {
    expect(verify(signed, ['new', '', SECRET])).toMatchObject({ kind: 'authentic', secretId: 's2' });
    expect(verify(signed, ['', ''])).toMatchObject({ reason: 'no_secret' });
  });

  it('never takes what was not signed, whatever it is (seed 8)', () => {
    const random = createRandom(8);
    const alphabet = [...'0123456789abcdefABCDEF=,:;{}[]" \u0000\u00ff'];
    const junk = (length: number): string =>
      Array.from({ length: random.below(length) }, () => random.pick(alphabet)).join('');
    for (let n = 0; n < 3_000; n += 1) {
      const headers = Array.from({ length: random.below(3) }, () => ['x-razorpay-signature', junk(70)] as const);
      const request = { ...signed, headers, body: random.below(2) === 0 ? Buffer.from(junk(200)) : body };
      expect(verify(request).kind).toBe('rejected');
      expect(['events', 'unreadable']).toContain(razorpay.identify(request, {}).kind);
    }
  });
});

describe('identify', () => {
  it('reads the id from the header, the rest from the body', () => {
    const headers = [['x-razorpay-event-id', 'MADEEVENT00001']] as const;
    expect(razorpay.identify({ ...signed, headers }, {})).toMatchObject({
      events: [
        {
          id: 'MADEEVENT00001',
          idSigned: false,
          type: 'payment.captured',
          account: 'acc_MADEACCOUNT01',
          occurredAt: NOW,
        },
      ],
    });
  });

  it('makes an id of what happened where a proxy dropped the header', () => {
    const id = (change: object = {}): string => {
      const event = razorpayEvent('payment.captured', { payment: razorpayPayment(change) });
      const found = razorpay.identify({ ...signed, headers: [], body: event }, {});
      return found.kind === 'events' ? (found.events[0]?.id ?? '') : '';
    };
    expect(id()).toBe(`payment.captured:pay_MADE1:${NOW / 1000}`);
    expect(id({ id: 'pay_MADE2' })).not.toBe(id());
  });

  it('finds no event in a body that names none', () => {
    for (const text of ['{}', '{"event":1e3}', '{"event":null}', '{"payload":{"payment":{}}}']) {
      const found = razorpay.identify({ ...signed, body: Buffer.from(text) }, {});
      expect(found.kind, text).toBe(text.includes('1e3') ? 'events' : 'unreadable');
    }
  });
});

it('checks the currency of settlements', () => {
  expect(razorpay.checkSettings({ settlement_currency: 'SGD' })).toEqual([]);
  for (const settlement_currency of ['inr', 'XXX', 5, '']) {
    expect(razorpay.checkSettings({ settlement_currency })).not.toEqual([]);
  }
  expect(razorpay.checkSettings({ tolerance_s: 300 })).not.toEqual([]);
  expect(razorpay.checkSecret(' made')).not.toBeNull();
});
