import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { identify, verify } from './webhook.ts';

export const coinbaseCommerce: Provider = {
  name: 'coinbase-commerce',
  title: 'Coinbase Commerce',
  facts: {
    retryHorizonHours: 72,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://docs.cdp.coinbase.com/commerce/api-architecture/webhooks-security',
      'https://docs.cdp.coinbase.com/commerce/api-architecture/webhooks-fields',
      'https://docs.cloud.coinbase.com/commerce/docs/payment-status',
      'https://docs.cdp.coinbase.com/api-reference/commerce-api/rest-api/events/list-events',
    ],
    matrix: {
      signature: '`X-CC-Webhook-Signature`: HMAC-SHA256 over the body',
      freshness: 'no time is signed',
      secret: 'webhook shared secret as text',
      eventId: '`event.id` (the outer `id` and `attempt_number` are one attempt’s)',
      trust: 'body',
      account: "the endpoint's",
      captured:
        'each confirmed entry of the charge’s `payments`, also late, short or excess ones; the price where the layout lists none',
      currencies: 'major units as text in the local currency; coins are not booked, an unknown code is parked',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'refunds and fees, which no event tells; the spelling of payment states in the onchain API; how long events are listed',
    },
  },
  secretHeaders: [],
  signatureHeader: ['x-cc-webhook-signature'],
  checkSettings,
  checkSecret: (secret) =>
    /^\S{8,200}$/.test(secret) ? null : 'must be the webhook shared secret, one word, as the settings page shows it',
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  api,
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key']);
  const { api_key: key } = settings;
  if (key !== undefined && !(typeof key === 'string' && /^[\x21-\x7e]{16,200}$/.test(key))) {
    faults.push({ path: '/api_key', message: 'must be an API key of Coinbase Commerce, one word' });
  }
  if (settings.tolerance_s !== undefined)
    faults.push({ path: '/tolerance_s', message: 'Coinbase Commerce signs no time' });
  return faults;
}
