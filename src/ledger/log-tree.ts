import { PosternError } from '../errors.ts';
import type { Sql } from '../postgres/sql.ts';
import { selectHashes } from './log-store.ts';
import { nodeHash, rootOf, splitOf } from './merkle.ts';

/** Whole subtrees of 256, 65,536 … leaves are kept: anything else is made from at most 256 hashes a level. */
const LEVELS_KEPT_EVERY = 8;

/** The root over the log's leaves [from, to). Throws `internal` where the log has fewer, or a hash is missing. */
export async function subtreeRoot(sql: Sql, from: number, to: number): Promise<Buffer> {
  const size = to - from;
  if (size === 0) return rootOf([]);
  const level = Math.log2(size);
  if (Number.isInteger(level) && from % size === 0) {
    const kept = Math.floor(level / LEVELS_KEPT_EVERY) * LEVELS_KEPT_EVERY;
    const width = 2 ** kept;
    const count = size / width;
    const hashes = await selectHashes(sql, kept, from / width, count);
    if (hashes.length !== count)
      throw new PosternError(
        'internal',
        `the log lacks hashes of level ${kept} at ${from}: "postern ledger verify" says more`,
      );
    return rootOf(hashes);
  }
  const middle = from + splitOf(size);
  return nodeHash(await subtreeRoot(sql, from, middle), await subtreeRoot(sql, middle, to));
}
