import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { growTree, inclusionPath, rootByPath, rootOf } from '../../src/ledger/merkle.ts';

/** The definition of RFC 6962, section 2.1, word for word. */
function treeHash(leaves: readonly Buffer[]): Buffer {
  const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0] ?? Buffer.alloc(0);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(Buffer.from([1]), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

const leavesOf = (count: number) =>
  Array.from({ length: count }, (_, n) => createHash('sha256').update(`\0leaf ${n}`).digest());

const ALL = leavesOf(600);
const subtreeOf = (leaves: readonly Buffer[]) => async (from: number, to: number) => treeHash(leaves.slice(from, to));

describe('the root', () => {
  it('is that of the known trees of RFC 6962 (the test data of its first implementation)', () => {
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    const leaves = inputs.map((hex) =>
      createHash('sha256')
        .update(Buffer.from(`00${hex}`, 'hex'))
        .digest(),
    );
    expect(rootOf([]).toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(rootOf(leaves.slice(0, 1)).toString('hex')).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
    expect(rootOf(leaves).toString('hex')).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
  });

  it('is that of the definition at every size, as leaves come', () => {
    const tree = growTree();
    for (const [n, leaf] of ALL.entries()) {
      tree.add(leaf);
      expect(tree.size).toBe(n + 1);
      if (n < 70 || n > 590) expect(tree.root()).toEqual(treeHash(ALL.slice(0, n + 1)));
    }
  });
});

describe('a path', () => {
  it('leads every leaf of every size to the root', async () => {
    for (let size = 1; size <= 40; size += 1) {
      const leaves = ALL.slice(0, size);
      for (const [index, leaf] of leaves.entries()) {
        const path = await inclusionPath(index, size, subtreeOf(leaves));
        expect(rootByPath(leaf, index, size, path)).toEqual(treeHash(leaves));
      }
    }
  });

  it('leads nothing else there: another leaf, place, size or hash, and none too few or too many', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 600 }), fc.nat(), fc.nat(), async (size, a, b) => {
        const index = a % size;
        const other = b % size;
        const leaves = ALL.slice(0, size);
        const root = treeHash(leaves);
        const leaf = leaves[index] ?? Buffer.alloc(0);
        const path = await inclusionPath(index, size, subtreeOf(leaves));
        if (other !== index) {
          expect(rootByPath(leaves[other] ?? leaf, index, size, path)).not.toEqual(root);
          expect(rootByPath(leaf, other, size, path)).not.toEqual(root);
        }
        expect(rootByPath(leaf, index, size, path.slice(1))).not.toEqual(root);
        expect(rootByPath(leaf, index, size, [...path, leaf])).toBeNull();
        const bent = path.map((hash, n) => (n === b % path.length ? Buffer.from(hash).fill(7, 0, 1 + (b % 3)) : hash));
        if (!bent.every((hash, n) => hash.equals(path[n] ?? leaf)))
          expect(rootByPath(leaf, index, size, bent)).not.toEqual(root);
      }),
      { numRuns: 200 },
    );
  });

  it('is none for a place outside the tree', () => {
    expect(rootByPath(ALL[0] ?? Buffer.alloc(0), 0, 0, [])).toBeNull();
    expect(rootByPath(ALL[0] ?? Buffer.alloc(0), 3, 3, [])).toBeNull();
    expect(rootByPath(ALL[0] ?? Buffer.alloc(0), -1, 3, [])).toBeNull();
    expect(rootByPath(ALL[0] ?? Buffer.alloc(0), 0.5, 3, [])).toBeNull();
  });
});
