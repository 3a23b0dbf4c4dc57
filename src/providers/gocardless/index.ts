import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { Acknowledged, Answer, EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { payoutItems } from './settlement.ts';
import { HEADER, identify, verify } from './webhook.ts';

const TOKEN_INVALID = 498;

export const gocardless: Provider = {
  name: 'gocardless',
  title: 'GoCardless',
  facts: {
    // Up to 8 tries at growing distance, whose sum is not told; a day and a half is more than any 8 doublings seen.
    retryHorizonHours: 36,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks',
      'https://developer.gocardless.com/api-reference/#appendix-webhooks',
      'https://developer.gocardless.com/api-reference/#core-endpoints-events',
    ],
    matrix: {
      signature: '`Webhook-Signature`: HMAC-SHA256 over the body, hex',
      freshness: 'no time is signed',
      secret: 'the webhook endpoint secret as text',
      eventId: '`EV…` of each event in the batch',
      trust: 'body; it holds ids only, so amounts are fetched before anything posts',
      account: "`links.organisation` (partners), else the endpoint's",
      captured:
        'payment confirmed or paid_out, taken back when it fails later; charged_back and chargeback_cancelled are withdrawn and reinstated, and nothing says that a chargeback is final',
      currencies: 'minor units, ISO 4217',
      settlement: 'payout items',
      answer: '200 `{"received":true}`; 498 for a bad signature',
      unconfirmed:
        'the time between tries; whether a bounced payout that is sent again keeps its id; `outbound_payments` that were executed wait for an adapter',
    },
  },
  secretHeaders: [],
  signatureHeader: [HEADER],
  checkSettings,
  checkSecret: (secret) =>
    /^\S{8,200}$/.test(secret) ? null : 'an endpoint secret is one word, as the dashboard shows it',
  verify,
  identify,
  namesAccount: 'sometimes',
  normalise,
  normaliserVersion: 1,
  api,
  settlements: [payoutItems],
  acknowledge,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key']);
  const { api_key: key, mode } = settings;
  if (key !== undefined && !(typeof key === 'string' && /^[\x21-\x7e]{8,500}$/.test(key))) {
    faults.push({ path: '/api_key', message: 'must be an access token, as the dashboard shows it once' });
  } else if (typeof key === 'string' && key.startsWith(mode === 'live' ? 'sandbox_' : 'live_') && mode !== undefined) {
    faults.push({ path: '/api_key', message: `is not of the mode ${mode}` });
  }
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'GoCardless signs no time' });
  return faults;
}

/** "498 Token Invalid" is what GoCardless wants where the signature is wrong. */
function acknowledge(outcome: Acknowledged): Answer {
  const plain = plainAcknowledgement(outcome);
  if (outcome.kind === 'accepted' || plain.status !== 401) return plain;
  return {
    status: TOKEN_INVALID,
    headers: { 'content-type': 'application/problem+json' },
    body: JSON.stringify({
      type: 'about:blank',
      title: 'Token Invalid',
      status: TOKEN_INVALID,
      detail: outcome.detail,
    }),
  };
}
