import { amazonPay } from '../../../src/providers/amazon-pay/index.ts';
import { sign, signEnvelope } from '../../../src/providers/amazon-pay/sign.ts';
import { createSimulatedAuthority } from '../../../src/providers/paypal/simulated-authority.ts';
import type { CertificateLookup, WebhookRequest } from '../../../src/providers/provider.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/amazon-pay';
export const NOW = 1_767_225_600_000;
export const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:MADETOPICOFOURS01';
const OTHER_TOPIC = 'arn:aws:sns:us-east-1:111122223333:MADETOPICOFOURS02';

export const authority = createSimulatedAuthority(NOW, 'sns.amazonaws.com');
const FILE = `SimpleNotificationService-${'0123456789abcdef'.repeat(2)}.pem`;

/** Where the certificate of messages of `topic` is. */
export function certificateUrl(topic: string): string {
  return `https://sns.${topic.split(':')[3]}.amazonaws.com/${FILE}`;
}

const certificates: CertificateLookup = {
  get: (url) =>
    [TOPIC, OTHER_TOPIC].some((topic) => certificateUrl(topic) === url) ? authority.certificatePem : undefined,
};

type Message = Record<string, string> & {
  Type: 'Notification' | 'SubscriptionConfirmation' | 'UnsubscribeConfirmation';
};

/** An SNS message of ours, unsigned. */
export function snsMessage(message: string, change: Record<string, string> = {}): Message {
  return {
    Type: 'Notification',
    MessageId: '00000000-0000-5000-8000-000000000001',
    TopicArn: TOPIC,
    Message: message,
    Timestamp: '2026-01-01T00:00:00.000Z',
    ...change,
  };
}

/** An Amazon Pay notification of ours about one object. */
export function ipn(objectType: string, objectId: string, change: Record<string, string> = {}): string {
  return JSON.stringify({
    MerchantID: 'MADEMERCHANT1',
    ObjectType: objectType,
    ObjectId: objectId,
    ChargePermissionId: 'S02-0000001-0000001',
    NotificationType: 'STATE_CHANGE',
    NotificationId: '00000000-0000-4000-8000-000000000001',
    NotificationVersion: 'V2',
    ...change,
  });
}

export function signed(message: Message, version: '1' | '2' = '2'): Buffer {
  return signEnvelope(message, authority.privateKeyPem, certificateUrl(message.TopicArn ?? ''), version);
}

export function requestOf(body: Buffer): WebhookRequest {
  return { method: 'POST', url: URL, headers: sign({ body, url: URL }, '', NOW), body };
}

/** What Amazon Pay answers about a charge. */
export function charge(change: object = {}): Record<string, unknown> {
  return {
    chargeId: 'S02-0000001-0000001-C000001',
    chargePermissionId: 'S02-0000001-0000001',
    chargeAmount: { amount: '14.00', currencyCode: 'EUR' },
    captureAmount: { amount: '12.34', currencyCode: 'EUR' },
    refundedAmount: { amount: '0.00', currencyCode: 'EUR' },
    creationTimestamp: '20251231T230000Z',
    statusDetails: { state: 'Captured', reasonCode: null, lastUpdatedTimestamp: '20251231T231500Z' },
    releaseEnvironment: 'Sandbox',
    ...change,
  };
}

const id = (n: number): string => `S02-0000001-0000001-C00000${n}`;
const about = (n: number): Record<string, string> => ({ MessageId: `00000000-0000-5000-8000-00000000000${n}` });
const notification = (n: number): string =>
  ipn('CHARGE', id(n), { NotificationId: `00000000-0000-4000-8000-00000000000${n}` });

/** A JSON object gets the topic and a signature; junk goes as it is. */
function resigned(body: Buffer, topic: string): Buffer {
  try {
    const message: unknown = JSON.parse(body.toString());
    if (typeof message !== 'object' || message === null || Array.isArray(message)) return body;
    return signed({ ...(message as Message), TopicArn: topic });
  } catch {
    return body;
  }
}

export const samples: ProviderSamples = {
  provider: amazonPay,
  settings: { topic_arns: [TOPIC] },
  now: NOW,
  secrets: [TOPIC, OTHER_TOPIC],
  sign(body, secret, now) {
    // The time is a field of the message: it is put in, too.
    const timed = body.toString().replace('2026-01-01T00:00:00.000Z', new Date(now).toISOString());
    return requestOf(resigned(Buffer.from(timed), secret));
  },
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: {},
    now,
    certificates,
  }),
  money: (n) => signed(snsMessage(notification(n), about(n))),
  retried: (n) =>
    signed(
      snsMessage(notification(n), { ...about(n), UnsubscribeURL: 'https://sns.eu-west-1.amazonaws.com/?x=1' }),
      '1',
    ),
  altered: (n) => signed(snsMessage(notification(n).replace(id(n), id(9)), about(n))),
  unknownType: () => signed(snsMessage(ipn('TELEPORT', id(1)))),
  fetched(body) {
    const { Message } = JSON.parse(body.toString()) as { Message: string };
    const { ObjectId } = JSON.parse(Message) as { ObjectId: string };
    return Buffer.from(JSON.stringify(charge({ chargeId: ObjectId })));
  },
  coveredBytes(request) {
    const text = request.body.toString();
    // What follows is where the certificate is: another place is another certificate, or none.
    const end = text.indexOf('"SigningCertURL"');
    return [...request.body.keys()].filter((at) => at < end);
  },
  staleAfterMs: 15 * 86_400_000,
  idSigned: true,
  namesSecret: true,
};
