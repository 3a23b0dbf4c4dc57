const DIGITS = /^[0-9a-fA-F]+$/;

/**
 * The bytes of a signature in hexadecimal, or null where it is not exactly `bytes` of them. Buffer.from stops silently at
 * the first character that is no digit, so that a MAC with anything behind it would be as good as the MAC.
 */
export function strictHex(text: string, bytes: number): Buffer | null {
  return text.length === bytes * 2 && DIGITS.test(text) ? Buffer.from(text, 'hex') : null;
}
