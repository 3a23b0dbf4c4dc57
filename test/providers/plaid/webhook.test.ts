import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { plaid } from '../../../src/providers/plaid/index.ts';
import { sign } from '../../../src/providers/plaid/sign.ts';
import type { Verdict, VerifyContext, WebhookRequest } from '../../../src/providers/provider.ts';
import { createRandom } from '../../support/random.ts';
import { FIRST, makeKey, NOW, plaidBody, samples, URL } from './samples.ts';

const BODY = plaidBody();
const SETTINGS = { client_id: 'madeclientid0001', api_key: 'madeapisecret0001' };
const signed = (body = BODY, key = FIRST, now = NOW): WebhookRequest => ({
  method: 'POST',
  url: URL,
  headers: sign({ body, url: URL }, key.privateJwk, now),
  body,
});
const verify = (request: WebhookRequest, change: Partial<VerifyContext> = {}): Verdict =>
  plaid.verify(request, { ...samples.context([FIRST.publicJwk], NOW), ...change });
const tokenOf = (request: WebhookRequest): string =>
  request.headers.find(([name]) => name === 'plaid-verification')?.[1] ?? '';
const withToken = (token: string): WebhookRequest => ({ ...signed(), headers: [['plaid-verification', token]] });
const encode = (part: object | string): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
const [HEAD = '', CLAIMS = '', MAC = ''] = tokenOf(signed()).split('.');

describe('the token', () => {
  it('is taken once, as it was written', () => {
    expect(verify(signed())).toMatchObject({ kind: 'authentic', secretId: 's0' });
    for (const token of [
      `${HEAD}.${CLAIMS}`,
      `${HEAD}.${CLAIMS}.`,
      `${HEAD}.${CLAIMS}.${MAC}.`,
      `${HEAD}.${CLAIMS}.${MAC}=`,
      ` ${HEAD}.${CLAIMS}.${MAC}`,
      `${HEAD}.${CLAIMS}.${MAC.slice(0, 40)}`,
      `${HEAD}.${CLAIMS}.${'A'.repeat(86)}`,
      `${HEAD}..${MAC}`,
      '..',
      '',
      'Bearer x',
      'x'.repeat(100_000),
      '.'.repeat(4_000),
    ]) {
      expect(verify(withToken(token)).kind, token.slice(0, 100)).toBe('rejected');
    }
  });

  it('does not choose how it is believed', () => {
    for (const alg of ['none', 'None', 'HS256', 'RS256', 'ES384', 'es256']) {
      const head = encode({ alg, kid: '00000000-0000-4000-8000-000000000001', typ: 'JWT' });
      // Signed with the public key as if it were a shared secret: what a verifier that follows "alg" would take.
      const mac = createHmac('sha256', FIRST.publicJwk).update(`${head}.${CLAIMS}`).digest('base64url');
      for (const end of [mac, MAC])
        expect(verify(withToken(`${head}.${CLAIMS}.${end}`)), alg).toMatchObject({ reason: 'unsupported' });
    }
    expect(verify(withToken(`${encode({ alg: 'none' })}.${CLAIMS}.`)).kind).toBe('rejected');
  });

  it('claims time and body, and what it claims is signed', () => {
    const claims = (change: object) => ({
      iat: NOW / 1000,
      request_body_sha256: '0'.repeat(64),
      ...JSON.parse(Buffer.from(CLAIMS, 'base64url').toString()),
      ...change,
    });
    expect(verify(withToken(`${HEAD}.${encode(claims({ iat: NOW / 1000 - 1 }))}.${MAC}`))).toMatchObject({
      reason: 'signature_mismatch',
    });
    for (const change of [
      { iat: 'soon' },
      { iat: null },
      { iat: 1.5 },
      { iat: -1 },
      { iat: 1e300 },
      { request_body_sha256: null },
      { request_body_sha256: 'x' },
      { request_body_sha256: 'A'.repeat(64) },
    ])
      expect(verify(withToken(`${HEAD}.${encode(claims(change))}.${MAC}`)), JSON.stringify(change)).toMatchObject({
        reason: 'signature_malformed',
      });
    for (const part of ['[]', 'null', 'x', '{"iat":', '"text"'])
      expect(verify(withToken(`${HEAD}.${encode(part)}.${MAC}`))).toMatchObject({ reason: 'signature_malformed' });
  });

  it('was issued within the tolerance', () => {
    expect(verify(signed(BODY, FIRST, NOW - 400_000))).toMatchObject({ reason: 'stale' });
    expect(verify(signed(BODY, FIRST, NOW - 400_000), { settings: { tolerance_s: 600 } }).kind).toBe('authentic');
    expect(verify(signed(BODY, FIRST, NOW + 400_000))).toMatchObject({ reason: 'stale' });
  });

  it('covers the bytes of the body, white space included', () => {
    const dense = Buffer.from(JSON.stringify(JSON.parse(BODY.toString())));
    expect(verify({ ...signed(), body: dense })).toMatchObject({ reason: 'signature_mismatch' });
  });
});

