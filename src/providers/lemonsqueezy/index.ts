import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { identify, verify } from './webhook.ts';

export const lemonsqueezy: Provider = {
  name: 'lemonsqueezy',
  title: 'Lemon Squeezy',
  facts: {
    // Three more tries after 5, 25 and 125 seconds: an outage of three minutes loses events for good.
    retryHorizonHours: 0.05,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://docs.lemonsqueezy.com/help/webhooks/signing-requests',
      'https://docs.lemonsqueezy.com/help/webhooks/webhook-requests',
      'https://docs.lemonsqueezy.com/help/webhooks/event-types',
      'https://docs.lemonsqueezy.com/api/orders/the-order-object',
      'https://docs.lemonsqueezy.com/api/orders/list-all-orders',
      'https://docs.lemonsqueezy.com/api/subscription-invoices/list-all-subscription-invoices',
    ],
    matrix: {
      signature: '`X-Signature`: HMAC-SHA256 over the body; `X-Event-Name` is not signed and not looked at',
      freshness: 'no time is signed',
      secret: 'chosen for the webhook, 6 to 40 characters',
      eventId: 'event name, object type, object id and `updated_at`: there is no event id',
      trust: 'body',
      account: '`store_id`',
      captured:
        'orders, and invoices of subscriptions after the first (its order tells that). Refunds have no ids: one for each order, a second partial one is a conflict',
      currencies: 'whole cents; currencies without two decimals are parked',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'that a refund of a first subscription payment is told by `order_refunded` too; cents of currencies without two decimals; fees, which no event tells',
    },
  },
  secretHeaders: [],
  signatureHeader: ['x-signature'],
  checkSettings,
  checkSecret: (secret) =>
    /^[\x20-\x7e]{6,40}$/.test(secret) ? null : 'must be the signing secret of the webhook: 6 to 40 characters',
  verify,
  identify,
  namesAccount: 'always',
  normalise,
  normaliserVersion: 1,
  api,
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key']);
  const { api_key: key } = settings;
  if (key !== undefined && !(typeof key === 'string' && /^[\x21-\x7e]{20,4096}$/.test(key))) {
    faults.push({ path: '/api_key', message: 'must be an API key, as the settings page shows it once' });
  }
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Lemon Squeezy signs no time' });
  return faults;
}
