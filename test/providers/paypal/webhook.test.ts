import { existsSync, readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { certificateEnvironment, issuerUrl } from '../../../src/providers/paypal/certificate-url.ts';
import { paypal } from '../../../src/providers/paypal/index.ts';
import { SIMULATED_CERTIFICATE_URL, sign } from '../../../src/providers/paypal/sign.ts';
import { createSimulatedAuthority } from '../../../src/providers/paypal/simulated-authority.ts';
import type { CertificateLookup, EndpointSettings, Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { authority, certificates, NOW, paypalCapture, paypalEvent, samples, URL, WEBHOOK_ID } from './samples.ts';

const SETTINGS: EndpointSettings = { webhook_id: WEBHOOK_ID };
const body = paypalEvent('PAYMENT.CAPTURE.COMPLETED', paypalCapture());
const signed = samples.sign(body, WEBHOOK_ID, NOW);

type Change = { settings?: EndpointSettings; certificates?: CertificateLookup; now?: number };

function verify(request: WebhookRequest, change: Change = {}): Verdict {
  return paypal.verify(request, { secrets: [], settings: SETTINGS, now: NOW, certificates, ...change });
}

function withHeader(name: string, value: string | null): WebhookRequest {
  const others = signed.headers.filter(([one]) => one !== name);
  return { ...signed, headers: value === null ? others : [...others, [name, value]] };
}

const under = (pem: string | undefined, roots: readonly string[] = [authority.rootPem]): Change => ({
  certificates: { get: () => pem, trustRoots: roots },
});

describe('headers', () => {
  it('are all needed, once each', () => {
    for (const name of ['id', 'time', 'sig']
      .map((one) => `paypal-transmission-${one}`)
      .concat('paypal-cert-url', 'paypal-auth-algo')) {
      expect(verify(withHeader(name, null)), name).toMatchObject({ reason: 'signature_missing' });
      const twice = { ...signed, headers: [...signed.headers, [name, 'x'] as const] };
      expect(verify(twice), name).toMatchObject({ reason: 'signature_malformed' });
    }
  });

  it('name the one algorithm there is', () => {
    for (const algorithm of ['SHA1withRSA', 'sha256withrsa', 'none', 'SHA256withRSA,SHA1withRSA']) {
      expect(verify(withHeader('paypal-auth-algo', algorithm))).toMatchObject({ reason: 'unsupported' });
    }
  });

  it('cannot move the borders of the signed text', () => {
    const id = signed.headers.find(([name]) => name === 'paypal-transmission-id')?.[1] ?? '';
    expect(verify(withHeader('paypal-transmission-id', `${id}|x`))).toMatchObject({ reason: 'signature_malformed' });
    expect(verify(withHeader('paypal-transmission-time', '2018-19-12T00:00:00Z'))).toMatchObject({
      reason: 'signature_malformed',
    });
    expect(verify(withHeader('paypal-transmission-time', '2026-01-01T00:00:01Z'))).toMatchObject({
      reason: 'signature_mismatch',
    });
  });
});

describe('the webhook id', () => {
  it('binds a signature to one endpoint', () => {
    expect(verify(signed).kind).toBe('authentic');
    expect(verify(signed, { settings: { webhook_id: '8MADEBYUS0000009Z' } })).toMatchObject({
      reason: 'signature_mismatch',
    });
    expect(verify(signed, { settings: {} })).toMatchObject({ reason: 'no_secret' });
  });

  it("is never the simulator's, which signs for anybody", () => {
    expect(paypal.checkSettings({ webhook_id: 'WEBHOOK_ID' })).not.toEqual([]);
    expect(paypal.checkSecret('WEBHOOK_ID')).not.toBeNull();
    const mock = samples.sign(body, 'WEBHOOK_ID', NOW);
    expect(verify(mock, { settings: { webhook_id: 'WEBHOOK_ID' } })).toMatchObject({ reason: 'no_secret' });
    for (const id of [undefined, '', 'abc', 1, 'X'.repeat(50)])
      expect(paypal.checkSettings({ webhook_id: id })).not.toEqual([]);
  });
});

const CRAFTED_URLS = [
  'http://api.paypal.com/v1/notifications/certs/CERT-1',
  'https://api.paypal.com.attacker.example/v1/notifications/certs/CERT-1',
  'https://attacker.example/v1/notifications/certs/CERT-1',
  'https://evil-api.paypal.com/v1/notifications/certs/CERT-1',
  'https://api.paypal.com@attacker.example/v1/notifications/certs/CERT-1',
  'https://api.paypal.com:443/v1/notifications/certs/CERT-1',
  'https://api.paypal.com:8443/v1/notifications/certs/CERT-1',
  'https://api.paypal.com\\@attacker.example/v1/notifications/certs/CERT-1',
  'https:\\\\api.paypal.com/v1/notifications/certs/CERT-1',
  'https://api.paypal.com/v1/notifications/certs/../../../CERT-1',
  'https://api.paypal.com/v1/notifications/certs/%2e%2e/CERT-1',
  'https://api.paypal.com/v1/notifications/certs//CERT-1',
  'https://api.paypal.com/v1/notifications/certs/CERT-1?x=1',
  'https://api.paypal.com/v1/notifications/certs/CERT-1#x',
  'https://api.paypal.com/v1/notifications/certs/',
  'https://api.paypal.com/v1/notifications/CERT-1',
  'https://api.paypal.com./v1/notifications/certs/CERT-1',
  'https://API.PAYPAL.COM/v1/notifications/certs/CERT-1',
  'https://api.paypal.com%00.attacker.example/v1/notifications/certs/CERT-1',
  'https://127.0.0.1/v1/notifications/certs/CERT-1',
  'https://[::1]/v1/notifications/certs/CERT-1',
  'https://169.254.169.254/v1/notifications/certs/CERT-1',
  ' https://api.paypal.com/v1/notifications/certs/CERT-1',
  'https://api.paypal.com/v1/notifications/certs/CERT-1\n',
  'https://api.paypal.com/v1/notifications/certs/CERT-1\t',
  'file:///v1/notifications/certs/CERT-1',
  '//api.paypal.com/v1/notifications/certs/CERT-1',
  'constructor',
];

describe('the certificate URL', () => {
  it.each(CRAFTED_URLS)('is neither fetched nor looked up when it is %j', (url) => {
    const lookup: CertificateLookup = {
      get: () => {
        throw new Error('looked up');
      },
    };
    expect(verify(withHeader('paypal-cert-url', url), { certificates: lookup })).toMatchObject({
      kind: 'rejected',
      reason: 'certificate',
    });
  });

  it("is one of PayPal's four hosts", () => {
    for (const host of ['api.paypal.com', 'api-m.paypal.com']) {
      expect(certificateEnvironment(`https://${host}/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77`)).toBe(
        'live',
      );
      expect(certificateEnvironment(`https://${host.replace('.', '.sandbox.')}/v1/notifications/certs/CERT-1`)).toBe(
        'sandbox',
      );
    }
  });

  it('is asked for when its certificate is not at hand', () => {
    expect(verify(signed, under(undefined))).toEqual({ kind: 'needs', url: SIMULATED_CERTIFICATE_URL });
  });
});

describe('the certificate', () => {
  it('must end in a root we pinned', () => {
    const stranger = createSimulatedAuthority(NOW, 'messageverificationcerts.sandbox.paypal.com');
    expect(verify(signed, under(authority.certificatePem, [stranger.rootPem]))).toMatchObject({
      reason: 'certificate',
    });
    expect(verify(signed, { certificates: { get: () => authority.certificatePem } })).toMatchObject({
      reason: 'certificate',
    });
    const itsOwnRoot = `${authority.certificatePem}${authority.rootPem}`;
    expect(verify(signed, under(itsOwnRoot, [stranger.rootPem]))).toMatchObject({ reason: 'certificate' });
    // Signed rightly by its own key: the same names do not make the same authority.
    const forged = sign({ body, url: URL }, stranger.privateKeyPem, NOW, SETTINGS);
    expect(verify({ ...signed, headers: forged }, under(stranger.certificatePem))).toMatchObject({
      reason: 'certificate',
    });
  });

  it("must be for PayPal, and for the environment of its URL's host", () => {
    for (const name of [
      'webhooks.attacker.example',
      'messageverificationcerts.paypal.com',
      'x.messageverificationcerts.sandbox.paypal.com',
    ]) {
      const other = createSimulatedAuthority(NOW, name);
      const headers = sign({ body, url: URL }, other.privateKeyPem, NOW, SETTINGS);
      expect(verify({ ...signed, headers }, under(other.certificatePem, [other.rootPem])), name).toMatchObject({
        reason: 'certificate',
      });
    }
    const live = withHeader('paypal-cert-url', 'https://api.paypal.com/v1/notifications/certs/CERT-simulated');
    expect(verify(live, under(authority.certificatePem))).toMatchObject({ reason: 'certificate' });
  });

  it('must be valid now, whatever is cached of it', () => {
    const settings = { ...SETTINGS, tolerance_s: 30 * 86_400 };
    const old = createSimulatedAuthority(NOW, 'messageverificationcerts.sandbox.paypal.com', 1);
    const headers = sign({ body, url: URL }, old.privateKeyPem, NOW, SETTINGS);
    const change = { ...under(old.certificatePem, [old.rootPem]), settings };
    expect(verify({ ...signed, headers }, change).kind).toBe('authentic');
    expect(verify({ ...signed, headers }, { ...change, now: NOW + 2 * 86_400_000 })).toMatchObject({
      reason: 'certificate',
    });
    expect(verify({ ...signed, headers }, change).kind).toBe('authentic');
  });

  it('must be one', () => {
    for (const pem of [
      '',
      'junk',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      authority.rootPem,
      'x'.repeat(100_000),
    ]) {
      expect(verify(signed, under(pem)), pem.slice(0, 40)).toMatchObject({ kind: 'rejected', reason: 'certificate' });
    }
  });

  it('is taken anew once another one is under its URL', () => {
    const next = createSimulatedAuthority(NOW, 'messageverificationcerts.sandbox.paypal.com');
    const headers = sign({ body, url: URL }, next.privateKeyPem, NOW, SETTINGS);
    const roots = [authority.rootPem, next.rootPem];
    expect(verify({ ...signed, headers }, under(authority.certificatePem, roots)).kind).toBe('rejected');
    expect(verify({ ...signed, headers }, under(next.certificatePem, roots)).kind).toBe('authentic');
  });

  it("has its issuer at DigiCert's address, and nowhere else", () => {
    const access = (uri: string) => `OCSP - URI:http://ocsp.digicert.com\nCA Issuers - URI:${uri}\n`;
    expect(issuerUrl(access('http://cacerts.digicert.com/Made.crt'))).toBe('https://cacerts.digicert.com/Made.crt');
    for (const uri of [
      'http://attacker.example/Made.crt',
      'http://cacerts.digicert.com.attacker.example/a.crt',
      'http://cacerts.digicert.com/../a.crt',
      'http://cacerts.digicert.com/a/b.crt',
      'ldap://cacerts.digicert.com/a.crt',
    ]) {
      expect(issuerUrl(access(uri)), uri).toBeUndefined();
    }
    expect(issuerUrl(undefined)).toBeUndefined();
  });
});

const vectors = samplesFolder('webhooks', 'paypal', 'vectors.json');
describe.skipIf(!existsSync(vectors))('a genuine signature', () => {
  it('verifies under the pinned roots, asking for the intermediate that PayPal did not send', () => {
    const [vector] = JSON.parse(readFileSync(vectors, 'utf8')) as Record<string, never>[];
    const {
      key_material: keys,
      headers,
      now,
      body_base64,
    } = vector as unknown as {
      key_material: { webhook_id: string; certs_by_url: Record<string, string>; intermediates_pem: string[] };
      headers: Record<string, string>;
      now: number;
      body_base64: string;
    };
    const request = {
      method: 'POST',
      url: URL,
      headers: Object.entries(headers),
      body: Buffer.from(body_base64, 'base64'),
    };
    const known = new Map(Object.entries(keys.certs_by_url));
    const change = {
      settings: { webhook_id: keys.webhook_id },
      now: now * 1000,
      certificates: { get: (url: string) => known.get(url) },
    };
    const verdict = verify(request, change);
    expect(verdict).toMatchObject({
      kind: 'needs',
      url: expect.stringMatching(/^https:\/\/cacerts\.digicert\.com\/.*\.crt$/),
    });
    if (verdict.kind === 'needs') known.set(verdict.url, keys.intermediates_pem.join('\n'));
    expect(verify(request, change)).toMatchObject({ kind: 'authentic', level: 'body' });
  });
});

describe('identify', () => {
  const event = (request: WebhookRequest) => {
    const found = paypal.identify(request, SETTINGS);
    if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
    return found.events[0];
  };

  it('shows a body forged to the CRC-32 of another as other content under one transmission id', () => {
    const forged = forgeCrc(
      paypalEvent('PAYMENT.CAPTURE.COMPLETED', paypalCapture({ id: 'FORGED' }), { id: 'WH-FORGED' }),
      crc32(body),
    );
    const replayed = { ...signed, body: forged };
    // The scheme cannot tell: what stops it is the transmission id.
    expect(verify(replayed).kind).toBe('authentic');
    expect(event(replayed).transmissionId).toBe(event(signed).transmissionId);
    expect(event(replayed).id).not.toBe(event(signed).id);
    expect(event(replayed).fingerprint()).not.toEqual(event(signed).fingerprint());
  });

  it('takes the environment from the certificate and never the account from the resource', () => {
    expect(event(signed)).toMatchObject({ live: false, account: null, apiVersion: '2.0', occurredAt: NOW });
    expect(event(withHeader('paypal-cert-url', 'https://api.paypal.com/v1/notifications/certs/CERT-1')).live).toBe(
      true,
    );
    expect(paypal.identify({ ...signed, body: Buffer.from('{"resource":{"id":"x"}}') }, SETTINGS).kind).toBe(
      'unreadable',
    );
  });
});

/** Blanks at the end of the body until its CRC-32 is `wanted`: each of 32 places a blank or a tab, solved over GF(2). */
function forgeCrc(start: Buffer, wanted: number): Buffer {
  const places = 40;
  const padded = Buffer.concat([start, Buffer.alloc(places, ' ')]);
  const base = crc32(padded);
  const rows = Array.from({ length: places }, (_, place) => {
    const changed = Buffer.from(padded);
    changed[start.length + place] = 0x09;
    return { crc: (crc32(changed) ^ base) >>> 0, used: 1n << BigInt(place) };
  });
  let rest = { crc: (base ^ wanted) >>> 0, used: 0n };
  for (let bit = 31; bit >= 0; bit -= 1) {
    const index = rows.findIndex((row) => (row.crc >>> bit) & 1);
    const [pivot] = index < 0 ? [] : rows.splice(index, 1);
    if (pivot === undefined) continue;
    const reduce = (row: typeof rest) =>
      (row.crc >>> bit) & 1 ? { crc: (row.crc ^ pivot.crc) >>> 0, used: row.used ^ pivot.used } : row;
    rows.splice(0, rows.length, ...rows.map(reduce));
    rest = reduce(rest);
  }
  if (rest.crc !== 0) throw new Error('the places do not span 32 bits');
  for (let place = 0; place < places; place += 1)
    if ((rest.used >> BigInt(place)) & 1n) padded[start.length + place] = 0x09;
  return padded;
}
