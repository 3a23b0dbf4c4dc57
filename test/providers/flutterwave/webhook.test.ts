import { describe, expect, it } from 'vitest';
import { flutterwave } from '../../../src/providers/flutterwave/index.ts';
import { sign } from '../../../src/providers/flutterwave/sign.ts';
import type { EndpointSettings, IdentifiedEvent, Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { createRandom } from '../../support/random.ts';
import { flutterwaveCharge, NOW, samples, signedEvent, tokenEvent } from './samples.ts';

const [SECRET, OTHER] = samples.secrets;
const V4: EndpointSettings = { version: 'v4' };
const body = signedEvent('charge.completed', { id: 'chg_made1', amount: 25, currency: 'NGN', status: 'succeeded' });
const v3 = samples.sign(samples.money(1), SECRET, NOW);
const v4: WebhookRequest = { ...v3, body, headers: sign({ body }, SECRET, NOW, V4) };
const MAC = hmacSha256(SECRET, body).toString('base64');

const verify = (request: WebhookRequest, settings: EndpointSettings, secrets: readonly string[] = [SECRET]): Verdict =>
  flutterwave.verify(request, { ...samples.context(secrets, NOW), settings });
const withHeader = (name: string, ...values: string[]): WebhookRequest => ({
  ...v4,
  headers: values.map((value) => [name, value] as const),
});
const only = (bytes: Buffer, settings: EndpointSettings): IdentifiedEvent => {
  const found = flutterwave.identify({ ...v3, body: bytes }, settings);
  const event = found.kind === 'events' ? found.events[0] : undefined;
  if (event === undefined) throw new Error('no event');
  return event;
};

describe('verify', () => {
  it('says that a token proves the sender only, and a signature the body', () => {
    expect(verify(v3, {})).toEqual({ kind: 'authentic', level: 'token', secretId: 's0' });
    expect(verify(v4, V4)).toEqual({ kind: 'authentic', level: 'body', secretId: 's0' });
    expect(verify({ ...v3, body: Buffer.from('{}') }, {}).kind).toBe('authentic');
    expect(verify({ ...v4, body: Buffer.from('{}') }, V4)).toMatchObject({ reason: 'signature_mismatch' });
  });

  it('never lets whoever saw the token of v3 sign as v4, nor send a bare token to v4', () => {
    expect(verify(v4, {})).toMatchObject({ reason: 'signature_missing', detail: expect.stringContaining('v4') });
    expect(verify(v3, V4)).toMatchObject({ reason: 'signature_missing', detail: expect.stringContaining('v3') });
    expect(verify({ ...v4, headers: [] }, V4)).toMatchObject({ reason: 'signature_missing' });
  });

  it('takes a token to the letter, whatever its length', () => {
    for (const text of [SECRET.toUpperCase(), SECRET.slice(1), `${SECRET} `, '', 'x'.repeat(5_000), OTHER]) {
      expect(verify(withHeader('verif-hash', text), {}), text).toMatchObject({ reason: 'signature_mismatch' });
    }
    expect(verify(withHeader('verif-hash', OTHER), {}, [SECRET, '', OTHER])).toMatchObject({ secretId: 's2' });
    expect(verify(withHeader('verif-hash', ''), {}, [''])).toMatchObject({ reason: 'no_secret' });
    expect(verify(withHeader('verif-hash', SECRET, SECRET), {})).toMatchObject({ reason: 'signature_malformed' });
  });

  it('takes a signature written the one way base64 is', () => {
    expect(verify(withHeader('flutterwave-signature', MAC), V4).kind).toBe('authentic');
    const hex = Buffer.from(MAC, 'base64').toString('hex');
    for (const text of [hex, MAC.replace('=', ''), ` ${MAC}`, `${MAC}AAAA`, MAC.slice(0, 20), '']) {
      expect(verify(withHeader('flutterwave-signature', text), V4).kind, text).toBe('rejected');
    }
  });

  it('never takes what was not signed, whatever it is (seed 14)', () => {
    const random = createRandom(14);
    const alphabet = [...'ABCxyz019+/=-_{}":, \u0000\u00ff'];
    const junk = (length: number): string =>
      Array.from({ length: random.below(length) }, () => random.pick(alphabet)).join('');
    for (let n = 0; n < 3_000; n += 1) {
      const name = random.pick(['verif-hash', 'flutterwave-signature']);
      const headers = Array.from({ length: random.below(3) }, () => [name, junk(60)] as const);
      const request = { ...v4, headers, body: random.below(2) === 0 ? Buffer.from(junk(200)) : body };
      for (const settings of [{}, V4]) {
        expect(verify(request, settings).kind).toBe('rejected');
        expect(['events', 'unreadable']).toContain(flutterwave.identify(request, settings).kind);
      }
    }
  });
});

describe('identify', () => {
  it('makes an id of event, object and status for v3, whatever id the body claims', () => {
    const event = only(tokenEvent('charge.completed', flutterwaveCharge()), {});
    expect(event).toMatchObject({
      id: 'charge.completed:285959001:successful',
      idSigned: false,
      occurredAt: Date.UTC(2025, 11, 31, 23),
    });
    const claimed = Buffer.from('{"event":"charge.completed","id":"wbk_1","data":{"id":1,"status":"failed"}}');
    expect(only(claimed, {}).id).toBe('charge.completed:1:failed');
  });

  it('reads the id of v4', () => {
    expect(only(body, V4)).toMatchObject({
      id: 'wbk_made1',
      idSigned: true,
      type: 'charge.completed',
      occurredAt: NOW,
    });
    expect(only(signedEvent('charge.completed', {}, { id: undefined, webhook_id: 'wbk_2' }), V4).id).toBe('wbk_2');
    for (const settings of [{}, V4]) {
      const found = flutterwave.identify({ ...v3, body: Buffer.from('{"type":"x","event":"y"}') }, settings);
      expect(found.kind).toBe('unreadable');
    }
  });
});

it('checks its settings and its secret', () => {
  for (const settings of [{ version: 'v2' }, { api_key: 'sk_1' }, { currency: 'ngn' }, { tolerance_s: 1 }]) {
    expect(flutterwave.checkSettings(settings), JSON.stringify(settings)).not.toEqual([]);
  }
  expect(flutterwave.checkSettings({ version: 'v4', currency: 'NGN', api_key: 'FLWSECK-made-X' })).toEqual([]);
  for (const secret of ['', 'short', 'with a blank', 'ümläute-here']) {
    expect(flutterwave.checkSecret(secret), secret).not.toBeNull();
  }
});
