import { currencyExponent } from '../../currency.ts';
import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api, isAccountId, isApiKey } from './api.ts';
import { normalise } from './events.ts';
import { settlementRecon } from './settlement.ts';
import { identify, verify } from './webhook.ts';

export const razorpay: Provider = {
  name: 'razorpay',
  title: 'Razorpay',
  facts: {
    // Then the webhook is disabled until somebody enables it by hand.
    retryHorizonHours: 24,
    // Retries of what was sent before the change carry the old signature (razorpay.com/docs/webhooks/validate-test).
    rotationOverlapHours: 24,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://razorpay.com/docs/webhooks/',
      'https://razorpay.com/docs/webhooks/validate-test/',
      'https://razorpay.com/docs/webhooks/payments/',
      'https://razorpay.com/docs/webhooks/refunds/',
      'https://razorpay.com/docs/api/disputes/entity/',
      'https://razorpay.com/docs/api/payments/fetch-all-payments/',
    ],
    matrix: {
      signature: '`x-razorpay-signature`: HMAC-SHA256 over the body, hex',
      freshness: 'no time is signed',
      secret: 'the text chosen for the webhook; after a change keep the old one for 24 hours',
      eventId: '`x-razorpay-event-id`, which is not signed: together with the content',
      trust: 'body (not the event id)',
      account: '`account_id`',
      captured: 'payment once captured; order, invoice and link events are evidence',
      currencies: 'minor units, ISO 4217; `fee` contains `tax`; a settlement names no currency (`settlement_currency`)',
      settlement: 'settlement recon (JSON)',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'whether a dispute that was deducted at once still tells its `amount_deducted` when it is won; that each phase of a dispute has an id of its own; in which currency the fee of a foreign payment is; whose `account_id` a linked account’s settlement names; whether what is listed by time is the whole of it beyond the first thousands (`skip`)',
    },
  },
  secretHeaders: [],
  signatureHeader: ['x-razorpay-signature'],
  checkSettings,
  checkSecret: (secret) =>
    secret !== '' && secret.length <= 255 && secret.trim() === secret
      ? null
      : 'must be the text chosen for the webhook, without blanks around it',
  verify,
  identify,
  namesAccount: 'always',
  normalise,
  normaliserVersion: 1,
  api,
  settlements: [settlementRecon],
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['settlement_currency', 'api_key']);
  const { settlement_currency: currency, api_key: key, account } = settings;
  if (key !== undefined && !isApiKey(key)) {
    faults.push({ path: '/api_key', message: 'must be key_id:key_secret of an API key, such as rzp_live_…:…' });
  }
  if (key !== undefined && !isAccountId(account)) {
    faults.push({ path: '/account', message: 'with api_key it must be the acc_… id that the webhooks name' });
  }
  if (currency !== undefined && (typeof currency !== 'string' || currencyExponent(currency) === undefined)) {
    faults.push({ path: '/settlement_currency', message: 'must be an ISO 4217 code such as INR' });
  }
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Razorpay signs no time' });
  return faults;
}
