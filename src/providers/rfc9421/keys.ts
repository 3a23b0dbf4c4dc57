import { createPublicKey, type KeyObject } from 'node:crypto';
import { strictBase64 } from '../strict-base64.ts';

/**
 * A secret of the endpoint is one key of the sender's, as JSON: {"keyid":"key-1","alg":"ed25519","key":"-----BEGIN
 * PUBLIC KEY-----…"}, or for hmac-sha256 the key's bytes in base64. What a key is used for stands here and nowhere else:
 * the `alg` of a request is the sender's word, and a public key taken for an HMAC key is one that everybody has.
 */
export type VerifyKey = { readonly keyid: string } & (
  | { readonly alg: 'hmac-sha256'; readonly key: Buffer }
  | { readonly alg: 'ed25519' | 'rsa-pss-sha512' | 'ecdsa-p256-sha256'; readonly key: KeyObject }
);

const HMAC_BYTES_MIN = 16;
const HMAC_BYTES_MAX = 1_024;
const RSA_BITS_MIN = 2_048;
const SECRET_CHARS_MAX = 8_192;
const MEMBERS = ['keyid', 'alg', 'key'];
const ALGORITHMS = ['hmac-sha256', 'ed25519', 'rsa-pss-sha512', 'ecdsa-p256-sha256'] as const;

/** The key, or in words what is wrong with it. */
export function readKey(secret: string): VerifyKey | string {
  const text = secret.length > SECRET_CHARS_MAX ? undefined : parsed(secret);
  if (text === undefined)
    return 'must be JSON like {"keyid": "key-1", "alg": "ed25519", "key": "-----BEGIN PUBLIC KEY-----…"}';
  const { keyid, alg: name, key } = text;
  for (const member of Object.keys(text))
    if (!MEMBERS.includes(member)) return `has a member "${member.slice(0, 40)}" that no key has`;
  if (typeof keyid !== 'string' || keyid === '' || !/^[\x20-\x7e]{1,256}$/.test(keyid))
    return 'keyid must be the key’s id as the sender writes it, 1 to 256 ASCII characters';
  const alg = ALGORITHMS.find((one) => one === name);
  if (alg === undefined) return `alg must be one of ${ALGORITHMS.join(', ')}`;
  if (typeof key !== 'string') return 'key must be a text';
  if (alg === 'hmac-sha256') {
    const bytes = strictBase64(key, HMAC_BYTES_MAX);
    if (bytes === null || bytes.length < HMAC_BYTES_MIN)
      return `key must be base64 of ${HMAC_BYTES_MIN} to ${HMAC_BYTES_MAX} bytes`;
    return { keyid, alg, key: bytes };
  }
  if (key.includes('PRIVATE KEY')) return 'is the sender’s private key; the receiver needs the public one';
  const publicKey = readPem(key);
  if (publicKey === null) return 'key must be a public key in PEM (BEGIN PUBLIC KEY)';
  const fault = keyFault(alg, publicKey);
  return fault ?? { keyid, alg, key: publicKey };
}

function parsed(secret: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(secret);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // Not JSON: the caller says what is expected.
    return undefined;
  }
}

function readPem(text: string): KeyObject | null {
  try {
    return text.trimStart().startsWith('-----BEGIN PUBLIC KEY-----') ? createPublicKey(text) : null;
  } catch {
    // OpenSSL's word for "this is no key".
    return null;
  }
}

function keyFault(
  alg: Exclude<VerifyKey['alg'], 'hmac-sha256'>,
  { asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject,
): string | null {
  const { modulusLength = 0, namedCurve } = asymmetricKeyDetails ?? {};
  switch (alg) {
    case 'ed25519':
      return type === 'ed25519' ? null : 'ed25519 needs an Ed25519 key';
    case 'ecdsa-p256-sha256':
      return type === 'ec' && namedCurve === 'prime256v1' ? null : 'ecdsa-p256-sha256 needs a key on the curve P-256';
    case 'rsa-pss-sha512':
      return (type === 'rsa' || type === 'rsa-pss') && modulusLength >= RSA_BITS_MIN
        ? null
        : `rsa-pss-sha512 needs an RSA key of at least ${RSA_BITS_MIN} bits`;
  }
}
