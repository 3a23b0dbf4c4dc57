import { hash } from 'node:crypto';

/** 160 bits: nobody makes two lines of one identity. */
const CHARS = 27;

/**
 * Identities for lines of processors that give them none: a hash over what the line is about, its fields joined, and over which
 * of several such lines in the file it is. The same report again, or with another column, gives the same identities; two equal
 * fees stay two lines.
 */
export function createLineIdentities(): (fields: string) => string {
  const seen = createSeen();
  const repeated = new Map<string, number>();
  return (fields) => {
    const identity = digest(fields);
    if (!seen.add(identity)) return identity;
    const occurrence = (repeated.get(identity) ?? 1) + 1;
    repeated.set(identity, occurrence);
    return digest(`${fields}|${occurrence}`);
  };
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, CHARS);
}

/** A power of two. */
const SLOTS_MIN = 1024;

/**
 * Which digests were there, by their first 53 bits, in 12 to 24 bytes each where a Set of strings takes 100: a report of millions
 * of lines must not need memory for all of them. Two in a report of five million may be mixed up once in seven hundred reports:
 * then a line gets the identity of a second one, no less its own.
 */
function createSeen(): { add(digest: string): boolean } {
  let slots = new Float64Array(SLOTS_MIN);
  let used = 0;

  /** Whether it was there before. */
  function put(table: Float64Array, key: number, hashed: number): boolean {
    const mask = table.length - 1;
    let at = hashed & mask;
    while (table[at] !== 0) {
      if (table[at] === key) return true;
      at = (at + 1) & mask;
    }
    table[at] = key;
    return false;
  }

  return {
    add(text) {
      const high = sixBits(text, 0, 5);
      const low = sixBits(text, 5, 4) >> 1;
      // Whole numbers, and never 0, which is a free slot.
      if (put(slots, high * LOW_VALUES + low + 1, high)) return true;
      used += 1;
      if (used * 2 > slots.length) {
        const larger = new Float64Array(slots.length * 2);
        for (const old of slots) if (old !== 0) put(larger, old, Math.floor((old - 1) / LOW_VALUES));
        slots = larger;
      }
      return false;
    },
  };
}

const LOW_VALUES = 2 ** 23;

function sixBits(text: string, from: number, count: number): number {
  let bits = 0;
  for (let n = from; n < from + count; n += 1) bits = (bits << 6) | (SIXES[text.charCodeAt(n) & 0x7f] ?? 0);
  return bits;
}

const SIXES = sixes();

function sixes(): Uint8Array {
  const table = new Uint8Array(128);
  [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].forEach((character, n) => {
    table[character.charCodeAt(0)] = n;
  });
  return table;
}
