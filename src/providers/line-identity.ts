import { hash } from 'node:crypto';
import { HASHED } from '../settlement-line.ts';

/** 160 bits: nobody makes two lines of one identity. */
const CHARS = 27;

/**
 * The identity of a line whose processor gives it none: a hash over what it is about, its canonical fields joined. The same report
 * again, or with another selection of columns, gives the same.
 */
export function lineIdentity(fields: string): string {
  return HASHED + hash('sha256', fields, 'base64url').slice(0, CHARS);
}
