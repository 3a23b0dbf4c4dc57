import { badRequestAcknowledgement } from '../bad-request.ts';
import { commonSettingFaults } from '../common-settings.ts';
import { keyedSecretFault } from '../keyed-secret.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { REGIONS } from './call.ts';
import { normalise } from './events.ts';
import { settlement } from './settlement.ts';
import { HEADER, identify, verify } from './webhook.ts';

export const klarna: Provider = {
  name: 'klarna',
  title: 'Klarna',
  facts: {
    // 10 seconds, 2 and 15 minutes, 3, 6 and 12 hours.
    retryHorizonHours: 22,
    // No time of delivery is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://docs.klarna.com/klarna-network-distribution/acquiring-partner-setup/webhooks',
      'https://docs.klarna.com/api/ordermanagement/',
      'https://docs.klarna.com/settlement-reports/api',
    ],
    matrix: {
      signature: '`Klarna-Signature`: HMAC-SHA256 over the body, hex or base64, by the key of `Klarna-Signing-Key-Id`',
      freshness: 'no time of delivery is signed',
      secret: 'the signing key as text, or its id, a blank and the key',
      eventId: '`metadata.event_id`',
      trust:
        'body; it names the order only, which is fetched before anything posts. The unsigned `push` of older products is not taken',
      account: 'the last part of `metadata.subject_account_id`',
      captured:
        'each capture of the order, by `capture_id`; each refund by `refund_id`; a dispute when it is closed as lost',
      currencies: 'minor units, ISO 4217',
      settlement: 'settlement files (CSV with semicolons)',
      answer: '200 `{"received":true}`; 400 for a bad signature',
      unconfirmed:
        "how the MAC is written (hex by Klarna's own plugins; both are taken); which events tell captures and refunds; the amount of a dispute that was lost; that a payout's sales and returns name captures and refunds as the order does",
    },
  },
  secretHeaders: [],
  signatureHeader: [HEADER],
  checkSettings,
  checkSecret: keyedSecretFault,
  verify,
  identify,
  namesAccount: 'always',
  normalise,
  normaliserVersion: 1,
  api,
  settlements: [settlement],
  acknowledge: badRequestAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key', 'region']);
  const { api_key: key, region } = settings;
  if (key !== undefined && !(typeof key === 'string' && /^[\x21-\x39\x3b-\x7e]{1,200}:[\x21-\x7e]{1,500}$/.test(key))) {
    faults.push({
      path: '/api_key',
      message: 'must be the user name and the password of the API, with a colon between',
    });
  }
  if (region !== undefined && !(typeof region === 'string' && REGIONS.includes(region))) {
    faults.push({ path: '/region', message: `must be one of ${REGIONS.join(', ')}` });
  }
  if (settings.tolerance_s !== undefined)
    faults.push({ path: '/tolerance_s', message: 'Klarna signs no time of delivery' });
  return faults;
}
