import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { normalise } from './events.ts';
import { payoutEntries } from './settlement.ts';
import { identify, verify } from './webhook.ts';

const URL_CHARS_MAX = 2_048;

export const square: Provider = {
  name: 'square',
  title: 'Square',
  facts: {
    // Older texts of Square's say 72 hours; the shorter one is safe to plan with.
    retryHorizonHours: 24,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://developer.squareup.com/docs/webhooks/overview',
      'https://developer.squareup.com/docs/webhooks/step3validate',
      'https://developer.squareup.com/docs/events-api/overview',
    ],
    matrix: {
      signature: '`x-square-hmacsha256-signature`: HMAC-SHA256 over URL + body; the SHA-1 header is refused',
      freshness: 'no time is signed',
      secret: 'signature key as text',
      eventId: '`event_id`',
      trust: 'body',
      account: '`merchant_id`',
      captured: 'payment first seen COMPLETED',
      currencies: 'minor units, ISO 4217',
      settlement: 'payout entries',
      answer: '200 `{"received":true}`',
    },
  },
  secretHeaders: [],
  signatureHeader: ['x-square-hmacsha256-signature'],
  checkSettings,
  checkSecret: (secret) =>
    /^\S{8,200}$/.test(secret) ? null : 'a signature key is one word, as the developer console shows it',
  verify,
  identify,
  namesAccount: 'always',
  normalise,
  normaliserVersion: 2,
  api,
  settlements: [payoutEntries],
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['notification_url', 'api_key']);
  const { notification_url: url, api_key: key } = settings;
  // It is signed as text, so nothing about it is tidied up: only what can be no URL is refused.
  if (url !== undefined && !(typeof url === 'string' && url.length <= URL_CHARS_MAX && /^https?:\/\/\S+$/.test(url))) {
    faults.push({
      path: '/notification_url',
      message: 'must be the notification URL exactly as it is configured at Square',
    });
  }
  if (key !== undefined && !(typeof key === 'string' && /^[\x21-\x7e]{16,500}$/.test(key)))
    faults.push({ path: '/api_key', message: 'must be an access token, as the developer console shows it' });
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Square signs no time' });
  return faults;
}