describe('the key', () => {
  const fetching = (get: (url: string) => string | undefined): Partial<VerifyContext> => ({
    secrets: [],
    settings: SETTINGS,
    certificates: { get },
  });
  const place = 'https://production.plaid.com/webhook_verification_key/get?key_id=00000000-0000-4000-8000-000000000001';

  it('is asked for by its id where it is not at hand, from the host of the mode', () => {
    expect(
      verify(
        signed(),
        fetching(() => undefined),
      ),
    ).toEqual({ kind: 'needs', url: place });
    const test = { ...fetching(() => undefined), settings: { ...SETTINGS, mode: 'test' as const } };
    expect(verify(signed(), test)).toEqual({ kind: 'needs', url: place.replace('production', 'sandbox') });
    expect(
      verify(
        signed(),
        fetching((url) => (url === place ? FIRST.publicJwk : undefined)),
      ),
    ).toMatchObject({
      kind: 'authentic',
      secretId: null,
    });
  });

  it('is not asked for by what was not sent for now and for this body', () => {
    const never = fetching(() => {
      throw new Error('looked up');
    });
    expect(verify({ ...signed(), body: Buffer.from('{}') }, never).kind).toBe('rejected');
    expect(verify(signed(BODY, FIRST, NOW - 400_000), never).kind).toBe('rejected');
    const kid = (id: string) => withToken(`${encode({ alg: 'ES256', kid: id })}.${CLAIMS}.${MAC}`);
    for (const id of ['', '../x', 'a b', 'x&y=z', 'x#', 'x'.repeat(65), '\u0000'])
      expect(verify(kid(id), never), id).toMatchObject({ reason: 'signature_malformed' });
  });

  it('must be the one that was named, valid, and on the curve', () => {
    const under = (text: string) =>
      verify(
        signed(),
        fetching(() => text),
      );
    const expired = JSON.stringify({ ...JSON.parse(FIRST.publicJwk), expired_at: 1_600_000_000 });
    expect(under(expired)).toMatchObject({ reason: 'certificate' });
    expect(under(makeKey('another').publicJwk)).toMatchObject({ reason: 'certificate' });
    // Another key under the same id.
    expect(under(makeKey('00000000-0000-4000-8000-000000000001').publicJwk)).toMatchObject({
      reason: 'signature_mismatch',
    });
    const broken = { ...JSON.parse(FIRST.publicJwk), x: 'A'.repeat(43) };
    for (const text of ['', 'null', '{}', 'x'.repeat(10_000), JSON.stringify(broken), '{"kty":"RSA"}'])
      expect(under(text), text.slice(0, 60)).toMatchObject({ reason: 'certificate' });
    expect(verify(signed(), { secrets: [{ id: 's0', secret: expired }] })).toMatchObject({ reason: 'certificate' });
  });

  it('that is kept as a secret is a public one', () => {
    expect(plaid.checkSecret(FIRST.publicJwk)).toBeNull();
    for (const text of ['', 'x', FIRST.privateJwk, '{}', '[]', JSON.stringify({ kty: 'oct', k: 'x' })])
      expect(plaid.checkSecret(text), text.slice(0, 40)).not.toBeNull();
  });
});

describe('identify', () => {
  const only = (body: Buffer, request = signed(body)) => {
    const found = plaid.identify(request, {});
    if (found.kind !== 'events' || found.events[0] === undefined) throw new Error(JSON.stringify(found));
    return found.events[0];
  };

  it('knows a hint by what it says, about what, and when it was issued', () => {
    expect(only(BODY)).toMatchObject({
      id: 'TRANSFER.TRANSFER_EVENTS_UPDATE:@1767225600',
      type: 'TRANSFER.TRANSFER_EVENTS_UPDATE',
      live: false,
      account: null,
      occurredAt: NOW,
    });
    expect(only(BODY, signed(BODY, FIRST, NOW + 1000)).id).not.toBe(only(BODY).id);
    const about = (item_id: string) => only(plaidBody({ webhook_type: 'ITEM', item_id })).id;
    expect(about('a')).not.toBe(about('b'));
    expect(only(plaidBody({ environment: 'production' })).live).toBe(true);
    expect(only(plaidBody({ environment: undefined })).live).toBeNull();
  });

  it('reads nothing without type and code', () => {
    for (const body of ['{}', '[]', '{"webhook_type":"TRANSFER"}', 'x', '{"webhook_type":1,"webhook_code":{}}'])
      expect(plaid.identify(signed(Buffer.from(body)), {}).kind, body).toBe('unreadable');
  });
});

it('takes no junk for signed, and never throws', () => {
  const random = createRandom(20_261_125);
  const token = tokenOf(signed());
  const alphabet = [...'eyJhbGciOi.-_=AZ09 \n{}"é\u0000'];
  for (let n = 0; n < 1_500; n += 1) {
    const at = random.below(token.length);
    const junk =
      random.below(3) === 0
        ? Array.from({ length: random.below(120) }, () => random.pick(alphabet)).join('')
        : token.slice(0, at) + random.pick(alphabet) + token.slice(at + random.below(3));
    if (junk === token) continue;
    expect(verify(withToken(junk)).kind, junk).toBe('rejected');
    expect(['events', 'unreadable']).toContain(
      plaid.identify({ ...withToken(junk), body: Buffer.from(junk) }, {}).kind,
    );
  }
});

it('refuses settings that can ask nobody', () => {
  expect(plaid.checkSettings({ ...SETTINGS, tolerance_s: 600 })).toEqual([]);
  expect(plaid.checkSettings({})).toEqual([]);
  for (const settings of [
    { client_id: SETTINGS.client_id },
    { api_key: SETTINGS.api_key },
    { ...SETTINGS, api_key: 'x\r\ny' },
    { ...SETTINGS, client_id: 1 },
  ])
    expect(plaid.checkSettings(settings), JSON.stringify(settings)).not.toEqual([]);
});
