import type { Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';

/*
 * Stripe-Signature: t=<unix seconds>,v1=<64 hex>[,v1=…][,v0=…]
 *
 * v1 is HMAC-SHA256 over `t + "." + body`, keyed with the whole `whsec_…` text. While a secret is being rolled there is
 * one v1 for each secret, in no promised order. v0 is for test events of old and proves nothing.
 * docs.stripe.com/webhooks/signature
 */
const HEADER = 'stripe-signature';
const HEADER_CHARS_MAX = 4_096;
const TOLERANCE_S = 300;
const TIMESTAMP = /^(?:0|[1-9]\d{0,11})$/;
const SCHEME = /^[a-z][a-z0-9_]*$/;
const MAC = /^[0-9a-f]{64}$/;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  // With an empty key anybody can compute the HMAC.
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no secret that is valid now');
  const [header, second] = headerValues(request, HEADER);
  if (header === undefined) return rejected('signature_missing', 'there is no Stripe-Signature header');
  // Two lines hold two times: which one was signed would be for the attacker to choose.
  if (second !== undefined) return rejected('signature_malformed', 'there are two Stripe-Signature headers');

  const parsed = parseHeader(header);
  if (typeof parsed === 'string') return rejected('signature_malformed', parsed);
  const prefix = `${parsed.timestamp}.`;
  const match = secrets.find(({ secret }) => {
    const expected = hmacSha256(secret, prefix, request.body);
    return parsed.macs.some((mac) => safeEqual(mac, expected));
  });
  if (match === undefined) {
    return rejected(
      'signature_mismatch',
      'no v1 signature fits: another secret (each endpoint has its own), or the body was changed',
    );
  }
  const age = Math.floor(context.now / 1000) - Number(parsed.timestamp);
  const tolerance = context.settings.tolerance_s ?? TOLERANCE_S;
  // Both sides: Stripe's libraries differ about times ahead of ours, and one far ahead would be replayable for long.
  if (Math.abs(age) > tolerance)
    return rejected('stale', `signed ${age} s ago; ${tolerance} s are allowed: is the clock right?`);
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

function parseHeader(header: string): { timestamp: string; macs: Buffer[] } | string {
  if (header.length > HEADER_CHARS_MAX) return `the header is over ${HEADER_CHARS_MAX} characters`;
  let timestamp: string | undefined;
  const macs: Buffer[] = [];
  for (const item of header.split(',')) {
    const equals = item.indexOf('=');
    const name = item.slice(0, Math.max(equals, 0));
    const value = item.slice(equals + 1);
    // A blank before a name means that two header lines were joined on the way, which hides a second t.
    if (!SCHEME.test(name) || value === '') return 'the header is not a list of name=value';
    if (name === 't') {
      if (timestamp !== undefined) return 'the header has two times';
      if (!TIMESTAMP.test(value)) return 'the time is no unix time';
      timestamp = value;
    } else if (name === 'v1' && MAC.test(value)) {
      macs.push(Buffer.from(value, 'hex'));
    }
  }
  if (timestamp === undefined) return 'the header has no time';
  if (macs.length === 0) return 'the header has no v1 signature';
  return { timestamp, macs };
}

function rejected(reason: Extract<Verdict, { kind: 'rejected' }>['reason'], detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
