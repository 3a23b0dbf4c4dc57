import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api, privateKeyOf, publicKeyIdOf, regionOf } from './api.ts';
import { normalise } from './events.ts';
import { simulatedCertificateFaults } from './simulated-settings.ts';
import { hostOfTopic, SNS_HOSTS, TOPICS_MAX, topicsOf } from './topics.ts';
import { identify, verify } from './webhook.ts';

export const amazonPay: Provider = {
  name: 'amazon-pay',
  title: 'Amazon Pay',
  facts: {
    withoutSecret: true,
    retryHorizonHours: 336,
    dedupHorizonDays: 35,
    certificateHosts: SNS_HOSTS,
    documentation: [
      'https://developer.amazon.com/docs/amazon-pay-checkout/set-up-instant-payment-notifications.html',
      'https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html',
      'https://developer.amazon.com/docs/amazon-pay-api-v2/charge.html',
      'https://developer.amazon.com/docs/amazon-pay-api-v2/signing-requests.html',
    ],
    matrix: {
      signature:
        '`Signature` in the SNS envelope: RSA-SHA1 (version 1) or RSA-SHA256 (2) over its fields, certificate from the topic’s SNS host; the `TopicArn` must be one of the endpoint’s',
      freshness: '15 days either way',
      secret: "the topic's ARN (`topic_arns`); Amazon's certificate signs",
      eventId: 'SNS `MessageId`, with `NotificationId`',
      trust: 'body, but it names only an object: fetched before anything posts',
      account: '`MerchantID`',
      captured: 'charge found Captured: `captureAmount`',
      currencies: 'major units, ISO 4217',
      answer: '200 `{"received":true}`; a subscription is confirmed',
      unconfirmed:
        'when a chargeback takes the money (posted when the buyer has won); that ids of the sandbox begin with S and live ones with P; an older chargeback notification may name the charge, which no dispute is found under',
    },
  },
  secretHeaders: [],
  signatureHeader: null,
  checkSettings,
  checkSecret: (secret) =>
    hostOfTopic(secret) === null
      ? 'Amazon signs with its own certificate: what binds a message to an endpoint is its topic, arn:aws:sns:…'
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
  const faults = [
    ...commonSettingFaults(settings, ['topic_arns', 'region', 'public_key_id', 'api_key', 'simulated_certificate']),
    ...simulatedCertificateFaults(settings),
  ];
  const { topic_arns: topics, region, public_key_id: keyId, api_key: key } = settings;
  if (settings.tolerance_s !== undefined)
    faults.push({ path: '/tolerance_s', message: 'Amazon Pay itself tries for 14 days' });
  if (
    topics !== undefined &&
    !(
      Array.isArray(topics) &&
      topics.length > 0 &&
      topics.length <= TOPICS_MAX &&
      topicsOf(settings).length === topics.length
    )
  ) {
    faults.push({
      path: '/topic_arns',
      message: `must be 1 to ${TOPICS_MAX} topics as Seller Central or the first message shows them: arn:aws:sns:region:account:name`,
    });
  }
  if (region !== undefined && regionOf(settings) === null)
    faults.push({ path: '/region', message: 'must be us, eu or jp' });
  if (keyId !== undefined && publicKeyIdOf(settings) === null)
    faults.push({ path: '/public_key_id', message: 'must be the public key id of Integration Central' });
  if (key !== undefined && privateKeyOf(settings) === null)
    faults.push({ path: '/api_key', message: 'must be the RSA private key in PEM' });
  if (key !== undefined && (region === undefined || keyId === undefined))
    faults.push({ path: '/api_key', message: 'needs region and public_key_id beside it' });
  return faults;
}
