import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { Provider } from '../provider.ts';
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
        'that a chargeback reversal tells positive totals; whether a chargeback warning takes money (parked); that a retry is signed with a new time',
    },
  },
  secretHeaders: [],
  signatureHeader: ['paddle-signature'],
  checkSettings: (settings) => commonSettingFaults(settings),
  checkSecret: (secret) =>
    /^pdl_ntfset_\S{8,200}$/.test(secret)
      ? null
      : "must be the notification destination's secret key, which begins with pdl_ntfset_ (an API key does not fit)",
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  acknowledge: plainAcknowledgement,
};
