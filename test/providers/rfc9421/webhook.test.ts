import { constants, generateKeyPairSync, type KeyObject, sign as signWith } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { providers } from '../../../src/providers/index.ts';
import type { EndpointSettings, Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { rfc9421 } from '../../../src/providers/rfc9421/index.ts';
import { signComponents } from '../../../src/providers/rfc9421/sign.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { runVectors } from '../../../src/vectors.ts';
import { expectNoForgery } from '../../support/forged-requests.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { hmacKey, NOW, SETTINGS, samples, URL } from './samples.ts';

const [KEY, OTHER] = samples.secrets;
const body = samples.money(1);
const CREATED = `;created=${NOW / 1000}`;
const BYTES = Buffer.from('made first key'.padEnd(32, '.'));
const hmac = (base: Buffer): Buffer => hmacSha256(BYTES, base);

function signed(
  components: readonly string[],
  parameters = `${CREATED};keyid="key-1"`,
  signature = hmac,
): WebhookRequest {
  return {
    method: 'POST',
    url: URL,
    headers: signComponents({ body, url: URL }, components, parameters, signature),
    body,
  };
}

function verify(
  request: WebhookRequest,
  settings: EndpointSettings = SETTINGS,
  secrets: readonly string[] = [KEY],
): Verdict {
  return rfc9421.verify(request, { ...samples.context(secrets, NOW), settings });
}

function changed(request: WebhookRequest, name: string, change: (value: string) => string): WebhookRequest {
  return {
    ...request,
    headers: request.headers.map(([one, value]) => [one, one === name ? change(value) : value] as const),
  };
}

describe('what a signature must cover', () => {
  it('is the digest of the body, which must then be right', () => {
    expect(verify(signed(['content-digest']))).toEqual({ kind: 'authentic', level: 'body', secretId: 's0' });
    expect(verify(signed(['@method', '@path']))).toMatchObject({ kind: 'rejected', reason: 'unsupported' });
    const other = { ...signed(['content-digest']), body: Buffer.from('{}') };
    expect(verify(other)).toMatchObject({ kind: 'rejected', reason: 'signature_mismatch' });
  });

  it('proves nothing about the body where the endpoint lets it out, and nothing posts', () => {
    const open = { ...SETTINGS, components: ['@method'] };
    const request = signed(['@method']);
    expect(verify(request, open)).toMatchObject({ kind: 'authentic', level: 'hint' });
    expect(verify({ ...request, body: Buffer.from('{}') }, open)).toMatchObject({ level: 'hint' });
    expect(rfc9421.identify(request, open)).toMatchObject({ events: [{ idSigned: false }] });
    const event = { item: 0, id: 'x', type: 'payment.succeeded', account: 'main', headers: [], body, receivedAt: NOW };
    expect(rfc9421.normalise({ ...event, level: 'hint', fetched: null }, open)).toMatchObject({ kind: 'deferred' });
    // A digest that is covered is checked all the same.
    expect(verify({ ...signed(['@method', 'content-digest']), body: Buffer.from('{}') }, open).kind).toBe('rejected');
  });

  it('is everything in the setting', () => {
    const strict = { ...SETTINGS, components: ['content-digest', '@authority', 'date'] };
    expect(verify(signed(['content-digest', '@authority']), strict)).toMatchObject({ reason: 'unsupported' });
    expect(verify(signed(['content-digest', '@authority']), { ...strict, components: ['@authority'] }).kind).toBe(
      'authentic',
    );
  });
});

describe('digests', () => {
  const open = { ...SETTINGS, components: [] };
  const digests = (value: string): Verdict =>
    verify(
      changed(signed(['@method']), 'content-digest', () => value),
      open,
    );

  it('are not looked at unless they are covered', () =>
    expect(digests('sha-256=:AAAA:')).toMatchObject({ level: 'hint' }));

  it('must all fit, and be of an algorithm that holds', () => {
    for (const value of ['', 'x', 'sha-256=1', 'sha-256=:AAAA:', 'md5=:AAAA:', 'sha-256=:AAAA:, sha-256=:AAAA:']) {
      const request = changed(signed(['@method', 'content-digest']), 'content-digest', () => value);
      expect(verify(request, open).kind, value).toBe('rejected');
    }
  });
});

describe('components', () => {
  it('are built as the request was called', () => {
    for (const name of [
      '@method',
      '@target-uri',
      '@authority',
      '@scheme',
      '@path',
      '@query',
      '@request-target',
      'content-type',
    ])
      expect(verify(signed(['content-digest', name])).kind, name).toBe('authentic');
    const called = signed(['content-digest', '@authority', '@path', '@query']);
    expect(
      verify({ ...called, url: URL.replace('https://', 'HTTPS://').replace('.example', '.example:443') }).kind,
    ).toBe('authentic');
    for (const url of [`${URL}/`, `${URL}?x=1`, URL.replace('gateway', 'evil'), `${URL}/../shop`, 'no url'])
      expect(verify({ ...called, url }).kind, url).toBe('rejected');
    expect(verify({ ...signed(['content-digest', '@method']), method: 'PUT' }).kind).toBe('rejected');
  });

  it('that are missing, unknown, doubled or with parameters are refused, never left out', () => {
    for (const list of [
      '"content-digest" "x-missing"',
      '"content-digest" "@status"',
      '"content-digest" "@query-param";name="x"',
      '"content-digest" "content-digest"',
      '"content-digest";sf',
      '"content-digest";req',
      '"Content-Digest"',
      'content-digest',
      '',
    ]) {
      const input = `sig1=(${list})${CREATED};keyid="key-1"`;
      expect(verify(changed(signed(['content-digest']), 'signature-input', () => input)).kind, list).toBe('rejected');
    }
  });

  it('cannot be added by a line break in a field', () => {
    const injected = 'x\n"@method": POST';
    const request = { ...signed(['content-digest', 'content-type']) };
    expect(verify(changed(request, 'content-type', () => injected))).toMatchObject({ reason: 'unsupported' });
  });
});

describe('parameters', () => {
  it('must say when and with which key', () => {
    for (const [parameters, reason] of [
      ['', 'signature_malformed'],
      [CREATED, 'signature_malformed'],
      [';keyid="key-1"', 'signature_malformed'],
      [';created="now";keyid="key-1"', 'signature_malformed'],
      [`${CREATED};keyid="key-2"`, 'signature_mismatch'],
      [`;created=${NOW / 1000 - 301};keyid="key-1"`, 'stale'],
      [`;created=${NOW / 1000 + 301};keyid="key-1"`, 'stale'],
      [`${CREATED};keyid="key-1";expires=${NOW / 1000}`, 'stale'],
      [`${CREATED};keyid="key-1";expires="later"`, 'stale'],
    ] as const)
      expect(verify(signed(['content-digest'], parameters)), parameters).toMatchObject({ kind: 'rejected', reason });
    expect(
      verify(signed(['content-digest'], `${CREATED};keyid="key-1";expires=${NOW / 1000 + 1};nonce="n";tag="t"`)).kind,
    ).toBe('authentic');
  });

  it('never choose the algorithm', () => {
    expect(verify(signed(['content-digest'], `${CREATED};keyid="key-1";alg="hmac-sha256"`)).kind).toBe('authentic');
    for (const alg of ['none', 'ed25519', 'HMAC-SHA256'])
      expect(verify(signed(['content-digest'], `${CREATED};keyid="key-1";alg="${alg}"`)).kind, alg).toBe('rejected');
  });

  it('take a public key for nothing but what it is', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const secret = JSON.stringify({ keyid: 'key-1', alg: 'ed25519', key: pem });
    const der = publicKey.export({ type: 'spki', format: 'der' });
    for (const key of [pem, der, der.subarray(12)]) {
      const forged = signed(['content-digest'], `${CREATED};keyid="key-1";alg="hmac-sha256"`, (base) =>
        hmacSha256(key, base),
      );
      expect(verify(forged, SETTINGS, [secret]).kind).toBe('rejected');
    }
  });
});

