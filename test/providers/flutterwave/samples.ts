import { flutterwave } from '../../../src/providers/flutterwave/index.ts';
import { sign } from '../../../src/providers/flutterwave/sign.ts';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const NOW = 1_767_225_600_000;
const URL = 'https://gateway.example/webhooks/flutterwave';
/** v3: what v4 does has tests of its own. */
export const SETTINGS: EndpointSettings = { api_key: 'FLWSECK_TEST-madeKeyOfNobody-X' };

export function tokenEvent(event: string, data: object): Buffer {
  return Buffer.from(JSON.stringify({ event, data, 'event.type': 'CARD_TRANSACTION' }));
}

export function signedEvent(type: string, data: object, change: object = {}): Buffer {
  return Buffer.from(JSON.stringify({ data, id: 'wbk_made1', timestamp: NOW, type, ...change }));
}

/** A transaction of ours in Flutterwave's layout: what the request tells and what verifying it answers. */
export function flutterwaveCharge(change: object = {}): Record<string, unknown> {
  return {
    id: 285_959_001,
    tx_ref: 'made-ref-1',
    flw_ref: 'MADE/FLW1',
    amount: 100,
    currency: 'NGN',
    charged_amount: 100,
    app_fee: 1.4,
    merchant_fee: 0,
    status: 'successful',
    payment_type: 'card',
    created_at: '2025-12-31T23:00:00.000Z',
    account_id: 17_321,
    ...change,
  };
}

export function verified(data: unknown): Buffer {
  return Buffer.from(JSON.stringify({ status: 'success', message: 'Transaction fetched successfully', data }));
}

const charge = (n: number, amount: number): Buffer =>
  tokenEvent('charge.completed', flutterwaveCharge({ id: 7_000 + n, amount, charged_amount: amount }));

export const samples: ProviderSamples = {
  provider: flutterwave,
  settings: SETTINGS,
  now: NOW,
  secrets: ['made-secret-hash-1', 'made-secret-hash-2'],
  sign: (body, secret, now) => ({ method: 'POST', url: URL, headers: sign({ body }, secret, now, SETTINGS), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => charge(n, 1000 + n),
  retried(n) {
    const { event, ...rest } = JSON.parse(samples.money(n).toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ ...rest, event }));
  },
  altered: (n) => charge(n, 9),
  unknownType: () => tokenEvent('teleport.completed', { id: 1, status: 'successful' }),
  staleAfterMs: null,
  idSigned: false,
  level: 'token',
  fetched: (body) => verified((JSON.parse(body.toString()) as { data: unknown }).data),
  namesSecret: true,
};
