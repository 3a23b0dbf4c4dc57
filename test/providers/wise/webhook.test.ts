import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { WebhookRequest } from '../../../src/providers/provider.ts';
import { wise } from '../../../src/providers/wise/index.ts';
import { createRandom } from '../../support/random.ts';
import { NOW, SETTINGS, samples, stateChange, wiseEvent } from './samples.ts';

const [KEY] = samples.secrets;
const body = samples.money(1);
const signed = samples.sign(body, KEY, NOW);
const SIGNATURE = signed.headers.find(([name]) => name === 'x-signature-sha256')?.[1] ?? '';
const verify = (request: WebhookRequest, secrets: readonly string[] = [KEY]) =>
  wise.verify(request, samples.context(secrets, NOW));

describe('verify', () => {
  it('takes the keys Wise publishes by their names, and neither fits what we sign', () => {
    for (const name of ['production', 'sandbox']) {
      expect(wise.checkSecret(name)).toBeNull();
      expect(verify(signed, [name])).toMatchObject({ reason: 'signature_mismatch' });
    }
    expect(verify(signed, ['production', KEY])).toMatchObject({ kind: 'authentic', secretId: 's1' });
  });

  it('takes no private key, no weak one, no other kind, and no nonsense for a key', () => {
    const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const;
    const publicKeyEncoding = { type: 'spki', format: 'pem' } as const;
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024, publicKeyEncoding, privateKeyEncoding }).publicKey;
    const curve = generateKeyPairSync('ec', { namedCurve: 'prime256v1', publicKeyEncoding, privateKeyEncoding });
    for (const secret of [
      weak,
      curve.publicKey,
      curve.privateKey,
      'live',
      'Production',
      '-----BEGIN PUBLIC KEY-----\nx',
    ]) {
      expect(wise.checkSecret(secret), secret).not.toBeNull();
      expect(verify(signed, [secret]), secret).toMatchObject({ reason: 'no_secret' });
    }
  });

  it('refuses another writing of the right signature, and the SHA-1 header', () => {
    const bytes = Buffer.from(SIGNATURE, 'base64');
    for (const text of [bytes.toString('hex'), bytes.toString('base64url'), `${SIGNATURE}=`, ` ${SIGNATURE}`]) {
      expect(verify({ ...signed, headers: [['x-signature-sha256', text]] }).kind, text).toBe('rejected');
    }
    expect(verify({ ...signed, headers: [['x-signature', SIGNATURE]] })).toMatchObject({ reason: 'signature_missing' });
  });

  it('never takes what was not signed, and never throws', () => {
    const random = createRandom(20_261_124);
    for (let n = 0; n < 500; n += 1) {
      const junk = Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)));
      const value = random.pick([junk.toString('latin1'), junk.toString('base64'), SIGNATURE, SIGNATURE.slice(4)]);
      const request = { ...signed, body: junk, headers: [['x-signature-sha256', value] as const] };
      expect(verify(request).kind, `request ${n}`).toBe('rejected');
      expect(() => wise.identify(request, {})).not.toThrow();
    }
  });
});

describe('identify', () => {
  const found = (made: Buffer, headers: WebhookRequest['headers'] = signed.headers) =>
    wise.identify({ ...signed, body: made, headers }, SETTINGS);

  it('reads the profile as the account, whatever the test header says', () => {
    expect(found(body)).toMatchObject({
      events: [
        {
          id: '00000000-0000-4000-8000-000000008001',
          idSigned: false,
          account: '7001',
          type: 'transfers#state-change',
          live: null,
        },
      ],
    });
    expect(found(body, [...signed.headers, ['x-test-notification', 'true']])).toEqual(
      expect.objectContaining({ events: [expect.objectContaining({ live: null })] }),
    );
    expect(found(wiseEvent('transfers#payout-failure', { transfer_id: 1, profile_id: 7002 }))).toMatchObject({
      events: [{ account: '7002' }],
    });
  });

  it('makes do without a delivery id', () => {
    for (const headers of [[], [['x-delivery-id', '']]] as const) {
      expect(found(body, headers)).toMatchObject({
        events: [{ id: 'transfers#state-change:8001:2025-12-31T23:00:00Z', idSigned: false }],
      });
    }
    expect(found(Buffer.from('{"data":{}}')).kind).toBe('unreadable');
  });

  it('tells a captured body under another delivery id, and another body under a captured id, by its content', () => {
    const of = (made: Buffer, id: string) => {
      const one = found(made, [['x-delivery-id', id]]);
      return one.kind === 'events' ? one.events[0] : undefined;
    };
    const genuine = of(body, 'A');
    expect(of(body, 'B')?.fingerprint()).toEqual(genuine?.fingerprint());
    expect(of(stateChange('funds_refunded', 8001), 'A')?.fingerprint()).not.toEqual(genuine?.fingerprint());
  });
});

it('wants to know which profiles are ours', () => {
  expect(wise.checkSettings({})).toMatchObject([{ path: '/accounts' }]);
  expect(wise.checkSettings({ accounts: ['1'], own_recipients: 'x' })).not.toEqual([]);
  expect(wise.checkSettings({ accounts: ['1'], own_recipients: [1] })).not.toEqual([]);
  expect(wise.checkSettings({ accounts: ['1'], api_key: 'a b' })).not.toEqual([]);
  expect(wise.checkSettings({ accounts: ['1'], tolerance_s: 300 })).not.toEqual([]);
});
