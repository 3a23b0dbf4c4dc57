import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { identify, verify } from './webhook.ts';

export const xendit: Provider = {
  name: 'xendit',
  title: 'Xendit',
  facts: {
    retryHorizonHours: 24,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://docs.xendit.co/docs/handling-webhooks',
      'https://docs.xendit.co/docs/payments-api-webhooks',
      'https://docs.xendit.co/apidocs/get-payment',
      'https://docs.xendit.co/docs/payout-tracking',
      'https://docs.xendit.co/apidocs/list-transactions',
    ],
    matrix: {
      signature: '`x-callback-token`: the verification token itself; neither body nor id is signed',
      freshness: 'no time is signed',
      secret: 'the verification token of the dashboard',
      eventId: '`webhook-id`, which is not signed: together with the content',
      trust: 'a token only: fetched with `api_key` and compared',
      account: "the endpoint's (`business_id` is not proved)",
      captured:
        'payment once succeeded, each capture of a part where they are listed; else invoice or virtual account paid: subscribe to payments or to invoices, not to both',
      currencies: 'major units as JSON numbers, ISO 4217; IDR too',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'which payment an invoice was paid by; the fees in `fees_paid_amount`, left to the settlement; sub-accounts, whose objects are fetched with `for-user-id`; e-wallet, QR and disbursement callbacks of old and Payments v2, which are parked; that `payment_link_id` of a transaction is the invoice’s id, and that a payout’s transaction has the payout’s `disb-…` as `product_id`',
    },
  },
  secretHeaders: ['x-callback-token'],
  signatureHeader: ['x-callback-token'],
  checkSettings,
  checkSecret: (secret) =>
    /^[!-~]{6,255}$/.test(secret) ? null : 'must be the verification token, as the dashboard shows it',
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  api,
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key', 'payment_links']);
  const { api_key: key, payment_links: links } = settings;
  if (key !== undefined && !(typeof key === 'string' && /^xnd_(?:development|production)_[!-9;-~]{5,250}$/.test(key))) {
    faults.push({
      path: '/api_key',
      message: 'must be a secret key that begins with xnd_development_ or xnd_production_',
    });
  }
  if (links !== undefined && links !== 'invoices' && links !== 'payments') {
    faults.push({ path: '/payment_links', message: 'must be invoices or payments' });
  }
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Xendit signs no time' });
  return faults;
}