describe('labels', () => {
  const one = signed(['content-digest']);
  const header = (name: string): string => one.headers.find(([key]) => key === name)?.[1] ?? '';

  it('that come twice are refused, also in two header lines', () => {
    for (const name of ['signature', 'signature-input']) {
      expect(verify({ ...one, headers: [...one.headers, [name, header(name)]] })).toMatchObject({
        reason: 'signature_malformed',
      });
      expect(verify(changed(one, name, (value) => `${value}, ${value}`))).toMatchObject({
        reason: 'signature_malformed',
      });
    }
  });

  it('beside it do no harm, and none alone is enough', () => {
    const beside = changed(
      changed(one, 'signature-input', (v) => `proxy=("@method");created=1, ${v}`),
      'signature',
      (v) => `proxy=:AAAA:, ${v}`,
    );
    expect(verify(beside).kind).toBe('authentic');
    expect(verify(changed(one, 'signature', (v) => v.replace('sig1', 'sig2'))).kind).toBe('rejected');
    const many = Array.from({ length: 12 }, (_, n) => `a${n}=()`).join(', ');
    expect(verify(changed(one, 'signature-input', (v) => `${v}, ${many}`)).kind).toBe('rejected');
    expect(verify(changed(one, 'signature', (v) => `${v}, x="${'y'.repeat(9_000)}"`)).kind).toBe('rejected');
  });
});

