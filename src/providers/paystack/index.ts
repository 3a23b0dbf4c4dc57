import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { isApiKey } from './ask.ts';
import { normalise } from './events.ts';
import { identify, verify } from './webhook.ts';

export const paystack: Provider = {
  name: 'paystack',
  title: 'Paystack',
  facts: {
    retryHorizonHours: 72,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://paystack.com/docs/payments/webhooks/',
      'https://paystack.com/docs/payments/refunds/',
      'https://paystack.com/docs/payments/manage-disputes/',
      'https://github.com/PaystackOSS/doc-code-snippets',
      'https://paystack.com/docs/api/transaction/#list',
    ],
    matrix: {
      signature: '`x-paystack-signature`: HMAC-SHA512 over the body, hex',
      freshness: 'no time is signed',
      secret: 'the API’s secret key (`sk_live_…`, `sk_test_…`): a new API key changes it',
      eventId: 'none: event, `data.id` (else references) and status, together with the content',
      trust: 'body',
      account: "the endpoint's",
      captured: '`charge.success`, named by its reference; transfers go to their recipients',
      currencies: 'minor units of currencies with two decimals; others are parked',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'how amounts in XOF and RWF are written; whether an accepted dispute is told as a refund too; the share of a single `subaccount`; the time of day a refund was processed; whether the list of refunds tells their `refund_reference`; the list of webhook events that its code samples show',
    },
  },
  secretHeaders: [],
  signatureHeader: ['x-paystack-signature'],
  checkSettings,
  checkSecret: (secret) =>
    /^sk_(?:live|test)_\S{4,200}$/.test(secret) ? null : 'must be the secret key that begins with sk_live_ or sk_test_',
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  api,
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key']);
  if (settings.api_key !== undefined && !isApiKey(settings.api_key))
    faults.push({ path: '/api_key', message: 'must be the secret key that begins with sk_live_ or sk_test_' });
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Paystack signs no time' });
  return faults;
}
