import { describe, expect, it } from 'vitest';
import { paystack } from '../../../src/providers/paystack/index.ts';
import type { IdentifiedEvent, Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { hmac, hmacSha256 } from '../../../src/providers/signature.ts';
import { createRandom } from '../../support/random.ts';
import { NOW, paystackCharge, paystackEvent, samples } from './samples.ts';

const [SECRET] = samples.secrets;
const body = samples.money(1);
const signed = samples.sign(body, SECRET, NOW);
const MAC = hmac('sha512', SECRET, body).toString('hex');

const withSignature = (...values: string[]): WebhookRequest => ({
  ...signed,
  headers: values.map((value) => ['x-paystack-signature', value] as const),
});
const verify = (request: WebhookRequest, secrets: readonly string[] = [SECRET]): Verdict =>
  paystack.verify(request, samples.context(secrets, NOW));
const only = (bytes: Buffer): IdentifiedEvent => {
  const found = paystack.identify({ ...signed, body: bytes }, {});
  const event = found.kind === 'events' ? found.events[0] : undefined;
  if (event === undefined) throw new Error('no event');
  return event;
};

describe('verify', () => {
  it('takes a SHA-512 in lower-case hex and nothing else', () => {
    expect(verify(withSignature(MAC)).kind).toBe('authentic');
    const sha256 = hmacSha256(SECRET, body).toString('hex');
    for (const text of [sha256, sha256 + sha256, MAC.toUpperCase(), `${MAC}00`, MAC.slice(2), ` ${MAC}`, `${MAC}\n`]) {
      expect(verify(withSignature(text)).kind, text).toBe('rejected');
    }
    expect(verify(withSignature(sha256))).toMatchObject({ reason: 'signature_malformed' });
    expect(verify(withSignature(MAC, MAC))).toMatchObject({ reason: 'signature_malformed' });
  });

  it('never takes what was not signed, whatever it is (seed 13)', () => {
    const random = createRandom(13);
    const alphabet = [...'0123456789abcdef{}":, \u0000\u00ff'];
    const junk = (length: number): string =>
      Array.from({ length: random.below(length) }, () => random.pick(alphabet)).join('');
    for (let n = 0; n < 3_000; n += 1) {
      const headers = Array.from({ length: random.below(3) }, () => ['x-paystack-signature', junk(140)] as const);
      const request = { ...signed, headers, body: random.below(2) === 0 ? Buffer.from(junk(200)) : body };
      expect(verify(request).kind).toBe('rejected');
      expect(['events', 'unreadable']).toContain(paystack.identify(request, {}).kind);
    }
  });
});

describe('identify', () => {
  it('makes an id of event, object and status, exact beyond 2^53', () => {
    expect(only(paystackEvent('charge.success', paystackCharge()))).toMatchObject({
      id: 'charge.success:4099260516:success',
      live: true,
      account: null,
      occurredAt: Date.UTC(2025, 11, 31, 23),
    });
    const exact = Buffer.from(
      '{"event":"charge.success","data":{"id":9007199254740993,"status":"success","domain":"test"}}',
    );
    expect(only(exact)).toMatchObject({ id: 'charge.success:9007199254740993:success', live: false });
  });

  it('tells two refunds of one payment apart by their content', () => {
    const refund = (amount: string): IdentifiedEvent =>
      only(
        paystackEvent('refund.pending', {
          status: 'pending',
          transaction_reference: 'made-ref-1',
          refund_reference: null,
          amount,
        }),
      );
    expect(refund('100').id).toBe('refund.pending:made-ref-1:pending');
    expect(refund('200').id).toBe(refund('100').id);
    expect(refund('200').fingerprint()).not.toEqual(refund('100').fingerprint());
    expect(refund('100').idSigned).toBe(false);
  });

  it('names what names nothing by its bytes', () => {
    const cards = (n: number): IdentifiedEvent => only(paystackEvent('subscription.expiring_cards', [{ n }]));
    expect(cards(1).id).toBe(cards(1).id);
    expect(cards(1).id).not.toBe(cards(2).id);
  });
});

it('wants a secret key, not a public one', () => {
  for (const secret of ['pk_test_madeKey1', 'sk_test_', 'sk_test_a b', 'sk_made_key12']) {
    expect(paystack.checkSecret(secret), secret).not.toBeNull();
  }
  expect(paystack.checkSettings({ tolerance_s: 1 })).not.toEqual([]);
});