describe('keys', () => {
  const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
  const ed25519 = generateKeyPairSync('ed25519');
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };
  const kinds = [
    ['ed25519', pem(ed25519.publicKey), (base: Buffer) => signWith(null, base, ed25519.privateKey)],
    [
      'ecdsa-p256-sha256',
      pem(p256.publicKey),
      (base: Buffer) => signWith('sha256', base, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' }),
    ],
    ['rsa-pss-sha512', pem(rsa.publicKey), (base: Buffer) => signWith('sha512', base, { key: rsa.privateKey, ...pss })],
  ] as const;

  it.each(kinds)('%s', (alg, key, signature) => {
    const secret = JSON.stringify({ keyid: 'key-1', alg, key });
    expect(rfc9421.checkSecret(secret)).toBeNull();
    const request = signed(['content-digest', '@path'], `${CREATED};keyid="key-1"`, signature);
    expect(verify(request, SETTINGS, [KEY, secret])).toMatchObject({
      kind: 'authentic',
      level: 'body',
      secretId: 's1',
    });
    for (const change of [
      (s: Buffer) => s.subarray(1),
      (s: Buffer) => Buffer.concat([s, s]),
      () => Buffer.alloc(64),
      () => Buffer.alloc(0),
    ]) {
      const forged = signed(['content-digest', '@path'], `${CREATED};keyid="key-1"`, (base) => change(signature(base)));
      expect(verify(forged, SETTINGS, [secret])).toMatchObject({ kind: 'rejected', reason: 'signature_mismatch' });
    }
    const der = signed(['content-digest'], `${CREATED};keyid="key-1"`, (base) =>
      signWith('sha256', base, p256.privateKey),
    );
    expect(verify(der, SETTINGS, [secret]).kind).toBe('rejected');
  });

  it('of one id may be several while one is rolled', () => {
    expect(verify(signed(['content-digest']), SETTINGS, [OTHER, KEY])).toMatchObject({ secretId: 's1' });
  });

  it('are refused with the reason', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const privatePem = ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    for (const [secret, reason] of [
      ['whsec_x', 'must be JSON'],
      ['[]', 'must be JSON'],
      [JSON.stringify({ alg: 'hmac-sha256', key: 'AAAA' }), 'keyid'],
      [JSON.stringify({ keyid: 'k', alg: 'none', key: 'AAAA' }), 'alg must be one of'],
      [JSON.stringify({ keyid: 'k', alg: 'hmac-sha256', key: 'AAAA' }), 'base64 of 16'],
      [JSON.stringify({ keyid: 'k', alg: 'hmac-sha256', key: 'not base64 at all!' }), 'base64 of 16'],
      [JSON.stringify({ keyid: 'k', alg: 'ed25519', key: privatePem }), 'private key'],
      [JSON.stringify({ keyid: 'k', alg: 'ed25519', key: 'AAAA' }), 'PEM'],
      [JSON.stringify({ keyid: 'k', alg: 'ed25519', key: pem(p256.publicKey) }), 'Ed25519'],
      [JSON.stringify({ keyid: 'k', alg: 'ecdsa-p256-sha256', key: pem(rsa.publicKey) }), 'P-256'],
      [JSON.stringify({ keyid: 'k', alg: 'rsa-pss-sha512', key: pem(small.publicKey) }), '2048'],
      [JSON.stringify({ ...JSON.parse(hmacKey('k', 'x')), kid: 'k' }), 'kid'],
    ] as const)
      expect(rfc9421.checkSecret(secret), secret.slice(0, 60)).toContain(reason);
  });
});

it('takes nothing for a body or header that nobody signed', () => expectNoForgery(samples));

it('says what is wrong with settings', () => {
  for (const settings of [
    { components: 'content-digest' },
    { components: ['Content-Digest'] },
    { id_path: '=x' },
    { id_path: '' },
    { mapping: {} },
  ])
    expect(rfc9421.checkSettings(settings), JSON.stringify(settings)).not.toEqual([]);
});

const file = samplesFolder('webhooks', 'rfc9421', 'vectors.json');
describe.skipIf(!existsSync(file))('the vectors', () => {
  it('hold, and prove no body: as they are signed, an endpoint refuses them', async () => {
    expect(await runVectors([file], providers)).toMatchObject({ failed: 0, skipped: 0, passed: 2 });
    const [vector] = JSON.parse(readFileSync(file, 'utf8')) as [
      {
        url: string;
        headers: Record<string, string>;
        body_base64: string;
        now: number;
        key_material: { keys_by_id: Record<string, { alg: string; secret_base64: string }> };
      },
    ];
    const { alg, secret_base64: key } = vector.key_material.keys_by_id['test-shared-secret'] ?? {};
    const request = {
      method: 'POST',
      url: vector.url,
      headers: Object.entries(vector.headers),
      body: Buffer.from(vector.body_base64, 'base64'),
    };
    const context = samples.context([JSON.stringify({ keyid: 'test-shared-secret', alg, key })], vector.now * 1000);
    expect(rfc9421.verify(request, context)).toMatchObject({ kind: 'rejected', reason: 'unsupported' });
    expect(rfc9421.verify(request, { ...context, settings: { components: [] } })).toMatchObject({ level: 'hint' });
  });
});
