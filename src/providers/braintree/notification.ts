import { PosternError } from '../../errors.ts';
import { isObject, type Json, type JsonObject, textAt } from '../../exact-json.ts';
import { readForm } from './form.ts';
import { parseXml } from './xml.ts';

/*
 * <notification><timestamp>…</timestamp><kind>…</kind><subject><dispute>…</dispute></subject></notification>, in
 * base64 with a newline after each 60 characters. developer.paypal.com/braintree/docs/guides/webhooks/parse
 */
export type Notification = {
  readonly kind: string;
  /** As Braintree writes it; it signs no other time. */
  readonly timestamp: string | undefined;
  /** The merchant it is about, where it is another than ours (OAuth, shared vault). */
  readonly merchant: string | undefined;
  /** The name of the element in the subject: transaction, dispute, disbursement … */
  readonly about: string;
  readonly subject: Json;
  readonly tree: JsonObject;
};

/** What the processor's libraries let through; a blank would be a `+` that a lenient decoder lost. */
const PAYLOAD = /^[A-Za-z0-9+/=\n]+$/;

export function isPayload(payload: string): boolean {
  return PAYLOAD.test(payload);
}

export type Payload = { readonly name: string; readonly value: Json };

/** The element in a form body; its signature is not looked at. @throws PosternError `unreadable_event` */
export function readPayload(body: Buffer): Payload {
  const payload = readForm(body)?.payload ?? '';
  if (!isPayload(payload)) throw unreadable('the body has no bt_payload in base64');
  return parseXml(decode(payload));
}

/** @throws PosternError `unreadable_event` */
export function notificationOf({ name, value }: Payload): Notification {
  if (name !== 'notification' || !isObject(value)) throw unreadable('the payload is no notification');
  const kind = textAt(value, 'kind');
  if (kind === undefined) throw unreadable('the notification has no kind');
  const whole = isObject(value.subject) ? value.subject : {};
  // A refused request at a partner comes wrapped; the libraries unwrap it too.
  const wrapped = whole['api-error-response'];
  const [about = '', subject = null] = Object.entries(isObject(wrapped) ? wrapped : whole)[0] ?? [];
  return {
    kind,
    timestamp: textAt(value, 'timestamp'),
    merchant: textAt(value, 'source-merchant-id'),
    about,
    subject: subject ?? null,
    tree: value,
  };
}

function decode(payload: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(payload, 'base64'));
  } catch (cause) {
    throw new PosternError('unreadable_event', 'the payload is no UTF-8', { cause });
  }
}

function unreadable(message: string): PosternError {
  return new PosternError('unreadable_event', message);
}
