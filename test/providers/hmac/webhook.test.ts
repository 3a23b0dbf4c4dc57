import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hmacScheme } from '../../../src/providers/hmac/index.ts';
import { sign } from '../../../src/providers/hmac/sign.ts';
import type { EndpointSettings, Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { expectNoForgery } from '../../support/forged-requests.ts';
import { NOW, SETTINGS, samples, URL } from './samples.ts';

const [KEY] = samples.secrets;
const body = samples.money(1);

function signed(settings: EndpointSettings, secret = KEY, now = NOW): WebhookRequest {
  return { method: 'POST', url: URL, headers: sign({ body, url: URL }, secret, now, settings), body };
}

function verify(request: WebhookRequest, settings: EndpointSettings, secret = KEY): Verdict {
  return hmacScheme.verify(request, { ...samples.context([secret], NOW), settings });
}

function changed(request: WebhookRequest, name: string, ...values: string[]): WebhookRequest {
  const kept = request.headers.filter(([one]) => one !== name);
  return { ...request, headers: [...kept, ...values.map((value) => [name, value] as const)] };
}

const HEADER = 'x-acme-signature';
const plain = (more: object = {}): EndpointSettings => ({ signature_header: HEADER, ...more });

describe('schemes of real senders', () => {
  // Made with node:crypto here, not with our signer.
  const mac = (algorithm: string, key: string | Buffer, text: string) => createHmac(algorithm, key).update(text);
  it.each([
    ['hex over the body', plain(), [[HEADER, mac('sha256', KEY, `${body}`).digest('hex')]], KEY],
    [
      'GitHub',
      { signature_header: 'x-hub-signature-256', prefix: 'sha256=' },
      [['x-hub-signature-256', `sha256=${mac('sha256', KEY, `${body}`).digest('hex')}`]],
      KEY,
    ],
    [
      'SHA-512 in base64',
      plain({ algorithm: 'sha512', encoding: 'base64' }),
      [[HEADER, mac('sha512', KEY, `${body}`).digest('base64')]],
      KEY,
    ],
    ['SHA-1', plain({ algorithm: 'sha1' }), [[HEADER, mac('sha1', KEY, `${body}`).digest('hex').toUpperCase()]], KEY],
    [
      'Slack',
      {
        signature_header: 'x-slack-signature',
        prefix: 'v0=',
        signed: 'v0:{timestamp}:{body}',
        timestamp_header: 'x-slack-request-timestamp',
      },
      [
        ['x-slack-request-timestamp', `${NOW / 1000}`],
        ['x-slack-signature', `v0=${mac('sha256', KEY, `v0:${NOW / 1000}:${body}`).digest('hex')}`],
      ],
      KEY,
    ],
    [
      'method and URL, milliseconds, a key in hex',
      plain({
        signed: '{method}\n{url}\n{timestamp}\n{body}',
        timestamp_header: 'x-time',
        timestamp_unit: 'ms',
        secret_encoding: 'hex',
      }),
      [
        ['x-time', `${NOW}`],
        [HEADER, mac('sha256', Buffer.from('00ff00ff00ff00ff', 'hex'), `POST\n${URL}\n${NOW}\n${body}`).digest('hex')],
      ],
      '00ff00ff00ff00ff',
    ],
    [
      'an id and an ISO time, a key in base64',
      plain({
        signed: '{id}|{timestamp}|{body}',
        id_header: 'x-id',
        timestamp_header: 'x-time',
        timestamp_unit: 'iso',
        secret_encoding: 'base64',
      }),
      [
        ['x-id', 'evt-1'],
        ['x-time', '2026-01-01T00:00:00Z'],
        [
          HEADER,
          mac('sha256', Buffer.from('AAECAwQFBgc=', 'base64'), `evt-1|2026-01-01T00:00:00Z|${body}`).digest('hex'),
        ],
      ],
      'AAECAwQFBgc=',
    ],
  ] as const)('%s', (_name, settings, headers, secret) => {
    expect(hmacScheme.checkSettings(settings)).toEqual([]);
    const request = { method: 'POST', url: URL, headers, body };
    expect(verify(request, settings, secret)).toEqual({ kind: 'authentic', level: 'body', secretId: 's0' });
    expect(verify({ ...request, body: Buffer.concat([body, Buffer.from(' ')]) }, settings, secret)).toMatchObject({
      reason: 'signature_mismatch',
    });
    expect(verify(signed(settings, secret), settings, secret).kind).toBe('authentic');
  });
});

describe('verify', () => {
  it('refuses what is not written as the settings say', () => {
    const request = signed(SETTINGS);
    const value = request.headers.find(([name]) => name === HEADER)?.[1] ?? '';
    const mac = value.slice('sha256='.length);
    for (const text of [
      '',
      mac,
      `sha1=${mac}`,
      `sha256=${mac.slice(2)}`,
      `sha256=${mac}00`,
      `sha256= ${mac}`,
      `sha256=${'g'.repeat(64)}`,
    ])
      expect(verify(changed(request, HEADER, text), SETTINGS), text).toMatchObject({ reason: 'signature_malformed' });
    expect(verify(changed(request, HEADER), SETTINGS)).toMatchObject({ reason: 'signature_missing' });
    expect(verify(changed(request, HEADER, value, value), SETTINGS)).toMatchObject({ reason: 'signature_malformed' });
  });

  it('refuses a time that is missing, twice, no time, another or too old', () => {
    const request = signed(SETTINGS);
    const at = 'x-acme-timestamp';
    const now = NOW / 1000;
    for (const values of [[], ['x'], [''], [`${now}.0`], [`0${now}`], [`${now}`, `${now}`], ['2026-01-01T00:00:00Z']])
      expect(verify(changed(request, at, ...values), SETTINGS), values.join()).toMatchObject({
        reason: 'signature_malformed',
      });
    expect(verify(changed(request, at, `${now + 1}`), SETTINGS)).toMatchObject({ reason: 'signature_mismatch' });
    expect(verify(signed(SETTINGS, KEY, NOW - 301_000), SETTINGS)).toMatchObject({ reason: 'stale' });
    expect(verify(signed(SETTINGS, KEY, NOW - 301_000), { ...SETTINGS, tolerance_s: 301 }).kind).toBe('authentic');
  });

  it('lets no id reach over its separator', () => {
    const settings = plain({ signed: '{id}.{body}', id_header: 'x-id' });
    const mac = createHmac('sha256', KEY).update(`a.b.${body}`).digest('hex');
    const request = changed(changed(signed(settings), HEADER, mac), 'x-id', 'a.b');
    expect(verify(request, settings)).toMatchObject({ reason: 'signature_malformed' });
    const shifted = { ...changed(request, 'x-id', 'a'), body: Buffer.from(`b.${body}`) };
    expect(verify(shifted, settings).kind).toBe('authentic');
  });

  it('counts a key it cannot read, and settings without a scheme, as no secret', () => {
    expect(verify(signed(SETTINGS), { ...SETTINGS, secret_encoding: 'hex' })).toMatchObject({ reason: 'no_secret' });
    expect(verify(signed(SETTINGS), {})).toMatchObject({ reason: 'no_secret' });
    expect(hmacScheme.identify(signed(SETTINGS), {}).kind).toBe('unreadable');
  });

  it('takes nothing for a body or header that nobody signed', () => expectNoForgery(samples, [HEADER]));
});

describe('the id', () => {
  const only = (settings: EndpointSettings, request: WebhookRequest) => {
    const found = hmacScheme.identify(request, settings);
    return found.kind === 'events' ? found.events[0] : undefined;
  };

  it('is signed in the body or in the template, and not as a header alone', () => {
    const request = changed(signed(SETTINGS), 'x-id', 'evt-1');
    expect(only(SETTINGS, request)).toMatchObject({ id: 'evt_made1', idSigned: true, type: 'payment.succeeded' });
    expect(only(plain({ id_header: 'x-id' }), request)).toMatchObject({ id: 'evt-1', idSigned: false });
    expect(only(plain({ id_header: 'x-id', signed: '{id}.{body}' }), request)).toMatchObject({ idSigned: true });
  });

  it('must be there', () => {
    for (const values of [[], [''], ['a b'], ['x'.repeat(257)]])
      expect(only(plain({ id_header: 'x-id' }), changed(signed(SETTINGS), 'x-id', ...values))).toBeUndefined();
    expect(only(plain({ id_path: 'data.nothing' }), signed(SETTINGS))).toBeUndefined();
  });
});

describe('checkSettings', () => {
  it.each([
    [{}, 'signature_header', 'is needed'],
    [{ signature_header: 'X-Signature' }, 'signature_header', 'lower case'],
    [plain({ algorithm: 'md5' }), 'algorithm', 'sha256, sha512, sha1'],
    [plain({ encoding: 'base32' }), 'encoding', 'hex, base64'],
    [plain({ prefix: '' }), 'prefix', 'sha256='],
    [plain({ signed: 1 }), 'signed', '{timestamp}.{body}'],
    [plain({ signed: '' }), 'signed', '{timestamp}.{body}'],
    [plain({ signed: '{timestamp}' }), 'signed', 'must hold {body}'],
    [plain({ signed: '{body}{body}' }), 'signed', '{body} twice'],
    [plain({ signed: '{Body}' }), 'signed', 'knows no {Body}'],
    [plain({ signed: '{body' }), 'signed', 'without a }'],
    [plain({ signed: 'x}{body}' }), 'signed', 'without a {'],
    [plain({ signed: '{timestamp}{body}', timestamp_header: 'x-t' }), 'signed', 'separator between'],
    [plain({ signed: '{timestamp}0{body}', timestamp_header: 'x-t' }), 'signed', 'part of a time'],
    [
      plain({ signed: '{timestamp}.{body}', timestamp_header: 'x-t', timestamp_unit: 'iso' }),
      'signed',
      'part of a time',
    ],
    [plain({ signed: '{timestamp}.{body}' }), 'timestamp_header', 'no header says which'],
    [plain({ timestamp_header: 'x-t' }), 'timestamp_header', 'proves nothing'],
    [plain({ timestamp_unit: 's' }), 'timestamp_unit', 'needs a timestamp_header'],
    [plain({ tolerance_s: 5 }), 'tolerance_s', 'needs a signed time'],
    [plain({ signed: '{id}.{body}' }), 'id_header', 'no header says which'],
    [plain({ id_header: 'x-id', id_path: 'id' }), 'id_header', 'exclude each other'],
    [plain({ id_path: '=fixed' }), 'id_path', 'path into the body'],
    [plain({ secret_encoding: 'utf8' }), 'secret_encoding', 'text, hex, base64'],
    [plain({ mapping: { rules: [] } }), 'mapping/rules', '1 to'],
  ] as const)('%j: %s', (settings, name, message) => {
    const faults = hmacScheme.checkSettings(settings).filter(({ path }) => path === `/${name}`);
    expect(faults.map((one) => one.message).join('; ')).toContain(message);
  });
});
