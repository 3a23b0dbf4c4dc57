import { messageOf } from '../../errors.ts';
import { at, isObject, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import type { Identification, RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';
import { unixTime } from './entity.ts';
import { listedEvent, listedKind } from './listed-entity.ts';

/*
 * x-razorpay-signature: hex HMAC-SHA256 of the raw body, keyed with the text chosen for the webhook. After a change of
 * secret the retries of older events are still signed with the old one.
 * razorpay.com/docs/webhooks/validate-test
 */
const SIGNATURE = 'x-razorpay-signature';
const EVENT_ID = 'x-razorpay-event-id';
const HEX_MAC = /^[0-9a-f]{64}$/;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no webhook secret that is valid now');
  const [header, second] = headerValues(request, SIGNATURE);
  if (header === undefined) return rejected('signature_missing', `there is no ${SIGNATURE} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${SIGNATURE} headers`);
  if (!HEX_MAC.test(header)) return rejected('signature_malformed', 'the signature is not 64 hex digits');
  const given = Buffer.from(header, 'hex');
  const match = secrets.find(({ secret }) => safeEqual(given, hmacSha256(secret, request.body)));
  if (match === undefined)
    return rejected('signature_mismatch', 'the signature fits no secret: another, or a changed body');
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

export function identify(request: WebhookRequest): Identification {
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const listed = listedKind(parsed) === null ? null : listedEvent(parsed);
  if (listed !== null) return { kind: 'events', events: [listed] };
  const type = textAt(parsed, 'event');
  if (type === undefined) return { kind: 'unreadable', detail: 'the body names no event' };
  const [eventId] = headerValues(request, EVENT_ID);
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id: eventId === undefined || eventId === '' ? compositeId(parsed, type) : eventId,
        // The header is outside the signature: whoever captured a request can send it under any id.
        idSigned: false,
        transmissionId: null,
        type,
        apiVersion: null,
        // Test mode has webhooks and secrets of its own; the event does not say which it is.
        live: null,
        account: textAt(parsed, 'account_id') ?? null,
        occurredAt: unixTime(textAt(parsed, 'created_at')) ?? null,
        fingerprint: () => contentFingerprint(request.body, []),
      },
    ],
  };
}

/** Where a proxy dropped the event id: what happened to which object, and when. */
export function compositeId(body: Json, type: string): string {
  const payload = at(body, 'payload');
  const ids = isObject(payload) ? Object.keys(payload).map((name) => textAt(payload, name, 'entity', 'id') ?? '') : [];
  return [type, ...ids.filter((id) => id !== ''), textAt(body, 'created_at') ?? ''].join(':');
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
