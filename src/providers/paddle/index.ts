import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { identify, verify } from './webhook.ts';

export const paddle: Provider = {
  name: 'paddle',
  title: 'Paddle',
  facts: {
    retryHorizonHours: 72,
    dedupHorizonDays: 35,
    documentation: [
      'https://developer.paddle.com/webhooks/signature-verification',
      'https://developer.paddle.com/webhooks/respond-to-webhooks',
      'https://developer.paddle.com/api-reference/adjustments',
      'https://developer.paddle.com/webhooks/transactions/transaction-completed',
      'https://developer.paddle.com/api-reference/events/list-events',
    ],
    matrix: {
      signature: '`Paddle-Signature`: HMAC-SHA256 over `ts:body`, any `h1` (several while rotating)',
      freshness: '5 s either way, as in its libraries; `tolerance_s` widens it',
      secret: '`pdl_ntfset_…` as text',
      eventId: '`event_id` (`notification_id` is one delivery’s)',
      trust: 'body',
      account: "the endpoint's",
      captured: "each captured entry of a transaction's `payments`; adjustments are refunds and chargebacks",
      currencies: 'minor units as text, ISO 4217; fees in the currency of the balance',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'that a chargeback reversal tells positive totals; whether a chargeback warning takes money (parked); that a retry is signed with a new time; that events are listed with the permission `notification.read`',
    },
  },
  secretHeaders: [],
  signatureHeader: ['paddle-signature'],
  checkSettings,
  checkSecret: (secret) =>
    /^pdl_ntfset_\S{8,200}$/.test(secret)
      ? null
      : "must be the notification destination's secret key, which begins with pdl_ntfset_ (an API key does not fit)",
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  api,
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key']);
  const { api_key: key, mode } = settings;
  if (key === undefined) return faults;
  if (typeof key !== 'string' || !/^[A-Za-z0-9_]{20,200}$/.test(key) || key.startsWith('pdl_ntfset_')) {
    faults.push({
      path: '/api_key',
      message:
        "must be an API key, pdl_live_apikey_… or pdl_sdbx_apikey_… (a notification destination's secret is none)",
    });
  } else if (mode !== undefined && key.startsWith(mode === 'live' ? 'pdl_sdbx_' : 'pdl_live_')) {
    faults.push({ path: '/api_key', message: `is of the other mode than "${mode}"` });
  }
  return faults;
}
