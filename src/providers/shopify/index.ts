import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { isAccessToken, shopOf } from './graphql.ts';
import { identify, verify } from './webhook.ts';

const GATEWAYS_MAX = 20;

export const shopify: Provider = {
  name: 'shopify',
  title: 'Shopify Payments',
  facts: {
    // Eight tries; older texts tell of nineteen in 48 hours.
    retryHorizonHours: 4,
    // After a rotation it may take an hour until the new secret signs (shopify.dev, deliver webhooks through HTTPS).
    rotationOverlapHours: 1,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://shopify.dev/docs/apps/build/webhooks/subscribe/https',
      'https://shopify.dev/docs/api/admin-graphql/latest/enums/WebhookSubscriptionTopic',
      'https://shopify.dev/docs/api/admin-rest/latest/resources/transaction',
      'https://shopify.dev/docs/api/admin-rest/latest/resources/dispute',
      'https://shopify.dev/docs/api/admin-graphql/latest/queries/orders',
      'https://shopify.dev/docs/api/admin-graphql/latest/objects/OrderTransaction',
      'https://shopify.dev/docs/api/admin-graphql/latest/queries/disputes',
    ],
    matrix: {
      signature: '`X-Shopify-Hmac-SHA256`: HMAC-SHA256 over the body only; topic, shop and ids are not signed',
      freshness: 'no time is signed',
      secret: "the app's client secret as text",
      eventId: '`X-Shopify-Event-Id` with the content; `X-Shopify-Webhook-Id` is one delivery’s',
      trust: 'body; what it is, it says itself, never the topic',
      account: "the endpoint's (the shop header is not signed): one endpoint for each shop",
      captured:
        '`order_transactions/create` (sale, capture) of the gateway `shopify_payments`; refunds there and in `refunds/create` are one; `disputes/*`. No topic tells payouts',
      currencies: 'major units as text, ISO 4217',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'that an authorisation ends with the capture that leaves `total_unsettled_set` at zero; the dispute status `prevented` (parked); that a capture tells `totalUnsettledSet` when it is asked for',
    },
  },
  secretHeaders: [],
  signatureHeader: ['x-shopify-hmac-sha256'],
  checkSettings,
  checkSecret: (secret) => {
    if (/^shp(?:at|ca|pa|ua)_/.test(secret))
      return 'this is an access token; webhooks are signed with the client secret';
    return /^\S{6,200}$/.test(secret) ? null : "must be the app's client secret, one word";
  },
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  api,
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['gateways', 'shop_domain', 'api_key']);
  const { gateways, shop_domain: shop } = settings;
  const names = Array.isArray(gateways) && gateways.length > 0 && gateways.length <= GATEWAYS_MAX;
  if (gateways !== undefined && !(names && gateways.every((one) => typeof one === 'string' && one !== ''))) {
    faults.push({
      path: '/gateways',
      message: `must be a list of 1 to ${GATEWAYS_MAX} gateway names as order transactions tell them, like shopify_payments`,
    });
  }
  if (
    shop !== undefined &&
    !(typeof shop === 'string' && /^[a-z0-9][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63}){1,4}$/.test(shop))
  ) {
    faults.push({
      path: '/shop_domain',
      message: 'must be the shop as X-Shopify-Shop-Domain tells it: made.myshopify.com',
    });
  }
  if (settings.api_key !== undefined && !isAccessToken(settings.api_key))
    faults.push({ path: '/api_key', message: 'must be an Admin API access token that begins with shpat_' });
  if (settings.api_key !== undefined && shopOf(settings) === null)
    faults.push({ path: '/shop_domain', message: 'must be the shop’s myshopify.com name beside api_key' });
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Shopify signs no time' });
  return faults;
}
