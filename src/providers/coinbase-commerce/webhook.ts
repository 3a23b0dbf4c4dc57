import { messageOf } from '../../errors.ts';
import { at, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type { Identification, RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';

/*
 * X-CC-Webhook-Signature: hex HMAC-SHA256 over the body, keyed with the shared secret's text.
 * docs.cdp.coinbase.com/commerce/api-architecture/webhooks-security
 */
const HEADER = 'x-cc-webhook-signature';
const MAC = /^[0-9a-f]{64}$/;
/** About one attempt to deliver, around the event itself. */
const ATTEMPT = ['id', 'attempt_number', 'scheduled_for'];

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no shared secret that is valid now');
  const [header, second] = headerValues(request, HEADER);
  if (header === undefined) return rejected('signature_missing', `there is no ${HEADER} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${HEADER} headers`);
  if (!MAC.test(header)) return rejected('signature_malformed', 'the signature is not 64 hexadecimal digits');
  const given = Buffer.from(header, 'hex');
  const match = secrets.find(({ secret }) => safeEqual(given, hmacSha256(secret, request.body)));
  if (match === undefined)
    return rejected('signature_mismatch', 'the signature fits no shared secret: another secret, or a changed body');
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

/** The outer id and attempt_number change with every attempt: the event inside keeps its own. */
export function identify(request: WebhookRequest): Identification {
  let body: Json;
  try {
    body = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const event = at(body, 'event');
  const id = textAt(event, 'id');
  if (id === undefined) return { kind: 'unreadable', detail: 'the request has no event with an id' };
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: true,
        transmissionId: null,
        type: textAt(event, 'type') ?? 'unknown',
        apiVersion: textAt(event, 'api_version') ?? null,
        live: null,
        account: null,
        occurredAt: isoTime(textAt(event, 'created_at')) ?? null,
        fingerprint: () => contentFingerprint(request.body, ATTEMPT),
      },
    ],
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
