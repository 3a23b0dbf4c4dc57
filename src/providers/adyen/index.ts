import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { Acknowledged, Answer, EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { aggregateSettlement } from './aggregate-settlement.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { paymentAccounting } from './payment-accounting.ts';
import { settlementDetails } from './settlement-details.ts';
import { basicAuthOf, identify, verify } from './webhook.ts';

const BALANCE_ACCOUNTS_MAX = 100;
const KEY = /^[0-9a-fA-F]{64}$/;

export const adyen: Provider = {
  name: 'adyen',
  title: 'Adyen',
  facts: {
    // Queued webhooks are tried for 30 days.
    retryHorizonHours: 720,
    // What is queued stays signed with the previous key, and the queue may live for 30 days (docs.adyen.com, verify HMAC signatures).
    rotationOverlapHours: 720,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://docs.adyen.com/development-resources/webhooks',
      'https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures',
      'https://docs.adyen.com/development-resources/webhooks/troubleshoot',
      'https://docs.adyen.com/development-resources/currency-codes',
      'https://docs.adyen.com/platforms/payout-to-users/payout-webhooks',
      'https://docs.adyen.com/api-explorer/transfers/latest/get/transfers',
    ],
    matrix: {
      signature:
        '`hmacSignature` in each item: HMAC-SHA256 over eight fields; optional Basic authentication. Platform webhooks: `HmacSignature` header over the body',
      freshness: 'no time is signed',
      secret: '32 bytes as hex',
      eventId:
        'merchant account, event code, PSP reference, success, original reference; platform: type, object, sequence number',
      trust: 'body (the signed fields)',
      account: '`merchantAccountCode`; platform: the balance account',
      captured:
        'AUTHORISATION where capture is automatic, else CAPTURE; a capture or cancellation proves a payment manual. Platform: booked bank transfers out of `balance_accounts` are payouts',
      currencies: 'minor units; CLP, ISK 2; CVE, IDR 0',
      settlement: 'settlement details and payment accounting CSV',
      answer: '200 `[accepted]`',
      unconfirmed: 'that a listed transfer tells its `events`, without which it is parked',
    },
  },
  secretHeaders: [],
  signatureHeader: null,
  checkSettings,
  checkSecret: (secret) =>
    KEY.test(secret)
      ? null
      : 'an HMAC key is 64 hexadecimal digits, as the Customer Area shows it once when it is generated',
  verify,
  identify,
  namesAccount: 'always',
  normalise,
  normaliserVersion: 2,
  api,
  settlements: [settlementDetails, paymentAccounting, aggregateSettlement],
  acknowledge,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, [
    'capture',
    'basic_auth',
    'multiple_partial_captures',
    'balance_accounts',
    'api_key',
    'report_key',
  ]);
  const { capture, basic_auth: auth, multiple_partial_captures: parts, balance_accounts: own } = settings;
  if (capture !== undefined && capture !== 'automatic' && capture !== 'manual') {
    faults.push({ path: '/capture', message: 'must be one of automatic, manual' });
  }
  if (parts !== undefined && typeof parts !== 'boolean') {
    faults.push({ path: '/multiple_partial_captures', message: 'must be true or false' });
  }
  const listed = Array.isArray(own) && own.length > 0 && own.length <= BALANCE_ACCOUNTS_MAX;
  if (own !== undefined && !(listed && own.every((one) => typeof one === 'string' && /^BA\w{1,60}$/.test(one)))) {
    faults.push({
      path: '/balance_accounts',
      message: `must be a list of 1 to ${BALANCE_ACCOUNTS_MAX} ids of your own balance accounts, which begin with BA`,
    });
  }
  const { api_key: key } = settings;
  if (key !== undefined && !(typeof key === 'string' && /^[\x21-\x7e]{20,512}$/.test(key)))
    faults.push({ path: '/api_key', message: 'must be an API key of the Balance Platform, one word' });
  if (key !== undefined && own === undefined)
    faults.push({ path: '/balance_accounts', message: 'is needed beside api_key: their transfers are what is listed' });
  const { report_key: reportKey } = settings;
  if (reportKey !== undefined && !(typeof reportKey === 'string' && /^[\x21-\x7e]{20,512}$/.test(reportKey)))
    faults.push({ path: '/report_key', message: 'must be the API key of the report user, one word' });
  const credentials = basicAuthOf(settings);
  // An empty password, or a user with a colon in it, is no protection that anybody meant.
  if (
    auth !== undefined &&
    (credentials === null || credentials.password === '' || !/^[^:]+$/.test(credentials.user))
  ) {
    faults.push({ path: '/basic_auth', message: 'must be {"user": …, "password": …}, both of at least one character' });
  }
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Adyen signs no time' });
  return faults;
}

/** Older set-ups want this text, newer ones any 2xx. */
function acknowledge(outcome: Acknowledged): Answer {
  if (outcome.kind === 'rejected') return refused(outcome);
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: '[accepted]' };
}

/** The signature is inside the body: a body that cannot be read is one that is not authentic. */
function refused(outcome: Extract<Acknowledged, { kind: 'rejected' }>): Answer {
  const answer = plainAcknowledgement(outcome);
  return outcome.reason === 'unreadable' ? { ...answer, status: 401 } : answer;
}
