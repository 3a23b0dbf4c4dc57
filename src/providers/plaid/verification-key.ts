import { createPublicKey, type KeyObject } from 'node:crypto';
import { at, parseExactJson, textAt } from '../../exact-json.ts';

/** One of Plaid's keys, as /webhook_verification_key/get answers it. */
export type VerificationKey = { readonly keyId: string; readonly key: KeyObject; readonly expired: boolean };

const CHARS_MAX = 2_048;
const CACHE_MAX = 64;
const COORDINATE = /^[A-Za-z0-9_-]{43}$/;

/** Reads keys, and keeps them by their text: making a KeyObject costs as much as a verification. */
export function createVerificationKeys() {
  const kept = new Map<string, VerificationKey | null>();

  return function verificationKey(text: string): VerificationKey | null {
    if (text.length > CHARS_MAX) return null;
    const known = kept.get(text);
    if (known !== undefined) return known;
    const parsed = parse(text);
    const oldest = kept.size >= CACHE_MAX ? kept.keys().next().value : undefined;
    if (oldest !== undefined) kept.delete(oldest);
    kept.set(text, parsed);
    return parsed;
  };
}

/** A public P-256 key with an id, in JSON; null for anything else, and for one that holds its private half. */
function parse(text: string): VerificationKey | null {
  try {
    const jwk = parseExactJson(text);
    const keyId = textAt(jwk, 'kid');
    const x = textAt(jwk, 'x') ?? '';
    const y = textAt(jwk, 'y') ?? '';
    if (keyId === undefined || textAt(jwk, 'kty') !== 'EC' || textAt(jwk, 'crv') !== 'P-256') return null;
    if (!COORDINATE.test(x) || !COORDINATE.test(y) || at(jwk, 'd') !== undefined) return null;
    const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
    // "Reject webhooks whose key has expired": null as long as it is valid.
    return { keyId, key, expired: textAt(jwk, 'expired_at') !== undefined };
  } catch {
    // No JSON, or no point on the curve: no key of Plaid's.
    return null;
  }
}
