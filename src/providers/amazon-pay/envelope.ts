import { PosternError } from '../../errors.ts';
import { isObject, type Json, type JsonObject, parseExactJson, textAt } from '../../exact-json.ts';

/**
 * What SNS posts, as JSON though it says text/plain.
 * docs.aws.amazon.com/sns/latest/dg/http-notification-json.html, …/http-subscription-confirmation-json.html
 */
export type Envelope = {
  readonly type: 'Notification' | 'SubscriptionConfirmation' | 'UnsubscribeConfirmation';
  readonly messageId: string;
  readonly topic: string;
  readonly message: string;
  readonly timestamp: string;
  readonly tree: JsonObject;
};

const TYPES: readonly string[] = ['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation'];
/** Names in the order they are signed. docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html */
const NOTIFICATION = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'];
const CONFIRMATION = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];

/** @throws PosternError `unreadable_event` for anything but an SNS message with all that is signed */
export function readEnvelope(body: Buffer): Envelope {
  const tree = parseExactJson(body);
  if (!isObject(tree)) throw unreadable('the body is no SNS message');
  const type = textAt(tree, 'Type');
  const messageId = textAt(tree, 'MessageId');
  const topic = textAt(tree, 'TopicArn');
  const timestamp = textAt(tree, 'Timestamp');
  const message = tree.Message;
  if (!isType(type) || messageId === undefined || topic === undefined || timestamp === undefined)
    throw unreadable('the body is no SNS message: with raw message delivery there is nothing to verify');
  if (typeof message !== 'string') throw unreadable('the SNS message has no Message');
  return { type, messageId, topic, message, timestamp, tree };
}

function isType(type: string | undefined): type is Envelope['type'] {
  return type !== undefined && TYPES.includes(type);
}

/** The signed text: name and value of each field on lines of their own; a Subject only where there is one. */
export function signedText({ type, tree }: Pick<Envelope, 'type' | 'tree'>): string {
  const names = type === 'Notification' ? NOTIFICATION : CONFIRMATION;
  return names.flatMap((name) => (typeof tree[name] === 'string' ? [`${name}\n${tree[name]}\n`] : [])).join('');
}

/** Amazon Pay's own message inside the envelope. Its documents write `MerchantID` and `merchantID`, so case is ignored. */
export type Ipn = {
  readonly objectType: string;
  readonly objectId: string;
  readonly notificationType: string;
  readonly notificationId: string | undefined;
  readonly merchantId: string | undefined;
  readonly chargePermissionId: string | undefined;
};

/** Null for a message of another publisher or another version. */
export function readIpn({ message }: Pick<Envelope, 'message'>): Ipn | null {
  let tree: Json;
  try {
    tree = parseExactJson(message);
  } catch {
    // Anybody who owns a topic may publish plain text to it: that is no notification, and no fault either.
    return null;
  }
  if (!isObject(tree)) return null;
  const members = new Map(Object.entries(tree).map(([name, value]) => [name.toLowerCase(), value]));
  const text = (name: string): string | undefined => {
    const value = members.get(name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const objectType = text('objecttype');
  const objectId = text('objectid');
  if (objectType === undefined || objectId === undefined) return null;
  return {
    objectType: objectType.toUpperCase(),
    objectId,
    notificationType: text('notificationtype') ?? 'STATE_CHANGE',
    notificationId: text('notificationid'),
    merchantId: text('merchantid'),
    chargePermissionId: text('chargepermissionid'),
  };
}

function unreadable(message: string): PosternError {
  return new PosternError('unreadable_event', message);
}
