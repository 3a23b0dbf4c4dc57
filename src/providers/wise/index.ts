import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { publicKeyOf } from './keys.ts';
import { HEADER, identify, verify } from './webhook.ts';

const RECIPIENTS_MAX = 1_000;

export const wise: Provider = {
  name: 'wise',
  title: 'Wise',
  facts: {
    // At most 25 tries in two weeks.
    retryHorizonHours: 336,
    // No time of ours to check is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://docs.wise.com/guides/developer/webhooks/event-handling',
      'https://docs.wise.com/guides/developer/webhooks/event-types',
      'https://docs.wise.com/guides/product/send-money/tracking/transfer-statuses',
      'https://docs.wise.com/api-reference/transfer/transferlist',
    ],
    matrix: {
      signature: '`X-Signature-SHA256`: RSA-SHA256 (PKCS#1) over the body; the SHA-1 header is refused',
      freshness: 'no time is signed',
      secret: '`production` or `sandbox` for the key Wise publishes, or a public key as PEM',
      eventId: '`X-Delivery-Id`, not signed: only together with the content',
      trust:
        "body, of any Wise customer's profile: `accounts` says which are ours; transfers are ids, fetched before they post",
      account: '`profile_id`',
      captured:
        'nothing: transfers sent and refunded are payouts (`own_recipients`) or transfers to others; movements of the balance are left to its statement',
      currencies: 'major units as JSON numbers, ISO 4217',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'whether `X-Delivery-Id` stays the same when a delivery is tried again; a refund that goes to a bank account instead of the balance; that the quote of a transfer can be read as long as the transfer, and its `payOut` is `BALANCE` where it goes to the balance; in which order transfers are listed',
    },
  },
  secretHeaders: [],
  signatureHeader: [HEADER],
  checkSettings,
  checkSecret: (secret) =>
    publicKeyOf(secret) === null
      ? 'must be production, sandbox, or an RSA public key as PEM (-----BEGIN PUBLIC KEY-----)'
      : null,
  verify,
  identify,
  namesAccount: 'always',
  normalise,
  normaliserVersion: 1,
  api,
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key', 'own_recipients']);
  const { api_key: key, own_recipients: own, accounts } = settings;
  if (accounts === undefined) {
    // Wise signs the events of every customer with the same key, and each may name our address as his.
    faults.push({
      path: '/accounts',
      message: 'must list the ids of our own profiles: Wise signs those of others too',
    });
  }
  if (key !== undefined && !(typeof key === 'string' && /^[\x21-\x7e]{8,4096}$/.test(key))) {
    faults.push({ path: '/api_key', message: 'must be an API token that may read transfers and quotes' });
  }
  const isList = Array.isArray(own) && own.length <= RECIPIENTS_MAX && own.every((one) => typeof one === 'string');
  if (own !== undefined && !isList) {
    faults.push({ path: '/own_recipients', message: `must be a list of at most ${RECIPIENTS_MAX} recipient ids` });
  }
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Wise signs no time' });
  return faults;
}
