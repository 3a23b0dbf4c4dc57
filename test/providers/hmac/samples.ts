import { hmacScheme } from '../../../src/providers/hmac/index.ts';
import { sign } from '../../../src/providers/hmac/sign.ts';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/hmac/acme';
export const NOW = 1_767_225_600_000;
const MAPPING = {
  rules: [
    {
      when: 'payment.succeeded',
      kind: 'payment.captured',
      id: 'data.id',
      amount: 'data.amount',
      currency: 'data.currency',
    },
  ],
};
export const SETTINGS: EndpointSettings = {
  signature_header: 'x-acme-signature',
  prefix: 'sha256=',
  signed: '{timestamp}.{body}',
  timestamp_header: 'x-acme-timestamp',
  id_path: 'event_id',
  mapping: MAPPING,
};

const message = (n: number, amount: number): Record<string, unknown> => ({
  event_id: `evt_made${n}`,
  type: 'payment.succeeded',
  timestamp: '2026-01-01T00:00:00Z',
  data: { id: `pay_${n}`, amount, currency: 'EUR' },
});

export const samples: ProviderSamples = {
  provider: hmacScheme,
  settings: SETTINGS,
  now: NOW,
  secrets: ['made-secret-of-acme-1', 'made-secret-of-acme-2'],
  sign: (body, secret, now) => ({
    method: 'POST',
    url: URL,
    headers: sign({ body, url: URL }, secret, now, SETTINGS),
    body,
  }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => Buffer.from(JSON.stringify(message(n, 1000 + n))),
  retried(n) {
    const { event_id, ...rest } = message(n, 1000 + n);
    return Buffer.from(JSON.stringify({ ...rest, event_id }));
  },
  altered: (n) => Buffer.from(JSON.stringify(message(n, 9))),
  unknownType: () => Buffer.from('{"event_id":"evt_x","type":"teleported"}'),
  staleAfterMs: 300_000,
  idSigned: true,
  namesSecret: true,
};
