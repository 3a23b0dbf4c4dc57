import { currencyExponent } from '../../currency.ts';
import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { identify, verify } from './webhook.ts';

export const flutterwave: Provider = {
  name: 'flutterwave',
  title: 'Flutterwave',
  facts: {
    // Three tries half an hour apart, where retries are switched on.
    retryHorizonHours: 2,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://developer.flutterwave.com/v3.0/docs/webhooks',
      'https://developer.flutterwave.com/docs/webhooks',
      'https://developer.flutterwave.com/docs/transaction-verification',
      'https://developer.flutterwave.com/v3.0/reference/get-all-transactions',
    ],
    matrix: {
      signature:
        'v3: `verif-hash`, the secret hash itself; v4 (`version`): `flutterwave-signature`, HMAC-SHA256 over the body, base64',
      freshness: 'no time is signed',
      secret: 'the secret hash of the dashboard',
      eventId: 'v3: none: event, object and status, together with the content; v4: `wbk_…`',
      trust: 'v3: a token only: fetched with `api_key` and compared; v4: body',
      account: "the endpoint's",
      captured: 'charge once successful: `charged_amount` as verified (v3), `amount` (v4)',
      currencies: 'major units as JSON numbers, ISO 4217; a refund of v4 names none (`currency`)',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'how often and how long it retries; that `charged_amount` less `app_fee` is what is settled; the refund and chargeback events of v3 and the chargeback events of v4, which are parked; the fees of v4, which the settlement tells; that a listed charge tells `charged_amount` and `app_fee` as verifying it does',
    },
  },
  secretHeaders: ['verif-hash'],
  signatureHeader: ['verif-hash', 'flutterwave-signature'],
  checkSettings,
  checkSecret: (secret) =>
    /^[!-~]{8,255}$/.test(secret) ? null : 'must be the secret hash: 8 to 255 characters without blanks',
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  api,
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key', 'version', 'currency']);
  const { api_key: key, version, currency } = settings;
  if (key !== undefined && !(typeof key === 'string' && /^FLWSECK[\w-]{5,200}$/.test(key))) {
    faults.push({ path: '/api_key', message: 'must be the secret key that begins with FLWSECK' });
  }
  if (version !== undefined && version !== 'v3' && version !== 'v4') {
    faults.push({ path: '/version', message: 'must be v3 or v4' });
  }
  if (currency !== undefined && (typeof currency !== 'string' || currencyExponent(currency) === undefined)) {
    faults.push({ path: '/currency', message: 'must be an ISO 4217 code such as NGN' });
  }
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Flutterwave signs no time' });
  return faults;
}
