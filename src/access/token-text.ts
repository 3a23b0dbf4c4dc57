import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A token is `pst_`, 12 characters of id and 43 of randomness (32 bytes, base64url). The id finds its row; kept is only
 * the SHA-256 of the whole, which needs no salt: 256 random bits cannot be guessed.
 */
const PREFIX = 'pst_';
const ID_CHARS = 12;
const TOKEN = /^pst_[A-Za-z0-9_-]{12}[A-Za-z0-9_-]{43}$/;

export function makeToken(): { id: string; token: string; hash: Buffer } {
  const id = randomBytes(9).toString('base64url');
  const token = `${PREFIX}${id}${randomBytes(32).toString('base64url')}`;
  return { id, token, hash: hashToken(token) };
}

/** The id inside a token, or null where the text is no token. */
export function tokenId(token: string): string | null {
  return TOKEN.test(token) ? token.slice(PREFIX.length, PREFIX.length + ID_CHARS) : null;
}

export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

/** In constant time: over hashes, so that lengths are equal whatever was sent. */
export function isSameHash(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
