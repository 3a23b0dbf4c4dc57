import { strictBase64 } from './strict-base64.ts';
import { strictHex } from './strict-hex.ts';

/**
 * The bytes of a MAC whose processor does not say whether it is written in hexadecimal or in base64: its length tells
 * them apart, so that taking both gives away nothing.
 */
export function hexOrBase64(text: string, bytes: number): Buffer | null {
  const hex = strictHex(text, bytes);
  if (hex !== null) return hex;
  const decoded = strictBase64(text, bytes);
  return decoded?.length === bytes ? decoded : null;
}
