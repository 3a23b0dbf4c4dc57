import { worldpay } from '../../../src/providers/worldpay/index.ts';
import { sign } from '../../../src/providers/worldpay/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/worldpay';
export const NOW = 1_767_225_600_000;

/** An event of ours in Access Worldpay's layout. */
export function worldpayEvent(type: string, details: object = {}, change: object = {}): Buffer {
  const event = {
    eventId: 'made-event-1',
    eventTimestamp: '2025-12-31T23:00:00.407',
    eventDetails: {
      classification: 'payment',
      transactionReference: 'made-order-1',
      downstreamReference: '100000001',
      type,
      date: '2025-12-31',
      amount: { value: 2500, currencyCode: 'EUR' },
      _links: { payment: { href: '' } },
      ...details,
    },
    ...change,
  };
  return Buffer.from(JSON.stringify(event));
}

const about = (n: number): object => ({ eventId: `made-event-${n}` });
const order = (n: number): object => ({ transactionReference: `made-order-${n}` });

export const samples: ProviderSamples = {
  provider: worldpay,
  settings: { currency_exponents: { JPY: 0 } },
  now: NOW,
  secrets: ['1 made-shared-secret-1', 'made-shared-secret-2'],
  sign: (body, secret) => ({ method: 'POST', url: URL, headers: sign(body, secret), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: samples.settings,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => worldpayEvent('sentForSettlement', order(n), about(n)),
  retried(n) {
    const { eventId, ...rest } = JSON.parse(samples.money(n).toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ ...rest, eventId }));
  },
  altered: (n) =>
    worldpayEvent('sentForSettlement', { ...order(n), amount: { value: 1, currencyCode: 'EUR' } }, about(n)),
  unknownType: () => worldpayEvent('teleported'),
  staleAfterMs: null,
  idSigned: true,
  namesSecret: true,
};
