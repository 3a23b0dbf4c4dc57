import { createPublicKey, type KeyObject } from 'node:crypto';

export type VerifyKey =
  | { readonly kind: 'hmac'; readonly key: Buffer }
  | { readonly kind: 'ed25519'; readonly key: KeyObject };

const HMAC_BYTES_MIN = 24;
const HMAC_BYTES_MAX = 64;
const ED25519_BYTES = 32;
/** The fixed DER header of an Ed25519 public key (RFC 8410); the 32 bytes follow. */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** `whsec_…` or bare base64 (HMAC, 24 to 64 bytes), `whpk_…` (Ed25519 public key). Null for anything else. */
export function readKey(secret: string): VerifyKey | null {
  if (secret.startsWith('whpk_')) {
    const raw = strictBase64(padded(secret.slice('whpk_'.length)));
    if (raw === null || raw.length !== ED25519_BYTES) return null;
    return {
      kind: 'ed25519',
      key: createPublicKey({ key: Buffer.concat([ED25519_SPKI, raw]), format: 'der', type: 'spki' }),
    };
  }
  const key = strictBase64(padded(secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : secret));
  return key === null || key.length < HMAC_BYTES_MIN || key.length > HMAC_BYTES_MAX ? null : { kind: 'hmac', key };
}

/** Node's decoder skips what it does not know: "AAAA!" would be the same as "AAAA". Null unless `text` is the one spelling. */
export function strictBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : null;
}

/** Secrets are copied by hand, and often without their padding. */
function padded(text: string): string {
  return text.endsWith('=') ? text : text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}
