import { describe, expect, it } from 'vitest';
import type { WebhookRequest } from '../../../src/providers/provider.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { worldpay } from '../../../src/providers/worldpay/index.ts';
import { sign } from '../../../src/providers/worldpay/sign.ts';
import { createRandom } from '../../support/random.ts';
import { NOW, samples, worldpayEvent } from './samples.ts';

const [KEYED, BARE] = samples.secrets;
const body = samples.money(1);
const signed = samples.sign(body, KEYED, NOW);
const MAC = hmacSha256('made-shared-secret-1', body);
const OTHER = hmacSha256('another-secret', body).toString('hex');
const verify = (request: WebhookRequest, secrets: readonly string[] = [KEYED]) =>
  worldpay.verify(request, samples.context(secrets, NOW));
const withHeader = (text: string): WebhookRequest => ({ ...signed, headers: [['event-signature', text]] });

describe('verify', () => {
  it('takes hexadecimal and base64', () => {
    for (const encoding of ['hex', 'base64'] as const) {
      expect(verify({ ...signed, headers: sign(body, KEYED, encoding) }), encoding).toMatchObject({
        kind: 'authentic',
      });
    }
    expect(verify(withHeader(`1/SHA256/${MAC.toString('base64url')}`)).kind).toBe('rejected');
  });

  it('finds its signature among several, in any order, by the key id', () => {
    const own = `1/SHA256/${MAC.toString('hex')}`;
    for (const header of [`${own},2/SHA256/${OTHER}`, `2/SHA256/${OTHER}, ${own}`, `3/SHA512/x,${own}`]) {
      expect(verify(withHeader(header)), header).toMatchObject({ kind: 'authentic', secretId: 's0' });
    }
    expect(verify(withHeader(`2/SHA256/${MAC.toString('hex')}`))).toMatchObject({ reason: 'signature_mismatch' });
    // A secret without its key id is tried whatever the header names.
    const bare = hmacSha256(BARE, body).toString('hex');
    expect(verify(withHeader(`7/SHA256/${bare}`), [KEYED, BARE])).toMatchObject({ kind: 'authentic', secretId: 's1' });
  });

  it('refuses what is no such list', () => {
    const mac = MAC.toString('hex');
    const headers = [
      '',
      mac,
      `SHA256/${mac}`,
      `1/${mac}`,
      `x/SHA256/${mac}`,
      `1/SHA256/`,
      `1/SHA256/${mac}x`,
      `1/MD5/${mac}`,
    ];
    for (const header of [
      ...headers,
      `1/SHA256/${mac},1/SHA256/${OTHER}`,
      `,1/SHA256/${mac}`,
      `1/SHA256/${mac},`.repeat(40),
    ]) {
      expect(verify(withHeader(header)), header).toMatchObject({ reason: 'signature_malformed' });
    }
    expect(verify(withHeader(`1/SHA256/${'A'.repeat(5000)}`))).toMatchObject({ reason: 'signature_malformed' });
  });

  it('never takes what was not signed, and never throws', () => {
    const random = createRandom(20_261_125);
    for (let n = 0; n < 2_000; n += 1) {
      const junk = Buffer.from(Array.from({ length: random.below(80) }, () => random.below(256)));
      const value = random.pick([
        junk.toString('latin1'),
        `1/SHA256/${junk.toString('hex')}`,
        `1/SHA256/${MAC.toString('hex')}`,
      ]);
      expect(verify({ ...withHeader(value), body: junk }).kind, `request ${n}`).toBe('rejected');
      expect(() => worldpay.identify({ ...signed, body: junk }, {})).not.toThrow();
    }
  });
});

it('identifies by the event id, with a time that has no zone', () => {
  expect(worldpay.identify(signed, {})).toMatchObject({
    events: [
      {
        id: 'made-event-1',
        type: 'payment.sentForSettlement',
        idSigned: true,
        occurredAt: Date.UTC(2025, 11, 31, 23, 0, 0, 407),
      },
    ],
  });
  expect(worldpay.identify({ ...signed, body: worldpayEvent('x', {}, { eventId: undefined }) }, {}).kind).toBe(
    'unreadable',
  );
});

it('answers 400 for a bad signature, and 503 as long as there is no secret', () => {
  const answer = (reason: 'signature_missing' | 'no_secret') =>
    worldpay.acknowledge({ kind: 'rejected', reason, detail: 'made' });
  expect(answer('signature_missing')).toMatchObject({ status: 400 });
  expect(answer('no_secret')).toMatchObject({ status: 503, body: null });
});

it('refuses settings and secrets that can be none', () => {
  for (const currency_exponents of ['JPY', [], { JPY: 9 }, { JPY: '0' }, { yen: 0 }, null]) {
    expect(worldpay.checkSettings({ currency_exponents }), JSON.stringify(currency_exponents)).not.toEqual([]);
  }
  expect(worldpay.checkSettings({ tolerance_s: 300 })).not.toEqual([]);
  for (const secret of ['', ' ', 'short', '1 short', '1 two words', '1\nmade-shared-secret']) {
    expect(worldpay.checkSecret(secret), secret).not.toBeNull();
  }
});
