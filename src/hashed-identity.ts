import { createHash } from 'node:crypto';
import { HASHED } from './settlement-line.ts';

const CHARS = 32;

/**
 * The identity of a report's line that has no id of its own: over its canonical fields, never over its text, so that another
 * spelling of the same line is no other line. The import tells lines apart that are the same in all of them.
 */
export function hashedIdentity(...fields: readonly (string | bigint | undefined)[]): string {
  const text = JSON.stringify(fields.map((field) => (field === undefined ? null : String(field))));
  return HASHED + createHash('sha256').update(text).digest('base64url').slice(0, CHARS);
}
