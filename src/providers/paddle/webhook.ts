import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type { Identification, RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';

/*
 * Paddle-Signature: ts=<unix seconds>;h1=<64 hex>[;h1=…]
 *
 * h1 is HMAC-SHA256 over `ts + ":" + body`, keyed with the whole `pdl_ntfset_…` text. While a secret is being rotated
 * there is one h1 for each secret. developer.paddle.com/webhooks/signature-verification
 */
const HEADER = 'paddle-signature';
const HEADER_CHARS_MAX = 4_096;
/** Of Paddle's own libraries; they look at one side only, so that a time far ahead would be replayable for long. */
const TOLERANCE_S = 5;
const TIMESTAMP = /^(?:0|[1-9]\d{0,11})$/;
const SCHEME = /^[a-z][a-z0-9]*$/;
const MAC = /^[0-9a-f]{64}$/;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  // With an empty key anybody can compute the HMAC.
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no secret that is valid now');
  const [header, second] = headerValues(request, HEADER);
  if (header === undefined) return rejected('signature_missing', 'there is no Paddle-Signature header');
  if (second !== undefined) return rejected('signature_malformed', 'there are two Paddle-Signature headers');
  const parsed = parseHeader(header);
  if (typeof parsed === 'string') return rejected('signature_malformed', parsed);
  const match = secrets.find(({ secret }) => {
    const expected = hmacSha256(secret, `${parsed.timestamp}:`, request.body);
    return parsed.macs.some((mac) => safeEqual(mac, expected));
  });
  if (match === undefined) {
    return rejected(
      'signature_mismatch',
      'no h1 signature fits: another secret (each notification destination has its own), or the body was changed',
    );
  }
  const age = Math.floor(context.now / 1000) - Number(parsed.timestamp);
  const tolerance = context.settings.tolerance_s ?? TOLERANCE_S;
  if (Math.abs(age) > tolerance) {
    return rejected(
      'stale',
      `signed ${age} s ago; ${tolerance} s are allowed: is the clock right, or tolerance_s too tight?`,
    );
  }
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

function parseHeader(header: string): { timestamp: string; macs: Buffer[] } | string {
  if (header.length > HEADER_CHARS_MAX) return `the header is over ${HEADER_CHARS_MAX} characters`;
  let timestamp: string | undefined;
  const macs: Buffer[] = [];
  for (const item of header.split(';')) {
    const equals = item.indexOf('=');
    const name = item.slice(0, Math.max(equals, 0));
    const value = item.slice(equals + 1);
    if (!SCHEME.test(name) || value === '') return 'the header is not a list of name=value';
    if (name === 'ts') {
      if (timestamp !== undefined) return 'the header has two times';
      if (!TIMESTAMP.test(value)) return 'the time is no unix time';
      timestamp = value;
    } else if (name === 'h1' && MAC.test(value)) {
      macs.push(Buffer.from(value, 'hex'));
    }
  }
  if (timestamp === undefined) return 'the header has no time';
  if (macs.length === 0) return 'the header has no h1 signature';
  return { timestamp, macs };
}

/** Events of Paddle's simulator: authentic, sent to real destinations too, and about nothing that happened. */
export function isSimulated(id: string): boolean {
  return id.startsWith('ntfsimevt_');
}

/** notification_id is one delivery's: it differs for each destination and for each replay. */
export function identify(request: WebhookRequest): Identification {
  let body: Json;
  try {
    body = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const id = textAt(body, 'event_id');
  if (id === undefined) return { kind: 'unreadable', detail: 'the event has no event_id' };
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: true,
        transmissionId: null,
        type: textAt(body, 'event_type') ?? 'unknown',
        apiVersion: null,
        // Sandbox and live look the same in a body: they have destinations and secrets of their own.
        live: isSimulated(id) ? false : null,
        account: null,
        occurredAt: isoTime(textAt(body, 'occurred_at')) ?? null,
        fingerprint: () => contentFingerprint(request.body, ['notification_id']),
      },
    ],
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
