import { describe, expect, it } from 'vitest';
import { klarna } from '../../../src/providers/klarna/index.ts';
import { sign } from '../../../src/providers/klarna/sign.ts';
import type { WebhookRequest } from '../../../src/providers/provider.ts';
import { createRandom } from '../../support/random.ts';
import { completed, klarnaEvent, NOW, samples } from './samples.ts';

const [KEYED, BARE] = samples.secrets;
const body = samples.money(1);
const signed = samples.sign(body, KEYED, NOW);
const MAC = signed.headers.find(([name]) => name === 'klarna-signature')?.[1] ?? '';
const verify = (request: WebhookRequest, secrets: readonly string[] = [KEYED]) =>
  klarna.verify(request, samples.context(secrets, NOW));
const withKeyIds = (...ids: readonly string[]): WebhookRequest => ({
  ...signed,
  headers: [['klarna-signature', MAC], ...ids.map((id) => ['klarna-signing-key-id', id] as const)],
});

describe('verify', () => {
  it('takes hexadecimal and base64', () => {
    for (const encoding of ['hex', 'base64'] as const) {
      expect(verify({ ...signed, headers: sign(body, KEYED, encoding) }), encoding).toMatchObject({
        kind: 'authentic',
      });
    }
  });

  it('tries the key that is named, and keys without a name', () => {
    expect(verify(withKeyIds('krn:made:signing-key:1'))).toMatchObject({ kind: 'authentic', secretId: 's0' });
    for (const request of [withKeyIds('krn:made:signing-key:2'), withKeyIds()]) {
      expect(verify(request)).toMatchObject({ reason: 'signature_mismatch' });
      expect(verify(request, [KEYED, 'made-signing-key-1'])).toMatchObject({ kind: 'authentic', secretId: 's1' });
      expect(verify(request, [KEYED, BARE])).toMatchObject({ reason: 'signature_mismatch' });
    }
    expect(verify(withKeyIds('krn:made:signing-key:1', 'krn:made:signing-key:1')).kind).toBe('rejected');
  });

  it('says that the signature is missing, also when the key is unknown', () => {
    expect(verify({ ...signed, headers: [['klarna-signing-key-id', 'x']] })).toMatchObject({
      reason: 'signature_missing',
    });
    expect(verify({ ...signed, headers: [] })).toMatchObject({ reason: 'signature_missing' });
    expect(verify(signed, [' '])).toMatchObject({ reason: 'no_secret' });
  });

  it('never takes what was not signed, and never throws', () => {
    const random = createRandom(20_261_126);
    for (let n = 0; n < 2_000; n += 1) {
      const junk = Buffer.from(Array.from({ length: random.below(80) }, () => random.below(256)));
      const value = random.pick([junk.toString('latin1'), junk.toString('hex'), junk.toString('base64'), MAC]);
      const headers = [
        ['klarna-signature', value],
        ['klarna-signing-key-id', random.pick(['krn:made:signing-key:1', value])],
      ] as const;
      expect(verify({ ...signed, body: junk, headers }, [KEYED, BARE]).kind, `request ${n}`).toBe('rejected');
      expect(() => klarna.identify({ ...signed, body: junk }, {})).not.toThrow();
    }
  });
});

describe('identify', () => {
  const found = (made: Buffer) => klarna.identify({ ...signed, body: made }, {});

  it('reads the metadata, and the account without what stands before it', () => {
    expect(found(body)).toMatchObject({
      events: [
        {
          id: 'made-event-1',
          account: 'MADEACCOUNT',
          live: false,
          apiVersion: 'v2',
          occurredAt: Date.UTC(2025, 11, 31, 23),
        },
      ],
    });
    const old = completed(1, {}, { subject_account_id: undefined, merchant_id: 'K000000', live: 'true' });
    expect(found(old)).toMatchObject({ events: [{ account: 'K000000', live: null }] });
    expect(found(completed(1, {}, { subject_account_id: 'krn:' }))).toMatchObject({ events: [{ account: null }] });
  });

  it('finds nothing without an event id', () => {
    expect(found(klarnaEvent('x', {}, { event_id: undefined })).kind).toBe('unreadable');
    expect(found(Buffer.from('klarna_order_id=x')).kind).toBe('unreadable');
  });
});

it('answers 400 for a bad signature', () => {
  expect(klarna.acknowledge({ kind: 'rejected', reason: 'signature_mismatch', detail: '' })).toMatchObject({
    status: 400,
  });
});

it('refuses settings that can be none', () => {
  for (const settings of [
    { api_key: 'no-colon' },
    { api_key: 'a b:c' },
    { region: 'mars' },
    { region: 1 },
    { tolerance_s: 1 },
  ]) {
    expect(klarna.checkSettings(settings), JSON.stringify(settings)).not.toEqual([]);
  }
});
