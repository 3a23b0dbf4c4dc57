import { type Json, parseExactJson, textAt } from '../../exact-json.ts';

/**
 * The JWT of the header `Plaid-Verification` (RFC 7519, compact): what it claims, before anything of it is believed.
 * plaid.com/docs/api/webhooks/webhook-verification
 */
export type Token = {
  readonly algorithm: string;
  readonly keyId: string;
  /** Unix seconds. */
  readonly issuedAt: number;
  readonly bodySha256: string;
  /** The bytes that are signed. */
  readonly signed: Buffer;
  readonly signature: Buffer;
};

const CHARS_MAX = 4_096;
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;
const ALGORITHM = /^[A-Za-z0-9]{1,16}$/;
const SECONDS = /^\d{1,12}$/;
const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Null for anything but a token with Plaid's claims. */
export function readToken(text: string): Token | null {
  if (text.length > CHARS_MAX) return null;
  const [header = '', claims = '', mac = '', more] = text.split('.', 4);
  const signature = strictBase64url(mac);
  if (more !== undefined || signature === null) return null;
  const head = readPart(header);
  const body = readPart(claims);
  const algorithm = textAt(head, 'alg') ?? '';
  const keyId = textAt(head, 'kid') ?? '';
  const issuedAt = textAt(body, 'iat') ?? '';
  const bodySha256 = textAt(body, 'request_body_sha256') ?? '';
  if (!ALGORITHM.test(algorithm) || !KEY_ID.test(keyId) || !SECONDS.test(issuedAt) || !SHA256_HEX.test(bodySha256))
    return null;
  const signed = Buffer.from(`${header}.${claims}`);
  return { algorithm, keyId, issuedAt: Number(issuedAt), bodySha256, signed, signature };
}

function readPart(text: string): Json | undefined {
  const bytes = strictBase64url(text);
  if (bytes === null) return undefined;
  try {
    return parseExactJson(bytes);
  } catch {
    // Not JSON: then no claim is there, and the caller refuses the token.
    return undefined;
  }
}

/** Written the one way an encoder writes it: else many texts would stand for one signature. */
function strictBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return text !== '' && bytes.toString('base64url') === text ? bytes : null;
}
