import { adyen } from '../../../src/providers/adyen/index.ts';
import { sign, signItems } from '../../../src/providers/adyen/sign.ts';
import type { EndpointSettings, WebhookRequest } from '../../../src/providers/provider.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

const URL = 'https://gateway.example/webhooks/adyen';
const NOW = 1_767_225_600_000;
const SETTINGS: EndpointSettings = {};
const FIRST = '0123456789abcdef'.repeat(4);
const SECOND = 'fedcba9876543210'.repeat(4);

/** One item of ours in Adyen's layout, unsigned. */
export function adyenItem(change: object = {}): Record<string, unknown> {
  return {
    additionalData: { cardSummary: '1142', expiryDate: '12/2031' },
    amount: { currency: 'EUR', value: 12345 },
    eventCode: 'AUTHORISATION',
    eventDate: '2026-01-01T00:59:50+01:00',
    merchantAccountCode: 'MadeMerchant',
    merchantReference: 'order-1001',
    operations: ['CANCEL', 'CAPTURE', 'REFUND'],
    paymentMethod: 'visa',
    pspReference: 'MADEPSP000000001',
    reason: '033899:1142:12/2031',
    success: 'true',
    ...change,
  };
}

export function adyenBody(...items: object[]): Buffer {
  const notificationItems = items.map((item) => ({ NotificationRequestItem: item }));
  return Buffer.from(JSON.stringify({ live: 'true', notificationItems }));
}

/** Where the values of the signed fields stand in the body. */
function coveredBytes(request: WebhookRequest): number[] {
  const text = request.body.toString();
  const fields = ['value":12346', 'EUR', 'AUTHORISATION', 'MadeMerchant', 'order-1001', 'MADEPSP1'];
  const positions: number[] = [];
  for (const field of fields) {
    const value = field.replace(/^value":/, '');
    const start = text.lastIndexOf(value);
    if (start >= 0 && /^[A-Za-z0-9-]+$/.test(value))
      for (let i = 0; i < value.length; i += 1) positions.push(start + i);
  }
  return positions;
}

export const samples: ProviderSamples = {
  provider: adyen,
  settings: SETTINGS,
  now: NOW,
  secrets: [FIRST, SECOND],
  sign(body, secret, now) {
    let signed = body;
    try {
      signed = signItems(body, secret);
    } catch {
      // Junk has no items to sign: it goes as it is.
      signed = body;
    }
    return { method: 'POST', url: URL, headers: sign({ body: signed, url: URL }, secret, now, SETTINGS), body: signed };
  },
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => adyenBody(money(n)),
  retried: (n) => adyenBody({ ...money(n), reason: 'told again', operations: [] }),
  altered: (n) => adyenBody({ ...money(n), amount: { currency: 'EUR', value: 9 } }),
  unknownType: () => adyenBody(adyenItem({ eventCode: 'TELEPORTATION' })),
  coveredBytes,
  staleAfterMs: null,
  idSigned: true,
  namesSecret: true,
};

function money(n: number): object {
  return adyenItem({ pspReference: `MADEPSP${n}`, amount: { currency: 'EUR', value: 12345 + n } });
}
