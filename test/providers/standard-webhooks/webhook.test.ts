import { generateKeyPairSync, sign as signWith } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../src/providers/provider.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { standardWebhooks } from '../../../src/providers/standard-webhooks/index.ts';
import { verify } from '../../../src/providers/standard-webhooks/webhook.ts';

const KEY = Buffer.alloc(24, 'key of this test');
const SECRET = `whsec_${KEY.toString('base64')}`;
const T = 1_767_225_600;
const BODY = Buffer.from('{"type":"x"}');
const pair = generateKeyPairSync('ed25519');
const PUBLIC = `whpk_${pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`;

const v1 = (id = 'msg_1', key = KEY): string => `v1,${hmacSha256(key, `${id}.${T}.`, BODY).toString('base64')}`;
const v1a = (id = 'msg_1'): string =>
  `v1a,${signWith(null, Buffer.from(`${id}.${T}.${BODY.toString()}`), pair.privateKey).toString('base64')}`;

type Headers = readonly (readonly [string, string])[];
const headers = (signature: string, id = 'msg_1', timestamp = String(T), family = 'webhook'): Headers => [
  [`${family}-id`, id],
  [`${family}-timestamp`, timestamp],
  [`${family}-signature`, signature],
];

function check(sent: Headers, secrets: readonly string[] = [SECRET], nowS = T): Verdict {
  return verify(
    { method: 'POST', url: 'https://x.example/', headers: sent, body: BODY },
    {
      secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
      settings: {},
      now: nowS * 1000,
      certificates: { get: () => undefined },
    },
  );
}

describe('verify (Standard Webhooks)', () => {
  it('takes any entry that fits, in both header families and both spellings of the secret', () => {
    for (const signature of [v1(), `v1,${'A'.repeat(43)}= ${v1()}`, `v2,x ${v1()} nonsense`, `${v1()} ${v1a()}`]) {
      expect(check(headers(signature)), signature).toMatchObject({ kind: 'authentic', secretId: 's0' });
    }
    expect(check(headers(v1(), 'msg_1', String(T), 'svix')).kind).toBe('authentic');
    expect(check(headers(v1()), [SECRET.slice('whsec_'.length)]).kind).toBe('authentic');
  });

  it('takes Ed25519 with a public key, and never mixes the two', () => {
    expect(check(headers(v1a()), [SECRET, PUBLIC])).toMatchObject({ kind: 'authentic', secretId: 's1' });
    expect(check(headers(v1a()), [SECRET])).toMatchObject({ reason: 'signature_mismatch' });
    expect(check(headers(v1a().replace('v1a,', 'v1,')), [PUBLIC])).toMatchObject({ reason: 'signature_malformed' });
    // Whoever knows the public key could sign v1 with it, if it were ever taken as an HMAC key.
    const forged = v1('msg_1', Buffer.from(PUBLIC.slice('whpk_'.length), 'base64'));
    expect(check(headers(forged), [PUBLIC])).toMatchObject({ reason: 'signature_mismatch' });
    const other = generateKeyPairSync('ed25519')
      .publicKey.export({ format: 'der', type: 'spki' })
      .subarray(-32)
      .toString('base64');
    expect(check(headers(v1a()), [`whpk_${other}`])).toMatchObject({ reason: 'signature_mismatch' });
  });

  it('refuses an id with a dot, which would blur the signed fields', () => {
    expect(check(headers(v1('msg.1'), 'msg.1'))).toMatchObject({ reason: 'signature_malformed' });
    for (const id of ['', 'a b', 'é', 'x'.repeat(257)])
      expect(check(headers(v1(id), id)), id).toMatchObject({ reason: 'signature_malformed' });
  });

  it('refuses a header that is missing, repeated, of the other family or unreadable', () => {
    const all = headers(v1());
    expect(check([])).toMatchObject({ reason: 'signature_missing' });
    expect(check(all.filter(([name]) => name !== 'webhook-signature'))).toMatchObject({ reason: 'signature_missing' });
    for (const name of ['webhook-id', 'webhook-timestamp']) {
      expect(check(all.filter(([one]) => one !== name)), name).toMatchObject({ reason: 'signature_malformed' });
    }
    for (const header of all)
      expect(check([...all, header]), header[0]).toMatchObject({ reason: 'signature_malformed' });
    expect(check([...all.slice(0, 2), ['svix-signature', v1()]])).toMatchObject({ kind: 'rejected' });
    for (const time of ['', 'soon', '-1', `${T}.5`, `0${T}`, '9'.repeat(13)])
      expect(check(headers(v1(), 'msg_1', time)), time).toMatchObject({ reason: 'signature_malformed' });
    for (const signature of [
      '',
      'v1',
      'v1,',
      `v1 ${v1().slice(3)}`,
      v1().slice(0, -4),
      `${v1()}!`,
      `${v1()},x`,
      `v1,${'A'.repeat(44)}`,
      `v1,${'A'.repeat(8200)}`,
    ]) {
      expect(check(headers(signature)), signature.slice(0, 60)).toMatchObject({
        kind: 'rejected',
        reason: 'signature_malformed',
      });
    }
  });

  it('allows five minutes either way', () => {
    for (const age of [300, -300]) expect(check(headers(v1()), [SECRET], T + age).kind).toBe('authentic');
    for (const age of [301, -301]) expect(check(headers(v1()), [SECRET], T + age)).toMatchObject({ reason: 'stale' });
  });

  it('uses no secret that is too short, too long or no base64', () => {
    const weak = [
      '',
      'whsec_',
      `whsec_${Buffer.alloc(23).toString('base64')}`,
      `whsec_${Buffer.alloc(65).toString('base64')}`,
      'whsec_not base64 at all, no',
      `whpk_${KEY.toString('base64')}`,
      `whsk_${KEY.toString('base64')}`,
    ];
    for (const secret of weak) {
      expect(check(headers(v1()), [secret]), secret).toMatchObject({ reason: 'no_secret' });
      expect(standardWebhooks.checkSecret(secret), secret).not.toBeNull();
    }
    for (const secret of [SECRET, PUBLIC, KEY.toString('base64')])
      expect(standardWebhooks.checkSecret(secret)).toBeNull();
  });
});
