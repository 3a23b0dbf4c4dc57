import { createHash } from 'node:crypto';
import type { WebhookRequest } from '../provider.ts';
import { headerValues, safeEqual } from '../signature.ts';
import { parseDictionary } from './structured-fields.ts';

const ALGORITHMS = [
  ['sha-512', 'sha512'],
  ['sha-256', 'sha256'],
] as const;

/**
 * Content-Digest: sha-256=:…:, sha-512=:…: (RFC 9530) over the body as it came. Every digest of the two must fit and one
 * must be there: of a right one and a wrong one, which was meant? The others are insecure. @returns what is wrong, or null
 */
export function digestFault(request: WebhookRequest): string | null {
  const digests = parseDictionary(headerValues(request, 'content-digest').join(', '));
  if (digests === null) return 'the Content-Digest header cannot be read';
  let known = 0;
  for (const [name, hash] of ALGORITHMS) {
    const member = digests.get(name);
    if (member === undefined) continue;
    if (!('item' in member) || member.item.kind !== 'bytes') return `the ${name} digest is no byte sequence`;
    if (!safeEqual(member.item.value, createHash(hash).update(request.body).digest()))
      return `the body is not the one whose ${name} digest was signed`;
    known += 1;
  }
  return known === 0 ? 'the Content-Digest header has neither sha-256 nor sha-512' : null;
}
