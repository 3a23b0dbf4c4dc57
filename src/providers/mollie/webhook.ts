import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type {
  Identification,
  IdentifiedEvent,
  RejectReason,
  Verdict,
  VerifyContext,
  WebhookRequest,
} from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';
import { bucketOf, readHint } from './hint.ts';
import { isListedObject, listedEvent } from './listed-object.ts';

/*
 * Two schemes. Classic: a form with the object's id, signed by nothing, which Mollie calls secure because the object is
 * fetched (docs.mollie.com/reference/webhooks). Next-gen: X-Mollie-Signature, hex HMAC-SHA256 of the raw body, with or
 * without "sha256=" in front (docs.mollie.com/reference/webhooks-new).
 */
const SIGNATURE = 'x-mollie-signature';
const PREFIX = 'sha256=';
const HEX_MAC = /^[0-9a-f]{64}$/;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const secrets = context.secrets.filter((one) => one.secret !== '');
  const headers = headerValues(request, SIGNATURE);
  const { webhooks } = context.settings;
  const classic = webhooks === 'classic' || (webhooks !== 'signed' && secrets.length === 0 && headers.length === 0);
  if (classic) {
    return readHint(request.body) === null
      ? rejected('unreadable', 'a classic webhook is a form with one id, and this is none')
      : { kind: 'authentic', level: 'hint', secretId: null };
  }
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no signing secret that is valid now');
  const [header, second] = headers;
  // Mollie's own library takes a missing header for a classic webhook: then anybody could leave it out.
  if (header === undefined) return rejected('signature_missing', `there is no ${SIGNATURE} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${SIGNATURE} headers`);
  const mac = header.startsWith(PREFIX) ? header.slice(PREFIX.length) : header;
  if (!HEX_MAC.test(mac)) return rejected('signature_malformed', 'the signature is not 64 hex digits');
  const given = Buffer.from(mac, 'hex');
  const match = secrets.find(({ secret }) => safeEqual(given, hmacSha256(secret, request.body)));
  if (match === undefined)
    return rejected('signature_mismatch', 'the signature fits no secret: another, or a changed body');
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

export function identify(request: WebhookRequest): Identification {
  const hint = readHint(request.body);
  if (hint?.kind === 'test') return { kind: 'control', answer: { status: 200, headers: {}, body: '' } };
  if (hint !== null) return { kind: 'events', events: [hintedEvent(hint.id, request.receivedAt ?? 0)] };
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const listed = isListedObject(parsed) ? listedEvent(parsed) : null;
  if (listed !== null) return { kind: 'events', events: [listed] };
  const [id, type] = [textAt(parsed, 'id'), textAt(parsed, 'type')];
  if (id === undefined || type === undefined) return { kind: 'unreadable', detail: 'the event has no id or no type' };
  const mode = textAt(parsed, '_embedded', 'entity', 'mode');
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: true,
        transmissionId: null,
        type,
        apiVersion: null,
        live: mode === 'live' ? true : mode === 'test' ? false : null,
        account: null,
        occurredAt: isoTime(textAt(parsed, 'createdAt')) ?? null,
        fingerprint: () => contentFingerprint(request.body, ['_links']),
      },
    ],
  };
}

function hintedEvent(object: string, receivedAt: number): IdentifiedEvent {
  return {
    item: 0,
    id: `${object}@${bucketOf(receivedAt) / 1000}`,
    idSigned: false,
    transmissionId: null,
    type: `hint.${object.slice(0, object.indexOf('_'))}`,
    apiVersion: null,
    live: null,
    account: null,
    occurredAt: null,
    fingerprint: () => createHash('sha256').update(object).digest(),
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
