import { gocardless } from '../../../src/providers/gocardless/index.ts';
import { sign } from '../../../src/providers/gocardless/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/gocardless';
export const NOW = 1_767_225_600_000;

export type Entry = Readonly<Record<string, unknown>>;

/** One event of ours in GoCardless' layout. */
export function entry(resource: string, action: string, links: object, change: object = {}): Entry {
  return {
    id: `EVMADE${resource}${action}`,
    created_at: '2026-01-01T00:00:00.000Z',
    resource_type: resource,
    action,
    links,
    details: { origin: 'gocardless', cause: `made_${action}`, description: 'made by us' },
    metadata: {},
    ...change,
  };
}

export function batch(entries: readonly Entry[], webhook = 'WBMADE1'): Buffer {
  return Buffer.from(JSON.stringify({ events: entries, meta: { webhook_id: webhook } }));
}

/** What `api.fetchObject` puts together for a payment; `history` newest first, as GoCardless lists it. */
export function fetchedPayment(id: string, history: readonly Entry[], change: object = {}): Buffer {
  const payments = { id, amount: 1000, currency: 'GBP', status: 'confirmed', links: {}, ...change };
  return Buffer.from(JSON.stringify({ payment: { payments }, history: { events: history, meta: { cursors: {} } } }));
}

const confirmed = (n: number, payment = `PMMADE${n}`): Entry =>
  entry('payments', 'confirmed', { payment }, { id: `EVMADE${n}` });

export const samples: ProviderSamples = {
  provider: gocardless,
  settings: { api_key: 'sandbox_made_token', mode: 'test' },
  now: NOW,
  secrets: ['made-endpoint-secret-1', 'made-endpoint-secret-2'],
  sign: (body, secret) => ({ method: 'POST', url: URL, headers: sign(body, secret), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: samples.settings,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => batch([confirmed(n)]),
  retried: (n) => batch([confirmed(n)], 'WBMADE2'),
  altered: (n) => batch([confirmed(n, 'PMOTHER')]),
  unknownType: () => batch([entry('payments', 'teleported', { payment: 'PMMADE1' })]),
  fetched(body) {
    const { events } = JSON.parse(body.toString()) as { events: Array<{ links: { payment: string } }> };
    return fetchedPayment(events[0]?.links.payment ?? '', []);
  },
  staleAfterMs: null,
  idSigned: true,
  namesSecret: true,
};
