import { paypal } from '../../../src/providers/paypal/index.ts';
import { SIMULATED_CERTIFICATE_URL, sign } from '../../../src/providers/paypal/sign.ts';
import { createSimulatedAuthority } from '../../../src/providers/paypal/simulated-authority.ts';
import type { CertificateLookup, EndpointSettings } from '../../../src/providers/provider.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/paypal';
export const NOW = 1_767_225_600_000;
export const WEBHOOK_ID = '8MADEBYUS0000001A';
const OTHER_WEBHOOK_ID = '8MADEBYUS0000002B';

export const authority = createSimulatedAuthority(NOW, 'messageverificationcerts.sandbox.paypal.com');

export const certificates: CertificateLookup = {
  get: (url) => (url === SIMULATED_CERTIFICATE_URL ? authority.certificatePem : undefined),
  trustRoots: [authority.rootPem],
};

/** An event of ours around `resource` in PayPal's layout. */
export function paypalEvent(type: string, resource: object, change: object = {}): Buffer {
  const event = {
    id: 'WH-MADEBYUS00000001A-MADEBYUS00000001B',
    event_version: '1.0',
    create_time: '2026-01-01T00:00:00.000Z',
    resource_type: 'capture',
    resource_version: '2.0',
    event_type: type,
    summary: 'Made by us',
    resource,
    ...change,
  };
  return Buffer.from(JSON.stringify(event));
}

export function paypalCapture(change: object = {}): Record<string, unknown> {
  return {
    id: 'MADECAPTURE000001',
    status: 'COMPLETED',
    amount: { currency_code: 'EUR', value: '123.45' },
    final_capture: true,
    seller_receivable_breakdown: {
      gross_amount: { currency_code: 'EUR', value: '123.45' },
      paypal_fee: { currency_code: 'EUR', value: '4.56' },
      net_amount: { currency_code: 'EUR', value: '118.89' },
    },
    create_time: '2025-12-31T23:59:00Z',
    update_time: '2025-12-31T23:59:30Z',
    ...change,
  };
}

const money = (n: number, value: string): object =>
  paypalCapture({ id: `MADECAPTURE00000${n}`, amount: { currency_code: 'EUR', value } });
const about = (n: number): object => ({ id: `WH-MADEBYUS0000000${n}A-MADEBYUS0000000${n}B` });
const SETTINGS: EndpointSettings = { webhook_id: WEBHOOK_ID };

export const samples: ProviderSamples = {
  provider: paypal,
  settings: SETTINGS,
  now: NOW,
  secrets: [WEBHOOK_ID, OTHER_WEBHOOK_ID],
  sign: (body, secret, now) => ({
    method: 'POST',
    url: URL,
    headers: sign({ body, url: URL }, authority.privateKeyPem, now, { webhook_id: secret }),
    body,
  }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: {},
    now,
    certificates,
  }),
  money: (n) => paypalEvent('PAYMENT.CAPTURE.COMPLETED', money(n, `${n}0.00`), about(n)),
  retried(n) {
    const { id, resource, ...rest } = JSON.parse(samples.money(n).toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ resource, ...rest, id }, undefined, 1));
  },
  altered: (n) => paypalEvent('PAYMENT.CAPTURE.COMPLETED', money(n, '9.99'), about(n)),
  unknownType: () => paypalEvent('PAYMENT.TELEPORTED', {}),
  staleAfterMs: 4 * 86_400_000,
  idSigned: true,
  namesSecret: true,
};
