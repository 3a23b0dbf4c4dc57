import type { Sql } from '../../postgres/sql.ts';
import { selectHashes, selectHeads, selectSigningKeys } from '../log-store.ts';
import { growTree, HASH_BYTES } from '../merkle.ts';
import { headOf, headText, isSigned, type TreeHeadText } from '../tree-head.ts';
import type { Fault } from './report.ts';
import { seeLeaves } from './verify-store.ts';

const LEAVES_A_PAGE = 65_536;
const HEADS_A_PAGE = 1_000;
const KEPT_EVERY = 8;

export type LogSeen = {
  readonly leaves: number;
  readonly heads: number;
  readonly root: Buffer;
  readonly fault: Fault | null;
};

/**
 * Makes the whole tree anew from its leaves, and compares it with the subtrees kept, with every head that was signed, and with
 * those that somebody `held` outside.
 */
export async function checkLog(
  sql: Sql,
  size: number,
  held: readonly TreeHeadText[],
  tell: (leaves: number) => void,
): Promise<LogSeen> {
  const { heads, fault: forged } = await collectHeads(sql, held);
  let fault = forged;
  const kept: { level: number; position: number; hash: Uint8Array }[] = [];
  const tree = growTree((level, position, hash) => {
    if (level % KEPT_EVERY === 0) kept.push({ level, position, hash });
  });
  let next = 0;
  for (let from = 0; from < size && fault === null; from += LEAVES_A_PAGE) {
    const to = Math.min(size, from + LEAVES_A_PAGE);
    const { count, hashes } = await seeLeaves(sql, from, to);
    if (count !== to - from || hashes.length !== count * HASH_BYTES) {
      fault = {
        row: `log, leaves ${from} to ${to - 1}`,
        found: `${to - from - count} of them are missing, or no hashes`,
      };
      break;
    }
    for (let at = 0; at < hashes.length && fault === null; at += HASH_BYTES) {
      tree.add(hashes.subarray(at, at + HASH_BYTES));
      for (let head = heads[next]; head?.size === tree.size && fault === null; head = heads[next]) {
        fault = head.root === tree.root().toString('hex') ? null : differs(head);
        next += 1;
      }
    }
    fault ??= await checkKept(sql, kept);
    kept.length = 0;
    tell(tree.size);
  }
  const beyond = heads[next];
  if (fault === null && beyond !== undefined) {
    fault = {
      row: `tree head of ${beyond.size}, signed ${beyond.signed_at}`,
      found: `the log has only ${size} entries: its end was cut off, or this is another log`,
    };
  }
  return { leaves: tree.size, heads: heads.length, root: tree.root(), fault };
}

/** By size. What carries no right signature is a fault of its own, and not compared. */
async function collectHeads(
  sql: Sql,
  held: readonly TreeHeadText[],
): Promise<{ heads: TreeHeadText[]; fault: Fault | null }> {
  const keys = new Map((await selectSigningKeys(sql)).map((key) => [key.id, key.publicKey]));
  const heads = [...held];
  for (let after = 0; ; ) {
    const page = await selectHeads(sql, after, HEADS_A_PAGE);
    heads.push(...page.map((head) => headText(head, keys.get(head.keyId) ?? Buffer.alloc(0))));
    const last = page.at(-1);
    if (last === undefined || page.length < HEADS_A_PAGE) break;
    after = last.size;
  }
  const forged = heads.find((text) => {
    const head = headOf(text);
    return !isSigned(head, head.publicKey);
  });
  const fault =
    forged === undefined ? null : { row: `tree head of ${forged.size}`, found: 'no key of this log signed it' };
  return { heads: heads.sort((a, b) => a.size - b.size), fault };
}

const differs = (head: TreeHeadText): Fault => ({
  row: `tree head of ${head.size}, signed ${head.signed_at}`,
  found: `it says the root was ${head.root}, and the log has another: what was sealed before was changed`,
});

async function checkKept(
  sql: Sql,
  made: readonly { level: number; position: number; hash: Uint8Array }[],
): Promise<Fault | null> {
  for (const level of new Set(made.map((one) => one.level))) {
    const mine = made.filter((one) => one.level === level);
    const kept = await selectHashes(sql, level, mine[0]?.position ?? 0, mine.length);
    const wrong = mine.findIndex(({ hash }, n) => kept[n]?.equals(hash) !== true);
    if (wrong >= 0) {
      const position = mine[wrong]?.position;
      return { row: `log, subtree ${position} of level ${level}`, found: 'the hash kept is not that of its leaves' };
    }
  }
  return null;
}
