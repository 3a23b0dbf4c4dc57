import { describe, expect, it } from 'vitest';
import { checkout } from '../../../src/providers/checkout/index.ts';
import { sign } from '../../../src/providers/checkout/sign.ts';
import type { EndpointSettings, WebhookRequest } from '../../../src/providers/provider.ts';
import { createRandom } from '../../support/random.ts';
import { checkoutEvent, NOW, payment, samples } from './samples.ts';

const [KEY] = samples.secrets;
const body = samples.money(1);
const signed = samples.sign(body, KEY, NOW);
const MAC = signed.headers.find(([name]) => name === 'cko-signature')?.[1] ?? '';
const verify = (request: WebhookRequest, settings: EndpointSettings = {}) =>
  checkout.verify(request, { ...samples.context([KEY], NOW), settings });

describe('verify', () => {
  it('reads bytes, not numbers: 1.10 is not 1.1', () => {
    const exact = checkoutEvent('payment_captured', payment({ metadata: { rate: 'R' } })).toString();
    const one = Buffer.from(exact.replace('"R"', '1.10'));
    const other = Buffer.from(exact.replace('"R"', '1.1'));
    const request = samples.sign(one, KEY, NOW);
    expect(verify(request).kind).toBe('authentic');
    expect(verify({ ...request, body: other })).toMatchObject({ reason: 'signature_mismatch' });
  });

  it('refuses a right signature with anything around it', () => {
    for (const text of [`${MAC}0`, `${MAC}\n`, `sha256=${MAC}`, Buffer.from(MAC, 'hex').toString('base64')]) {
      expect(verify({ ...signed, headers: [['cko-signature', text]] }), text).toMatchObject({
        reason: 'signature_malformed',
      });
    }
  });

  it('wants the Authorization header where one is configured, and never it alone', () => {
    const settings = { authorization_token: 'Basic bWFkZQ==' };
    const both = { ...signed, headers: sign(body, KEY, settings) };
    expect(verify(both, settings).kind).toBe('authentic');
    expect(verify(both).kind).toBe('authentic');
    expect(verify(signed, settings)).toMatchObject({ reason: 'signature_missing' });
    expect(verify(both, { authorization_token: 'Basic b' })).toMatchObject({ reason: 'signature_mismatch' });
    const twice = { ...both, headers: [...both.headers, ['authorization', 'Basic bWFkZQ=='] as const] };
    expect(verify(twice, settings).kind).toBe('rejected');
    const alone = { ...both, headers: both.headers.filter(([name]) => name !== 'cko-signature') };
    expect(verify(alone, settings)).toMatchObject({ reason: 'signature_missing' });
  });

  it('never takes what was not signed, and never throws', () => {
    const random = createRandom(20_261_123);
    for (let n = 0; n < 2_000; n += 1) {
      const junk = Buffer.from(Array.from({ length: random.below(80) }, () => random.below(256)));
      const value = random.pick([junk.toString('latin1'), junk.toString('hex'), MAC.slice(1), MAC.toUpperCase()]);
      const request = { ...signed, body: junk, headers: [['cko-signature', value] as const] };
      expect(verify(request).kind, `request ${n}`).toBe('rejected');
      expect(() => checkout.identify(request, {})).not.toThrow();
    }
  });
});

describe('identify', () => {
  const found = (made: Buffer) => checkout.identify(samples.sign(made, KEY, NOW), {});

  it('reads the event, and its environment from its own address', () => {
    expect(found(body)).toMatchObject({
      events: [{ id: 'evt_made1', type: 'payment_captured', apiVersion: '1.0.29', live: false, occurredAt: NOW + 123 }],
    });
    const at = (href: unknown) => found(checkoutEvent('x', {}, { _links: { self: { href } } }));
    expect(at('https://api.checkout.com/workflows/events/e')).toMatchObject({ events: [{ live: true }] });
    for (const href of ['https://checkout.com.evil.example/', 'no url', 7, undefined, 'https://evilcheckout.com/'])
      expect(at(href), String(href)).toMatchObject({ events: [{ live: null }] });
  });

  it('keeps an authentic body that is no JSON for a person', () => {
    // The shape that was sent: an authentication_failed without the name of its data, and with U+FFFD in it.
    const broken = Buffer.from('{"id":"evt_made1","type":"authentication_failed","\ufffd":"",{"session":"x"}}');
    expect(verify(samples.sign(broken, KEY, NOW)).kind).toBe('authentic');
    expect(found(broken).kind).toBe('unreadable');
    expect(found(Buffer.from('{"type":"payment_captured"}')).kind).toBe('unreadable');
  });
});

it('refuses settings and keys that can be none', () => {
  for (const authorization_token of ['', ' x', 'a\nb', 1]) {
    expect(checkout.checkSettings({ authorization_token })).not.toEqual([]);
  }
  expect(checkout.checkSettings({ authorization_token: 'Bearer made token' })).toEqual([]);
  expect(checkout.checkSettings({ tolerance_s: 300 })).not.toEqual([]);
  for (const secret of ['short', 'two words here', 'é'.repeat(9)]) expect(checkout.checkSecret(secret)).not.toBeNull();
});
