import { describe, expect, it } from 'vitest';
import type { EndpointSettings, Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { square } from '../../../src/providers/square/index.ts';
import { NOW, samples, squareEvent, squarePayment, URL } from './samples.ts';

const [KEY] = samples.secrets;
const body = squareEvent('payment.updated', 'payment', squarePayment());
const signed = samples.sign(body, KEY, NOW);

function verify(request: WebhookRequest, settings: EndpointSettings = samples.settings): Verdict {
  return square.verify(request, { ...samples.context([KEY], NOW), settings });
}

describe('verify', () => {
  it('signs the configured URL to the letter, whatever the request shows', () => {
    expect(verify({ ...signed, url: 'http://127.0.0.1:8080/webhooks/square' }).kind).toBe('authentic');
    for (const url of [`${URL}/`, URL.toUpperCase(), `${URL}?x=1`, URL.replace('https', 'http')]) {
      expect(verify(signed, { notification_url: url }), url).toMatchObject({ reason: 'signature_mismatch' });
    }
  });

  it('takes the URL of the request where none is configured', () => {
    expect(verify(signed, {}).kind).toBe('authentic');
    expect(verify({ ...signed, url: `${URL}x` }, {}).kind).toBe('rejected');
  });

  it('does not look at the older SHA-1 signature', () => {
    const headers = signed.headers
      .filter(([name]) => name !== 'x-square-hmacsha256-signature')
      .concat([['x-square-signature', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=']]);
    expect(verify({ ...signed, headers })).toMatchObject({ reason: 'signature_missing' });
  });

  it('refuses another writing of the right signature', () => {
    const mac = hmacSha256(KEY, URL, body);
    for (const text of [mac.toString('base64url'), mac.toString('hex'), ` ${mac.toString('base64')}`]) {
      const headers = [['x-square-hmacsha256-signature', text]] as const;
      expect(verify({ ...signed, headers }).kind, text).toBe('rejected');
    }
  });
});

describe('identify', () => {
  it('reads the event, its account, and its environment from the header', () => {
    const found = square.identify({ ...signed, headers: [['square-environment', 'Production']] }, {});
    expect(found).toMatchObject({
      events: [
        { id: '00000000-0000-4000-8000-000000000001', live: true, account: 'MADEMERCHANT1', occurredAt: NOW + 123 },
      ],
    });
    expect(square.identify({ ...signed, headers: [] }, {})).toMatchObject({ events: [{ live: null }] });
  });

  it('does not take data.id for the missing event id', () => {
    expect(square.identify({ ...signed, body: Buffer.from('{"data":{"id":"x"}}') }, {}).kind).toBe('unreadable');
  });
});

it('refuses settings that can be no notification URL', () => {
  for (const url of ['', 'gateway.example', 'https://a b', 1, null]) {
    expect(square.checkSettings({ notification_url: url })).not.toEqual([]);
  }
  expect(square.checkSettings({ tolerance_s: 300 })).not.toEqual([]);
});
