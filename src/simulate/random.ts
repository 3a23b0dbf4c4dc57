/**
 * Seeded pseudo-random numbers (sfc32): the same seed gives the same traffic, byte for byte, on every machine, so that
 * what a run found can be run again. Never for anything secret.
 */
export type Random = {
  /** From 0 inclusive to 1 exclusive. */
  fraction(): number;
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number;
  chance(share: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** Characters of `alphabet`. */
  text(length: number, alphabet?: string): string;
  /** A stream of its own that does not move this one: one life's length does not change the next life. */
  fork(label: string | number): Random;
};

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
export const HEX = '0123456789abcdef';
export const UPPER = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
export const DIGITS = '0123456789';

export function createRandom(seed: string | number): Random {
  const origin = String(seed);
  let [a, b, c] = hash(origin);
  let d = 1;
  function next(): number {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  }
  for (let i = 0; i < 12; i += 1) next();

  const fraction = (): number => next() / 2 ** 32;
  const between = (min: number, max: number): number => min + Math.floor(fraction() * (max - min + 1));
  return {
    fraction,
    between,
    chance: (share) => fraction() < share,
    pick<T>(list: readonly T[]): T {
      // `as`: the index is inside the list; an empty list is a fault of the caller's that the type cannot say.
      return list[between(0, list.length - 1)] as T;
    },
    text(length, alphabet = BASE62) {
      let made = '';
      for (let i = 0; i < length; i += 1) made += alphabet[between(0, alphabet.length - 1)];
      return made;
    },
    fork: (label) => createRandom(`${origin}/${label}`),
  };
}

/** FNV-1a over the text, three times with different offsets. */
function hash(text: string): [number, number, number] {
  const of = (offset: number): number => {
    let value = offset;
    for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
    return value;
  };
  return [of(0x811c9dc5), of(0x1b873593), of(0x85ebca6b)];
}

/** A random order, by Fisher and Yates. */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i -= 1) {
    const j = random.between(0, i);
    // `as`: both are indexes of the list.
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}
