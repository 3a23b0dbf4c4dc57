import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { rfc9421 } from '../../../src/providers/rfc9421/index.ts';
import { sign } from '../../../src/providers/rfc9421/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/rfc9421/shop';
export const NOW = 1_767_225_600_000;
export const SETTINGS: EndpointSettings = {
  mapping: {
    rules: [
      {
        when: 'payment.succeeded',
        kind: 'payment.captured',
        id: 'data.id',
        amount: 'data.amount',
        currency: 'data.currency',
      },
    ],
  },
};

export function hmacKey(keyid: string, bytes: string): string {
  return JSON.stringify({ keyid, alg: 'hmac-sha256', key: Buffer.from(bytes.padEnd(32, '.')).toString('base64') });
}

const message = (n: number, amount: number, more: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      ...more,
      id: `evt_made${n}`,
      type: 'payment.succeeded',
      timestamp: '2026-01-01T00:00:00Z',
      data: { id: `pay_${n}`, amount, currency: 'EUR' },
    }),
  );

export const samples: ProviderSamples = {
  provider: rfc9421,
  settings: SETTINGS,
  now: NOW,
  secrets: [hmacKey('key-1', 'made first key'), hmacKey('key-1', 'made second key')],
  sign: (body, secret, now) => ({ method: 'POST', url: URL, headers: sign({ body, url: URL }, secret, now), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => message(n, 1000 + n),
  retried(n) {
    const { id, ...rest } = JSON.parse(message(n, 1000 + n).toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ ...rest, id }));
  },
  altered: (n) => message(n, 9),
  unknownType: () => Buffer.from('{"id":"evt_x","type":"teleported"}'),
  staleAfterMs: 300_000,
  idSigned: true,
  namesSecret: true,
};
