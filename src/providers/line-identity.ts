import { hash } from 'node:crypto';
import { HASHED } from '../settlement-line.ts';

/**
 * The identity of a report's line that has no id of its own: over its canonical fields, never over its text, so that another
 * spelling of the same line, or another selection of columns, is no other line. The import tells lines apart that are the
 * same in all of them.
 */
export function hashedIdentity(...fields: readonly (string | bigint | undefined)[]): string {
  const text = JSON.stringify(fields.map((field) => (field === undefined ? null : String(field))));
  return HASHED + hash('sha256', text, 'base64url').slice(0, 32);
}

/**
 * The same over fields that are joined already, for reports of millions of lines. Lines are kept under both: neither may come
 * to give another identity.
 */
export function joinedIdentity(fields: string): string {
  return HASHED + hash('sha256', fields, 'base64url').slice(0, 27);
}
