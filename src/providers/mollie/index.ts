import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { balanceTransactions } from './balance-settlement.ts';
import { normalise } from './events.ts';
import { settlements } from './settlement.ts';
import { identify, verify } from './webhook.ts';

export const mollie: Provider = {
  name: 'mollie',
  title: 'Mollie',
  facts: {
    withoutSecret: true,
    retryHorizonHours: 26,
    // No time is signed: a captured event replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://docs.mollie.com/reference/webhooks',
      'https://docs.mollie.com/reference/webhooks-new',
      'https://docs.mollie.com/reference/get-payment',
      'https://docs.mollie.com/docs/refunds',
    ],
    matrix: {
      signature:
        'classic: none. Next-gen: `X-Mollie-Signature`, HMAC-SHA256 over the body, hex, with or without `sha256=`; once an endpoint has a secret (or `webhooks` is `signed`) a missing header is refused',
      freshness: 'no time is signed',
      secret: 'next-gen: the signing secret, several at once; classic: none',
      eventId: 'next-gen: the event’s `id`; classic: object and 10 seconds of receipt, fetched when they are over',
      trust: 'classic: a hint, fetched with `api_key`; next-gen: body',
      account: "the endpoint's",
      captured: 'paid payment; each capture where they are made apart. Payouts are posted by the settlement',
      currencies: 'major units as text, ISO 4217',
      settlement: 'settlements and balance transactions',
      answer: '200 `{"received":true}`, for unknown ids too',
      unconfirmed:
        'how a `payout_…` of the Payouts API relates to the settlement `stl_…` that pays the same money (its events are evidence until then); whether next-gen tries as long as classic; whether deductions of a balance transaction contain tax; whether an access token lists the objects of all profiles',
    },
  },
  secretHeaders: [],
  signatureHeader: ['x-mollie-signature'],
  checkSettings,
  checkSecret: (secret) =>
    /^\S{8,255}$/.test(secret) ? null : 'a signing secret is one word, as the dashboard shows it',
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  api,
  settlements: [settlements, balanceTransactions],
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key', 'webhooks']);
  const { api_key: key, webhooks } = settings;
  if (key !== undefined && !(typeof key === 'string' && /^(?:live|test|access)_[\w-]{10,250}$/.test(key))) {
    faults.push({ path: '/api_key', message: 'must be a key that begins with live_, test_ or access_' });
  }
  if (webhooks !== undefined && webhooks !== 'classic' && webhooks !== 'signed') {
    faults.push({ path: '/webhooks', message: 'must be classic or signed' });
  }
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Mollie signs no time' });
  return faults;
}
