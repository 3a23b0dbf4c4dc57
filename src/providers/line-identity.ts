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

const SLOTS_MIN = 1024;
/** Nine characters of base64url, less a bit. */
const KEY_CHARS = 9;

/**
 * Which digests were there, by their first 53 bits, in 8 to 20 bytes each where a Set of strings takes 100: a report of millions of
 * lines must not need memory for all of them. Two in a report of five million may be mixed up once in a hundred reports: then
 * a line gets the identity of a second one, no less its own.
 */
function createSeen(): { add(digest: string): boolean } {
  let slots = new Float64Array(SLOTS_MIN);
  let used = 0;

  function put(table: Float64Array, key: number): boolean {
    let at = key % table.length;
    while (table[at] !== 0) {
      if (table[at] === key) return true;
      at = at + 1 === table.length ? 0 : at + 1;
    }
    table[at] = key;
    return false;
  }

  return {
    /** Whether it was there before. */
    add(text) {
      let key = 0;
      for (let n = 0; n < KEY_CHARS; n += 1) key = (key % 2 ** 47) * 64 + (SIXES[text.charCodeAt(n) & 0x7f] ?? 0);
      if (put(slots, key + 1)) return true;
      used += 1;
      if (used * 3 > slots.length * 2) {
        const larger = new Float64Array(slots.length * 2);
        for (const old of slots) if (old !== 0) put(larger, old);
        slots = larger;
      }
      return false;
    },
  };
}

const SIXES = sixes();

function sixes(): Uint8Array {
  const table = new Uint8Array(128);
  [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].forEach((character, n) => {
    table[character.charCodeAt(0)] = n;
  });
  return table;
}
