import { crc32 } from 'node:zlib';

/** As many letters as the forger may choose between `@` and `A`: one bit each, more of them than a CRC-32 has. */
const LETTERS = 64;
export const FORGERS_PAD = '@'.repeat(LETTERS);

/**
 * A body of the same CRC-32 as `wanted`, made of `text` by turning some of its pad's `@` into `A`. CRC-32 is linear: what a
 * turned bit changes does not depend on the others, so 32 equations over single bits give the letters to turn.
 */
export function forgeCrc32(text: string, wanted: Buffer): Buffer {
  const body = Buffer.from(text);
  const pad = body.indexOf(FORGERS_PAD);
  if (pad === -1) throw new Error('the body has no pad');
  const plain = crc32(body);
  const rows = Array.from({ length: LETTERS }, (_, n) => {
    const turned = Buffer.from(body);
    turned[pad + n] = 'A'.charCodeAt(0);
    return { change: (crc32(turned) ^ plain) >>> 0, letters: 1n << BigInt(n) };
  });
  let missing = (crc32(wanted) ^ plain) >>> 0;
  let letters = 0n;
  for (let bit = 31; bit >= 0; bit -= 1) {
    const at = rows.findIndex(({ change }) => ((change >>> bit) & 1) === 1);
    const [pivot] = at === -1 ? [] : rows.splice(at, 1);
    if (pivot === undefined) continue;
    for (const row of rows) {
      if (((row.change >>> bit) & 1) === 0) continue;
      row.change = (row.change ^ pivot.change) >>> 0;
      row.letters ^= pivot.letters;
    }
    if (((missing >>> bit) & 1) === 0) continue;
    missing = (missing ^ pivot.change) >>> 0;
    letters ^= pivot.letters;
  }
  if (missing !== 0) throw new Error('these letters cannot make that CRC');
  for (let n = 0; n < LETTERS; n += 1) if (((letters >> BigInt(n)) & 1n) === 1n) body[pad + n] = 'A'.charCodeAt(0);
  return body;
}
