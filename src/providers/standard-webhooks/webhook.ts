import { verify as verifySignature } from 'node:crypto';
import type { RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';
import { readKey, strictBase64, type VerifyKey } from './keys.ts';

/*
 * webhook-id, webhook-timestamp (unix seconds), webhook-signature: `v1,<base64> v1a,<base64> …`; Svix writes svix-*.
 *
 * Signed is `id.timestamp.body`: v1 HMAC-SHA256, v1a Ed25519. Any entry that fits will do: there are several while a
 * secret is being rolled. standard-webhooks/standard-webhooks:spec/standard-webhooks.md
 */
const PREFIXES = ['webhook', 'svix'] as const;
const TOLERANCE_S = 300;
const TIMESTAMP = /^(?:0|[1-9]\d{0,11})$/;
/** Without ".", which separates the signed fields: with it two requests could share one signed text. */
const ID = /^[!-\-/-~]{1,256}$/;
const HEADER_CHARS_MAX = 8_192;

type SignedHeaders = { readonly id: string; readonly timestamp: string; readonly signature: string };

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const keys = context.secrets.flatMap(({ id, secret }) => {
    const key = readKey(secret);
    return key === null ? [] : [{ id, key }];
  });
  if (keys.length === 0) return rejected('no_secret', 'the endpoint has no usable secret that is valid now');
  const headers = signedHeaders(request);
  if ('reason' in headers) return headers;

  const signatures = parseSignatures(headers.signature);
  if (signatures.hmac.length + signatures.ed25519.length === 0) {
    return rejected('signature_malformed', 'the signature header has no v1 or v1a signature');
  }
  const prefix = `${headers.id}.${headers.timestamp}.`;
  const match = keys.find(({ key }) => fits(key, signatures, prefix, request.body));
  if (match === undefined)
    return rejected('signature_mismatch', 'no signature fits: another secret, or something was changed');
  const age = Math.floor(context.now / 1000) - Number(headers.timestamp);
  const tolerance = context.settings.tolerance_s ?? TOLERANCE_S;
  if (Math.abs(age) > tolerance)
    return rejected('stale', `signed ${age} s ago; ${tolerance} s are allowed: is the clock right?`);
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

/** The three headers of the family the request uses, or what is wrong with them. */
export function signedHeaders(
  request: Pick<WebhookRequest, 'headers'>,
): SignedHeaders | Extract<Verdict, { kind: 'rejected' }> {
  const family = PREFIXES.find((prefix) => headerValues(request, `${prefix}-signature`).length > 0);
  if (family === undefined) return rejected('signature_missing', 'there is no webhook-signature header');
  const values: string[] = [];
  for (const name of ['id', 'timestamp', 'signature']) {
    const [value, second] = headerValues(request, `${family}-${name}`);
    if (value === undefined || second !== undefined || value.length > HEADER_CHARS_MAX) {
      return rejected('signature_malformed', `${family}-${name} must be there exactly once`);
    }
    values.push(value);
  }
  const [id = '', timestamp = '', signature = ''] = values;
  if (!ID.test(id)) return rejected('signature_malformed', 'the message id is no token without "."');
  if (!TIMESTAMP.test(timestamp)) return rejected('signature_malformed', 'the timestamp is no unix time');
  return { id, timestamp, signature };
}

type Signatures = { readonly hmac: readonly Buffer[]; readonly ed25519: readonly Buffer[] };

function parseSignatures(header: string): Signatures {
  const hmac: Buffer[] = [];
  const ed25519: Buffer[] = [];
  for (const entry of header.split(' ')) {
    const [version, value, more] = entry.split(',');
    const bytes = value === undefined || more !== undefined ? null : strictBase64(value);
    if (bytes === null) continue;
    if (version === 'v1' && bytes.length === 32) hmac.push(bytes);
    if (version === 'v1a' && bytes.length === 64) ed25519.push(bytes);
  }
  return { hmac, ed25519 };
}

/** A public key never checks a v1 entry: as an HMAC key it would be a key that everybody has. */
function fits(key: VerifyKey, signatures: Signatures, prefix: string, body: Buffer): boolean {
  if (key.kind === 'hmac') {
    if (signatures.hmac.length === 0) return false;
    const expected = hmacSha256(key.key, prefix, body);
    return signatures.hmac.some((mac) => safeEqual(mac, expected));
  }
  const signed = Buffer.concat([Buffer.from(prefix), body]);
  return signatures.ed25519.some((signature) => verifySignature(null, signed, key.key, signature));
}

function rejected(reason: RejectReason, detail: string): Extract<Verdict, { kind: 'rejected' }> {
  return { kind: 'rejected', reason, detail };
}
