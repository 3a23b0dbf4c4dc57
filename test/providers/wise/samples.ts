import { generateKeyPairSync } from 'node:crypto';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { wise } from '../../../src/providers/wise/index.ts';
import { sign } from '../../../src/providers/wise/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/wise';
export const NOW = 1_767_225_600_000;

/** Private keys of ours, by the public key that is the endpoint's secret. */
const privateKeys = new Map(
  [1, 2].map(() => {
    const pair = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    return [pair.publicKey, pair.privateKey] as const;
  }),
);
const [first = '', second = ''] = privateKeys.keys();

export const SETTINGS: EndpointSettings = {
  accounts: ['7001', '7002'],
  own_recipients: ['9001'],
  api_key: 'made-api-token',
  mode: 'test',
};

/** An event of ours in Wise's layout. */
export function wiseEvent(type: string, data: object, change: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      data: { occurred_at: '2025-12-31T23:00:00Z', ...data },
      subscription_id: '00000000-0000-4000-8000-000000000001',
      event_type: type,
      schema_version: '4.0.0',
      sent_at: '2026-01-01T00:00:00Z',
      ...change,
    }),
  );
}

export function stateChange(state: string, id = 8001, recipient = 9001, change: object = {}): Buffer {
  const resource = { type: 'transfer', id, profile_id: 7001, account_id: recipient };
  return wiseEvent('transfers#state-change', { resource, current_state: state, previous_state: null }, change);
}

/** What the API answers about a transfer. */
export function transferAnswer(id: number, recipient = 9001, change: object = {}): Buffer {
  const transfer = {
    id,
    targetAccount: recipient,
    status: 'outgoing_payment_sent',
    sourceCurrency: 'GBP',
    sourceValue: 100.5,
  };
  return Buffer.from(JSON.stringify({ ...transfer, targetCurrency: 'EUR', targetValue: 115.17, ...change }));
}

const idOf = (body: Buffer): string => /"id":(\d+)/.exec(body.toString())?.[1] ?? '0';

export const samples: ProviderSamples = {
  provider: wise,
  settings: SETTINGS,
  now: NOW,
  secrets: [first, second],
  sign: (body, secret) => ({
    method: 'POST',
    url: URL,
    headers: sign(body, privateKeys.get(secret) ?? '', `00000000-0000-4000-8000-00000000${idOf(body)}`),
    body,
  }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => stateChange('outgoing_payment_sent', 8000 + n),
  retried: (n) => stateChange('outgoing_payment_sent', 8000 + n, 9001, { sent_at: '2026-01-01T00:01:00Z' }),
  altered: (n) => stateChange('outgoing_payment_sent', 8000 + n, 9002),
  unknownType: () => wiseEvent('transfers#teleported', { resource: { type: 'transfer', id: 1, profile_id: 7001 } }),
  fetched: (body) => transferAnswer(Number(idOf(body))),
  staleAfterMs: null,
  idSigned: false,
  namesSecret: true,
};
