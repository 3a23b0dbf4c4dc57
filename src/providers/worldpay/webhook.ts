import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import { keyedSecret } from '../keyed-secret.ts';
import { hexOrBase64 } from '../mac-text.ts';
import type { Identification, RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';
import { isListedPayment, listedEvent } from './listed-payment.ts';

/*
 * Event-Signature: {keyId}/{hashFunction}/{signature}[,…], one for each key while keys are changed, in any order. SHA256
 * is the only function; how the MAC is written the document does not say. It must be switched on by Worldpay.
 * docs.worldpay.com/access/products/events/signature
 */
export const HEADER = 'event-signature';
const HEADER_CHARS_MAX = 4_096;
const SIGNATURES_MAX = 20;
const MAC_BYTES = 32;

type Signature = { readonly keyId: string; readonly mac: Buffer };

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const secrets = context.secrets
    .map(({ id, secret }) => ({ id, ...keyedSecret(secret) }))
    .filter(({ key }) => key !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no shared secret that is valid now');
  const [header, second] = headerValues(request, HEADER);
  if (header === undefined) return rejected('signature_missing', `there is no ${HEADER} header: is it switched on?`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${HEADER} headers`);
  const signatures = parseHeader(header);
  if (typeof signatures === 'string') return rejected('signature_malformed', signatures);
  const match = secrets.find(({ keyId, key }) => {
    const expected = hmacSha256(key, request.body);
    return signatures.some((one) => (keyId === null || keyId === one.keyId) && safeEqual(one.mac, expected));
  });
  if (match === undefined) {
    const named = signatures.map(({ keyId }) => keyId).join(', ');
    return rejected(
      'signature_mismatch',
      `no signature fits (key ids ${named}): another secret, or the body was changed`,
    );
  }
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

function parseHeader(header: string): readonly Signature[] | string {
  if (header.length > HEADER_CHARS_MAX) return `the header is over ${HEADER_CHARS_MAX} characters`;
  const items = header.split(',');
  if (items.length > SIGNATURES_MAX) return `the header holds ${items.length} signatures`;
  const signatures: Signature[] = [];
  for (const item of items) {
    const text = item.trim();
    const first = text.indexOf('/');
    // Base64 holds slashes of its own: only the first two part the item.
    const next = text.indexOf('/', first + 1);
    const keyId = text.slice(0, Math.max(first, 0));
    if (first === -1 || next === -1 || !/^\d{1,10}$/.test(keyId))
      return 'the header is no list of keyId/function/signature';
    // A function of tomorrow is signed beside SHA256 before it replaces it.
    if (text.slice(first + 1, next) !== 'SHA256') continue;
    const mac = hexOrBase64(text.slice(next + 1), MAC_BYTES);
    if (mac === null) return 'a signature is not 32 bytes in hexadecimal or base64';
    if (signatures.some((one) => one.keyId === keyId)) return `the header has two signatures of key ${keyId}`;
    signatures.push({ keyId, mac });
  }
  return signatures.length === 0 ? 'the header has no SHA256 signature' : signatures;
}

export function identify(request: WebhookRequest): Identification {
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  if (isListedPayment(parsed)) return { kind: 'events', events: [listedEvent(parsed)] };
  const id = textAt(parsed, 'eventId');
  if (id === undefined) return { kind: 'unreadable', detail: 'the event has no eventId' };
  const family = textAt(parsed, 'eventDetails', 'classification') ?? 'unknown';
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: true,
        transmissionId: null,
        type: `${family}.${textAt(parsed, 'eventDetails', 'type') ?? 'unknown'}`,
        apiVersion: null,
        // Nothing in an event tells; try and live have webhooks of their own.
        live: null,
        // Only some events name the merchant's entity: half of one account's money would be found under it.
        account: null,
        occurredAt: isoTime(textAt(parsed, 'eventTimestamp')) ?? null,
        fingerprint: () => contentFingerprint(request.body, ['eventTimestamp']),
      },
    ],
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
