const ALPHABET = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * The bytes of a signature in base64, or null where it is not written the one way an encoder writes it. Buffer.from skips
 * what it does not know and ignores spare bits, so that many texts would stand for one signature.
 */
export function strictBase64(text: string, bytesMax: number): Buffer | null {
  if (text.length > Math.ceil(bytesMax / 3) * 4 || !ALPHABET.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}
