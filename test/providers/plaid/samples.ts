import { generateKeyPairSync } from 'node:crypto';
import { plaid } from '../../../src/providers/plaid/index.ts';
import { sign } from '../../../src/providers/plaid/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/plaid';
export const NOW = 1_767_225_600_000;

/** A P-256 key of ours: the public half as Plaid answers it, and the private one to sign with. */
export function makeKey(kid: string, change: object = {}): { readonly publicJwk: string; readonly privateJwk: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const about = { alg: 'ES256', use: 'sig', kid, created_at: 1_560_466_143, expired_at: null, ...change };
  return {
    publicJwk: JSON.stringify({ ...publicKey.export({ format: 'jwk' }), ...about }),
    privateJwk: JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid }),
  };
}

export const FIRST = makeKey('00000000-0000-4000-8000-000000000001');
const SECOND = makeKey('00000000-0000-4000-8000-000000000002');
const privateHalf = new Map([FIRST, SECOND].map(({ publicJwk, privateJwk }) => [publicJwk, privateJwk]));

/** A webhook of ours in Plaid's layout: two blanks of indentation. */
export function plaidBody(change: object = {}): Buffer {
  const body = { webhook_type: 'TRANSFER', webhook_code: 'TRANSFER_EVENTS_UPDATE', environment: 'sandbox', ...change };
  return Buffer.from(JSON.stringify(body, undefined, 2));
}

/** One transfer event as /transfer/event/sync tells it. */
export function transferEvent(change: object = {}): Record<string, unknown> {
  return {
    event_id: 1,
    event_type: 'settled',
    account_id: 'madeAccount1',
    transfer_id: '00000000-0000-4000-8000-00000000000a',
    transfer_type: 'debit',
    transfer_amount: '12.34',
    refund_id: null,
    sweep_id: null,
    sweep_amount: null,
    failure_reason: null,
    timestamp: '2025-12-31T23:00:00Z',
    ...change,
  };
}

export const samples: ProviderSamples = {
  provider: plaid,
  settings: { client_id: 'madeclientid0001', api_key: 'madeapisecret0001' },
  now: NOW,
  secrets: [FIRST.publicJwk, SECOND.publicJwk],
  sign: (body, secret, now) => ({
    method: 'POST',
    url: URL,
    headers: sign({ body, url: URL }, privateHalf.get(secret) ?? '', now),
    body,
  }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: {},
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => plaidBody({ made_by_us_id: String(n) }),
  retried: (n) => Buffer.from(JSON.stringify(JSON.parse(samples.money(n).toString()))),
  altered: (n) => plaidBody({ made_by_us_id: String(n), environment: 'production' }),
  unknownType: () => plaidBody({ webhook_type: 'TELEPORT' }),
  fetched: () => Buffer.from(JSON.stringify({ transfer_events: [transferEvent()], refunds: [], sweeps: [] })),
  staleAfterMs: 300_000,
  idSigned: true,
  namesSecret: true,
};
