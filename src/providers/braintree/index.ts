import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { isApiKey, merchantIdOf } from './ask.ts';
import { normalise } from './events.ts';
import { keyPair } from './key-pairs.ts';
import { searchedTransactions } from './settlement.ts';
import { challenge, identify, verify } from './webhook.ts';

export const braintree: Provider = {
  name: 'braintree',
  title: 'Braintree',
  facts: {
    retryHorizonHours: 24,
    // No time is signed apart from the event's own, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://developer.paypal.com/braintree/docs/guides/webhooks/parse',
      'https://developer.paypal.com/braintree/docs/reference/general/webhooks/overview',
      'https://developer.paypal.com/braintree/docs/reference/general/statuses',
      'https://developer.paypal.com/braintree/docs/reference/request/transaction/search/node',
      'https://developer.paypal.com/braintree/docs/reference/request/dispute/search/node',
    ],
    matrix: {
      signature:
        '`bt_signature` in the form: `publicKey\\|hex`, HMAC-SHA1 (key: SHA-1 of the private key) over `bt_payload`',
      freshness: 'no time is signed',
      secret: '`publicKey:privateKey`, several at once; the first answers `bt_challenge`',
      eventId: 'kind, timestamp, object and its status: there is no event id',
      trust: 'body',
      account: "`source-merchant-id`, else the endpoint's",
      captured: 'transaction first seen submitted for settlement; a declined settlement or a void takes it back',
      currencies: 'major units, ISO 4217',
      settlement: 'disbursement details of transactions, refunds and disputes (GraphQL JSON), with disbursements',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'whether a retried disbursement keeps its id; whether a pre-arbitration takes the money again when it is opened; whether a retried notification keeps its timestamp; whether `local_payment_reversed` can follow a transaction; how many ids one search tells (10,000 are taken for possibly not all); the state of a transaction that is settled in parts',
    },
  },
  secretHeaders: [],
  signatureHeader: null,
  checkSettings,
  checkSecret: (secret) =>
    keyPair({ id: '', secret }) === null ? 'must be publicKey:privateKey, as the Control Panel shows them' : null,
  verify,
  identify,
  namesAccount: 'sometimes',
  normalise,
  normaliserVersion: 1,
  challenge,
  api,
  settlements: [searchedTransactions],
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['merchant_id', 'api_key']);
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Braintree signs no time' });
  if (settings.merchant_id !== undefined && merchantIdOf(settings) === null)
    faults.push({ path: '/merchant_id', message: 'must be the merchant id of the Control Panel' });
  if (settings.api_key !== undefined && !isApiKey(settings.api_key))
    faults.push({ path: '/api_key', message: 'must be publicKey:privateKey of an API key' });
  if (settings.api_key !== undefined && settings.merchant_id === undefined)
    faults.push({ path: '/merchant_id', message: 'is needed beside api_key' });
  return faults;
}
