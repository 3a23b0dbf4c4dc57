import type { JsonObject } from '../../exact-json.ts';
import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';
import { readNotification, signedText } from './notification.ts';
import { basicAuthOf } from './webhook.ts';

/** The headers Adyen would send; the signature is in the body, see `signItems`. */
export function sign(
  _request: { readonly body: Buffer; readonly url: string },
  _secret: string,
  _now: number,
  settings: EndpointSettings = {},
): Array<[string, string]> {
  const auth = basicAuthOf(settings);
  const credentials = auth === null ? null : Buffer.from(`${auth.user}:${auth.password}`).toString('base64');
  return [
    ['content-type', 'application/json; charset=utf-8'],
    ['user-agent', 'Adyen HttpClient 1.0'],
    ...(credentials === null ? [] : [['authorization', `Basic ${credentials}`] satisfies [string, string]]),
  ];
}

type Envelope = { notificationItems: { NotificationRequestItem: { additionalData?: JsonObject } }[] };

/** A standard notification in JSON with every item's hmacSignature put in. @throws RangeError for a body that is none. */
export function signItems(body: Buffer, hexKey: string): Buffer {
  const notification = readNotification(body);
  if (notification.kind !== 'standard') throw new RangeError('only a standard notification in JSON has items to sign');
  const envelope = JSON.parse(body.toString('utf8'), keepDigits) as Envelope;
  for (const [index, { NotificationRequestItem: item }] of envelope.notificationItems.entries()) {
    const signed = notification.items[index]?.signed;
    const text = signed == null ? null : signedText(signed);
    if (text === null) throw new RangeError(`item ${index} cannot be signed`);
    const hmacSignature = hmacSha256(Buffer.from(hexKey, 'hex'), text).toString('base64');
    item.additionalData = { ...item.additionalData, hmacSignature };
  }
  return Buffer.from(JSON.stringify(envelope));
}

/** An amount beyond 2^53 would be written back with other digits than were signed. ES2025, not yet in TypeScript's words. */
const keepDigits: (key: string, value: unknown) => unknown = (...told: readonly unknown[]) => {
  const [, value, context] = told as [string, unknown, { readonly source?: string }?];
  const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };
  const isExact = typeof value !== 'number' || Number.isSafeInteger(value) || context?.source === undefined;
  return isExact ? value : rawJSON(context.source);
};

/** The headers of a platform webhook, which signs its raw body. */
export function signPlatform(body: Buffer, hexKey: string): Array<[string, string]> {
  return [
    ['content-type', 'application/json; charset=utf-8'],
    ['protocol', 'HmacSHA256'],
    ['hmacsignature', hmacSha256(Buffer.from(hexKey, 'hex'), body).toString('base64')],
  ];
}
