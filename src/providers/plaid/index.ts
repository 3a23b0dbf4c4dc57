import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { isCredential } from './hosts.ts';
import { createVerificationKeys } from './verification-key.ts';
import { identify, verify } from './webhook.ts';

const verificationKey = createVerificationKeys();

export const plaid: Provider = {
  name: 'plaid',
  title: 'Plaid Transfer',
  facts: {
    withoutSecret: true,
    retryHorizonHours: 24,
    // A hint that comes back is asked about once more, and finds what is posted.
    dedupHorizonDays: 35,
    documentation: [
      'https://plaid.com/docs/api/webhooks/webhook-verification/',
      'https://plaid.com/docs/api/webhooks/',
      'https://plaid.com/docs/api/products/transfer/reading-transfers/',
      'https://plaid.com/docs/transfer/reconciling-transfers/',
    ],
    matrix: {
      signature: '`Plaid-Verification`: JWT, ES256, with the SHA-256 of the body; the key by its id from Plaid',
      freshness: '300 s either way',
      secret: 'none with `client_id` and `api_key`; or a verification key as JWK',
      eventId: 'type, code, ids in the body and the time it was issued: there is no event id',
      trust: 'body, but it only says that there are events: fetched before anything posts',
      account: "the endpoint's",
      captured: 'debit transfer settled; a return takes it back',
      currencies: 'major units, USD',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'whether event ids are counted for each client, and grow with time (a hint looks at the newest 2,500 of a day); whether a retry is signed anew; whether a sweep below zero is drawn from our bank',
    },
  },
  secretHeaders: [],
  signatureHeader: ['plaid-verification'],
  checkSettings,
  checkSecret: (secret) =>
    verificationKey(secret) === null
      ? "must be one of Plaid's verification keys: a public P-256 JWK with its kid, in JSON"
      : null,
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  api,
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['client_id', 'api_key']);
  for (const name of ['client_id', 'api_key'] as const) {
    const value = settings[name];
    if (value !== undefined && !isCredential(value))
      faults.push({ path: `/${name}`, message: 'must be as the Plaid dashboard shows it, under Keys' });
  }
  if ((settings.client_id === undefined) !== (settings.api_key === undefined))
    faults.push({ path: '/client_id', message: 'client_id and api_key are needed together' });
  return faults;
}
