import { verify as verifySignature } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { textAt } from '../../exact-json.ts';
import { plainAcknowledgement } from '../acknowledgement.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type {
  EndpointSettings,
  Identification,
  IdentifiedEvent,
  RejectReason,
  Verdict,
  VerifyContext,
  WebhookRequest,
} from '../provider.ts';
import { strictBase64 } from '../strict-base64.ts';
import { createSigningKeys } from './certificate.ts';
import { type Envelope, type Ipn, readEnvelope, readIpn, signedText } from './envelope.ts';
import { certificatesFor } from './simulated-settings.ts';
import { hostOfTopic, topicsOf } from './topics.ts';

/*
 * Amazon SNS signs the fields of its JSON envelope: RSA-SHA1 (SignatureVersion 1) or RSA-SHA256 (2), PKCS#1 v1.5.
 * docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
 *
 * The signature says "some topic of somebody's": anybody can have SNS sign anything. What makes it Amazon Pay's is the
 * TopicArn, which must be one of the endpoint's.
 */
const DIGESTS: Readonly<Record<string, string>> = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' };
const SIGNATURE_BYTES_MAX = 1_024;
/** Amazon Pay tries hourly for 14 days, with the time of the first. */
export const TOLERANCE_S = 15 * 86_400;

const signingKey = createSigningKeys();

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const topics = topicSecrets(context);
  if (topics.length === 0) return rejected('no_secret', 'the endpoint has no topic (topic_arns)');
  let envelope: Envelope;
  try {
    envelope = readEnvelope(request.body);
  } catch (error) {
    return rejected('unreadable', messageOf(error));
  }
  const { tree, topic } = envelope;
  const expected = topics.find(({ arn }) => arn === topic);
  const host = expected === undefined ? null : hostOfTopic(expected.arn);
  if (expected === undefined || host === null)
    return rejected('signature_mismatch', "it is of another topic than the endpoint's");
  const sent = textAt(tree, 'Signature');
  if (sent === undefined) return rejected('signature_missing', 'the message has no Signature');
  const version = textAt(tree, 'SignatureVersion') ?? '';
  const digest = Object.hasOwn(DIGESTS, version) ? DIGESTS[version] : undefined;
  if (digest === undefined) return rejected('unsupported', 'only the signature versions 1 and 2 are accepted');
  const signature = strictBase64(sent, SIGNATURE_BYTES_MAX);
  if (signature === null) return rejected('signature_malformed', 'the signature is no RSA signature in base64');
  const time = isoTime(envelope.timestamp);
  if (time === undefined) return rejected('signature_malformed', 'the Timestamp is no time');
  const age = Math.round((context.now - time) / 1000);
  if (Math.abs(age) > TOLERANCE_S)
    return rejected('stale', `published ${age} s ago; ${TOLERANCE_S} s are allowed: is the clock right?`);

  const key = signingKey(textAt(tree, 'SigningCertURL') ?? '', host, certificatesFor(context));
  if (key.kind === 'needs') return key;
  if (key.kind === 'refused') return rejected('certificate', key.detail);
  if (context.now < key.notBefore || context.now > key.notAfter)
    return rejected('certificate', 'the certificate is not valid now');
  if (!verifySignature(digest, Buffer.from(signedText(envelope)), key.key, signature))
    return rejected('signature_mismatch', 'the signature does not fit: a field was changed');
  return { kind: 'authentic', level: 'body', secretId: expected.secretId };
}

/** The topics of the settings, and those kept as secrets: like a secret, a topic binds messages to the endpoint. */
function topicSecrets({ settings, secrets }: VerifyContext): { arn: string; secretId: string | null }[] {
  return [
    ...topicsOf(settings).map((arn) => ({ arn, secretId: null })),
    ...secrets
      .filter(({ secret }) => hostOfTopic(secret) !== null)
      .map(({ id, secret }) => ({ arn: secret, secretId: id })),
  ];
}

export function identify(request: WebhookRequest, settings: EndpointSettings): Identification {
  let envelope: Envelope;
  try {
    envelope = readEnvelope(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  if (envelope.type === 'SubscriptionConfirmation') {
    const visit = confirmationUrl(envelope, settings);
    const answer = plainAcknowledgement({ kind: 'accepted' });
    return { kind: 'control', answer, ...(visit === null ? {} : { visit }) };
  }
  return { kind: 'events', events: [eventOf(envelope, envelope.type === 'Notification' ? readIpn(envelope) : null)] };
}

function eventOf(envelope: Envelope, ipn: Ipn | null): IdentifiedEvent {
  const { messageId, timestamp, type, tree } = envelope;
  const { Signature: _s, SignatureVersion: _v, SigningCertURL: _c, UnsubscribeURL: _u, ...content } = tree;
  return {
    item: 0,
    // NotificationId is "used for tracking only": it is told, but the message's own id is what SNS keeps over retries.
    id: ipn?.notificationId === undefined ? messageId : `${messageId}:${ipn.notificationId}`,
    idSigned: true,
    transmissionId: null,
    type: ipn === null ? (type === 'Notification' ? 'unknown' : type) : `${ipn.objectType}.${ipn.notificationType}`,
    apiVersion: null,
    live: ipn === null ? null : isLive(ipn.objectId),
    account: ipn?.merchantId ?? null,
    occurredAt: isoTime(timestamp) ?? null,
    fingerprint: () => contentFingerprint(Buffer.from(JSON.stringify(content)), []),
  };
}

/** Amazon Pay's ids begin with P (production) or S (sandbox). */
export function isLive(objectId: string): boolean | null {
  return objectId.startsWith('P') ? true : objectId.startsWith('S') ? false : null;
}

const TOKEN = /^[A-Za-z0-9]{16,512}$/;

/**
 * Where the subscription is confirmed: at the topic's own host, put together here. SubscribeURL itself is only looked at
 * to see that it says the same, so that no message sends us anywhere.
 */
function confirmationUrl({ topic, tree }: Envelope, settings: EndpointSettings): string | null {
  const host = hostOfTopic(topic);
  const token = textAt(tree, 'Token') ?? '';
  const told = textAt(tree, 'SubscribeURL') ?? '';
  const expected = topicsOf(settings);
  if (host === null || !TOKEN.test(token) || !told.startsWith(`https://${host}/?`)) return null;
  if (expected.length > 0 && !expected.includes(topic)) return null;
  return `https://${host}/?Action=ConfirmSubscription&TopicArn=${topic}&Token=${token}`;
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
