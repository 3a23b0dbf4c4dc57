import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { activity } from './activity.ts';
import { api } from './api.ts';
import { CERTIFICATE_HOSTS } from './certificate-url.ts';
import { normalise } from './events.ts';
import { settlement } from './settlement.ts';
import { simulatedAuthorityFaults } from './simulated-settings.ts';
import { subscriptionAgreements } from './subscription-agreements.ts';
import { transactionDetail } from './transaction-detail.ts';
import { transactionSearch } from './transaction-search.ts';
import { identify, isWebhookId, TOLERANCE_S, verify } from './webhook.ts';

/** As Basic authentication can carry it: without a colon. */
const CLIENT = /^[\x21-\x39\x3b-\x7e]{10,500}$/;
const TOLERANCE_S_MAX = 30 * 86_400;

export const paypal: Provider = {
  name: 'paypal',
  title: 'PayPal',
  facts: {
    withoutSecret: true,
    retryHorizonHours: 72,
    // Events can be sent again by hand for 30 days; the signed time bounds what else can come back.
    dedupHorizonDays: 60,
    certificateHosts: CERTIFICATE_HOSTS,
    documentation: [
      'https://developer.paypal.com/api/rest/webhooks/rest/',
      'https://developer.paypal.com/api/rest/webhooks/event-names/',
      'https://developer.paypal.com/api/rest/reference/currency-codes/',
    ],
    matrix: {
      signature:
        '`PAYPAL-TRANSMISSION-SIG`: RSA-SHA256 over `id\\|time\\|webhook id\\|crc32(body)`, certificate chain to pinned roots',
      freshness: '4 days',
      secret: "the webhook id (`webhook_id`); PayPal's certificate signs",
      eventId: '`WH-…`; the transmission id must not return with another body',
      trust: 'body (by its CRC-32)',
      account: "the endpoint's",
      captured: 'capture, sale',
      currencies: 'major units; HUF, JPY, TWD without decimals',
      settlement: 'STL, TRR and SAR files, one or several a report; activity CSV; transaction search',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'that the last record of each file of a split report (`FF`) counts the rows of that file; that a hold and its release name the same PayPal Reference ID, and T1106 and T12xx rows the transaction disputed; whether holds are among the debits of a footer; by which of its two times the transaction search finds a transaction',
    },
  },
  secretHeaders: [],
  signatureHeader: ['paypal-transmission-sig'],
  checkSettings,
  checkSecret: (secret) =>
    isWebhookId(secret)
      ? null
      : 'PayPal signs with its own certificate: what binds a signature to an endpoint is its webhook id',
  verify,
  identify,
  normalise,
  normaliserVersion: 2,
  api,
  settlements: [settlement, transactionDetail, transactionSearch, subscriptionAgreements, activity],
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = [
    ...commonSettingFaults(settings, [
      'webhook_id',
      'tolerance_s',
      'simulated_authority',
      'client_id',
      'client_secret',
    ]),
    ...simulatedAuthorityFaults(settings),
  ];
  const { webhook_id: id, tolerance_s: tolerance } = settings;
  if (id === 'WEBHOOK_ID') {
    // The simulator signs with the live certificate over this text, and anybody with an account can use it.
    faults.push({ path: '/webhook_id', message: "is the simulator's: anybody may have events signed for it" });
  } else if (typeof id !== 'string' || !isWebhookId(id)) {
    faults.push({
      path: '/webhook_id',
      message: 'must be the id PayPal shows for this webhook, like 8PT597110X687430LKGECATA',
    });
  }
  if (
    tolerance !== undefined &&
    !(Number.isInteger(tolerance) && tolerance >= TOLERANCE_S && tolerance <= TOLERANCE_S_MAX)
  ) {
    faults.push({
      path: '/tolerance_s',
      message: `must be from ${TOLERANCE_S} to ${TOLERANCE_S_MAX}: PayPal itself tries for three days`,
    });
  }
  return [...faults, ...clientFaults(settings)];
}

/** Of the REST app that owns the webhook. */
function clientFaults({ client_id: id, client_secret: secret }: EndpointSettings): readonly SettingFault[] {
  if (id === undefined && secret === undefined) return [];
  return Object.entries({ client_id: id, client_secret: secret }).flatMap(([name, value]) =>
    typeof value === 'string' && CLIENT.test(value)
      ? []
      : [{ path: `/${name}`, message: 'client_id and client_secret belong together, as the REST app shows them' }],
  );
}
