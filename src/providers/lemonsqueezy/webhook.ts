import { messageOf } from '../../errors.ts';
import { at, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type { Identification, RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';
import { listedEvent, listedKind } from './listed-object.ts';

/*
 * X-Signature: hex HMAC-SHA256 over the body, keyed with the secret chosen for the webhook.
 * docs.lemonsqueezy.com/help/webhooks/signing-requests
 */
const HEADER = 'x-signature';
const MAC = /^[0-9a-f]{64}$/;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no signing secret that is valid now');
  const [header, second] = headerValues(request, HEADER);
  if (header === undefined) return rejected('signature_missing', 'there is no X-Signature header');
  if (second !== undefined) return rejected('signature_malformed', 'there are two X-Signature headers');
  if (!MAC.test(header)) return rejected('signature_malformed', 'the signature is not 64 hexadecimal digits');
  const given = Buffer.from(header, 'hex');
  const match = secrets.find(({ secret }) => safeEqual(given, hmacSha256(secret, request.body)));
  if (match === undefined)
    return rejected('signature_mismatch', 'the signature fits no secret: another webhook’s, or a changed body');
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

/**
 * There is no event id (meta.webhook_id is the subscription's, and X-Event-Name is not signed): an event is a name, an
 * object and the object's version.
 */
export function identify(request: WebhookRequest): Identification {
  let body: Json;
  try {
    body = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const listed = listedKind(body) === null ? null : listedEvent(body);
  if (listed !== null) return { kind: 'events', events: [listed] };
  const name = textAt(body, 'meta', 'event_name');
  const type = textAt(body, 'data', 'type');
  const id = textAt(body, 'data', 'id');
  if (name === undefined || type === undefined || id === undefined)
    return { kind: 'unreadable', detail: 'the event has no meta.event_name, data.type or data.id' };
  const attributes = at(body, 'data', 'attributes');
  const fingerprint = (): Buffer => contentFingerprint(request.body, []);
  const updated = textAt(attributes, 'updated_at');
  const test = at(attributes, 'test_mode') ?? at(body, 'meta', 'test_mode');
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id: [name, type, id, updated ?? fingerprint().toString('hex')].join(':'),
        idSigned: true,
        transmissionId: null,
        type: name,
        apiVersion: null,
        live: typeof test === 'boolean' ? !test : null,
        account: textAt(attributes, 'store_id') ?? null,
        occurredAt: isoTime(updated) ?? null,
        fingerprint,
      },
    ],
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
