import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type {
  EndpointSettings,
  Identification,
  RejectReason,
  Verdict,
  VerifyContext,
  WebhookRequest,
} from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';
import { strictBase64 } from '../strict-base64.ts';

/*
 * x-square-hmacsha256-signature: base64 HMAC-SHA256, keyed with the signature key's text, over notification URL + body.
 * developer.squareup.com/docs/webhooks/step3validate
 *
 * The URL is the one configured at Square, to the letter: behind a proxy no request still shows it. The older header
 * x-square-signature is a SHA-1 and is not looked at.
 */
const HEADER = 'x-square-hmacsha256-signature';
const ENVIRONMENT = 'square-environment';
const MAC_BYTES = 32;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no signature key that is valid now');
  const [header, second] = headerValues(request, HEADER);
  if (header === undefined) return rejected('signature_missing', `there is no ${HEADER} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${HEADER} headers`);
  const given = strictBase64(header, MAC_BYTES);
  if (given?.length !== MAC_BYTES) return rejected('signature_malformed', 'the signature is not 32 bytes of base64');
  const url = notificationUrl(context.settings) ?? request.url;
  const match = secrets.find(({ secret }) => safeEqual(given, hmacSha256(secret, url, request.body)));
  if (match === undefined) {
    return rejected(
      'signature_mismatch',
      'the signature fits no key: another key, a changed body, or a notification_url that differs from the one at Square',
    );
  }
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

export function notificationUrl(settings: EndpointSettings): string | undefined {
  return typeof settings.notification_url === 'string' ? settings.notification_url : undefined;
}

export function identify(request: WebhookRequest): Identification {
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const id = textAt(parsed, 'event_id');
  if (id === undefined) return { kind: 'unreadable', detail: 'the event has no event_id' };
  const [environment] = headerValues(request, ENVIRONMENT);
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: true,
        transmissionId: null,
        type: textAt(parsed, 'type') ?? 'unknown',
        apiVersion: headerValues(request, 'square-version')[0] ?? null,
        // Only a header says so, and it is not signed; sandbox and production have keys of their own.
        live: environment === 'Production' ? true : environment === 'Sandbox' ? false : null,
        account: textAt(parsed, 'merchant_id') ?? null,
        occurredAt: isoTime(textAt(parsed, 'created_at')) ?? null,
        fingerprint: () => contentFingerprint(request.body, []),
      },
    ],
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
