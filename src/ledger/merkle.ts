import { createHash, hash } from 'node:crypto';

/**
 * The Merkle tree of RFC 6962 (section 2.1; RFC 9162 spells out the checks). Hashes are SHA-256; a leaf's begins with a byte
 * 0, an inner node's with a byte 1, so that neither can be taken for the other.
 */
export const HASH_BYTES = 32;

const inner = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/** In one call and with the hash as a string of bytes: a quarter of what a `Hash` with its own buffers costs, and there are millions. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new RangeError('no SHA-256 hash');
  inner.set(left, 1);
  inner.set(right, 1 + HASH_BYTES);
  return Buffer.from(hash('sha256', inner, 'binary'), 'latin1');
}

const EMPTY_ROOT = createHash('sha256').digest();

export type GrowingTree = {
  readonly size: number;
  add(leafHash: Uint8Array): void;
  /** The root over all that was added so far. */
  root(): Buffer;
};

/**
 * A tree that only remembers the roots of its whole subtrees: one hash for each bit of its size. `onWhole` is told each subtree
 * of 2^level leaves when it is whole; `position` counts those of its level.
 */
export function growTree(onWhole?: (level: number, position: number, hash: Uint8Array) => void): GrowingTree {
  const whole: { readonly level: number; readonly hash: Uint8Array }[] = [];
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(leafHash) {
      let hash = leafHash;
      let level = 0;
      for (let left = whole.at(-1); left?.level === level; left = whole.at(-1)) {
        whole.pop();
        hash = nodeHash(left.hash, hash);
        level += 1;
        onWhole?.(level, Math.floor(size / 2 ** level), hash);
      }
      whole.push({ level, hash });
      size += 1;
    },
    root() {
      const [last, ...others] = whole.toReversed();
      if (last === undefined) return EMPTY_ROOT;
      return others.reduce<Buffer>((right, { hash }) => nodeHash(hash, right), Buffer.from(last.hash));
    },
  };
}

export function rootOf(leafHashes: readonly Uint8Array[]): Buffer {
  const tree = growTree();
  for (const hash of leafHashes) tree.add(hash);
  return tree.root();
}

/** The largest power of two below `size`: where a tree of that size divides. */
export function splitOf(size: number): number {
  let half = 1;
  while (half * 2 < size) half *= 2;
  return half;
}

/**
 * The hashes that lead from leaf `index` to the root of the first `size` leaves, from the leaf upwards. `subtree` is the root
 * over the leaves [from, to).
 */
export async function inclusionPath(
  index: number,
  size: number,
  subtree: (from: number, to: number) => Promise<Buffer>,
): Promise<Buffer[]> {
  const path: Buffer[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      path.unshift(await subtree(middle, to));
      to = middle;
    } else {
      path.unshift(await subtree(from, middle));
      from = middle;
    }
  }
  return path;
}

/** The root that this leaf and path lead to (RFC 9162, 2.1.3.2); null where the path is not one for this place. */
export function rootByPath(
  leafHash: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): Buffer | null {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return null;
  let hash: Buffer = Buffer.from(leafHash);
  let node = index;
  let last = size - 1;
  for (const sibling of path) {
    if (last === 0) return null;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}
