import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import type {
  EndpointSettings,
  Identification,
  IdentifiedEvent,
  RejectReason,
  Verdict,
  VerifyContext,
  WebhookRequest,
} from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';
import { strictBase64 } from '../strict-base64.ts';
import { timeOf } from './amount.ts';
import { listedEvent, listedObject } from './listed-object.ts';

/*
 * v3: verif-hash is the secret hash itself, in clear (developer.flutterwave.com/v3.0/docs/webhooks). v4:
 * flutterwave-signature is base64 HMAC-SHA256 of the raw body, keyed with it (developer.flutterwave.com/docs/webhooks).
 *
 * An endpoint takes one of the two: whoever saw a request of v3 knows the key with which v4 would sign.
 */
const TOKEN = 'verif-hash';
const SIGNATURE = 'flutterwave-signature';
const MAC_BYTES = 32;

export function isSigned(settings: EndpointSettings): boolean {
  return settings.version === 'v4';
}

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no secret hash that is valid now');
  const signed = isSigned(context.settings);
  const name = signed ? SIGNATURE : TOKEN;
  const [header, second] = headerValues(request, name);
  if (header === undefined) {
    const other = headerValues(request, signed ? TOKEN : SIGNATURE).length > 0;
    const hint = other ? `: the request is of v${signed ? 3 : 4}, and the setting version says v${signed ? 4 : 3}` : '';
    return rejected('signature_missing', `there is no ${name} header${hint}`);
  }
  if (second !== undefined) return rejected('signature_malformed', `there are two ${name} headers`);
  const given = signed ? strictBase64(header, MAC_BYTES) : digest(header);
  if (given?.length !== MAC_BYTES) return rejected('signature_malformed', 'the signature is not 32 bytes of base64');
  const match = secrets.find(({ secret }) =>
    safeEqual(given, signed ? hmacSha256(secret, request.body) : digest(secret)),
  );
  if (match === undefined) return rejected('signature_mismatch', `the ${name} fits no secret hash`);
  return { kind: 'authentic', level: signed ? 'body' : 'token', secretId: match.id };
}

/** Tokens have lengths of their own: compared as hashes, even that takes the same time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export function identify(request: WebhookRequest, settings: EndpointSettings): Identification {
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  // Requests are POSTs: what was asked for is the only GET. Nobody who holds a token can take a listed object's identity.
  const listed = request.method === 'GET' ? listedObject(parsed) : null;
  const object = listed === null ? null : listedEvent(listed.kind, listed.object);
  if (object !== null) return { kind: 'events', events: [object] };
  const event = isSigned(settings) ? signedEvent(parsed, request.body) : tokenEvent(parsed, request.body);
  if (event === null) return { kind: 'unreadable', detail: 'the event has no type, or no id' };
  return { kind: 'events', events: [event] };
}

function signedEvent(body: Json, bytes: Buffer): IdentifiedEvent | null {
  const id = textAt(body, 'id') ?? textAt(body, 'webhook_id');
  const type = textAt(body, 'type');
  if (id === undefined || type === undefined) return null;
  const timestamp = textAt(body, 'timestamp') ?? '';
  const occurredAt = /^\d{13}$/.test(timestamp) ? Number(timestamp) : null;
  return { ...common(bytes), id, idSigned: true, type, occurredAt };
}

/** Events of v3 have no id, and nothing of theirs is signed: event, object and status, together with the content. */
function tokenEvent(body: Json, bytes: Buffer): IdentifiedEvent | null {
  const type = textAt(body, 'event') ?? textAt(body, 'event.type');
  const object = textAt(body, 'data', 'id') ?? textAt(body, 'id');
  if (type === undefined || object === undefined) return null;
  const status = textAt(body, 'data', 'status') ?? textAt(body, 'status') ?? '';
  const occurredAt = timeOf(textAt(body, 'data', 'created_at')) ?? null;
  return { ...common(bytes), id: `${type}:${object}:${status}`, idSigned: false, type, occurredAt };
}

function common(
  bytes: Buffer,
): Pick<IdentifiedEvent, 'item' | 'transmissionId' | 'apiVersion' | 'live' | 'account' | 'fingerprint'> {
  return {
    item: 0,
    transmissionId: null,
    apiVersion: null,
    // Test and live mode have keys and hashes of their own; an event does not say which it is.
    live: null,
    // Charges name an account_id and transfers do not: an account taken from it would be two.
    account: null,
    fingerprint: () => contentFingerprint(bytes, []),
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
