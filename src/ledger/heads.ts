import type { Clock } from '../clock.ts';
import type { Keyring } from '../encryption.ts';
import type { Sql } from '../postgres/sql.ts';
import { insertHead, insertSigningKey, logSize, newestHead, selectHeads, selectSigningKeys } from './log-store.ts';
import { subtreeRoot } from './log-tree.ts';
import { makeSigningKey, type SigningKey, signHead, type TreeHead } from './tree-head.ts';

export type SignedHead = { readonly head: TreeHead; readonly publicKey: Buffer };

export type HeadParts = { readonly sql: Sql; readonly keyring: Keyring; readonly clock: Clock };

/** The newest key, made where there is none. Two that make one at the same time both count: the newest signs. */
async function signingKey({ sql, keyring }: HeadParts): Promise<SigningKey> {
  const [newest] = await selectSigningKeys(sql);
  if (newest !== undefined) return newest;
  const made = makeSigningKey(keyring);
  await insertSigningKey(sql, made);
  const [first] = await selectSigningKeys(sql);
  return first ?? made;
}

/** Signs the log as it stands, if it grew since the last head. Returns the newest head; null where nothing is sealed. */
export async function signNow(parts: HeadParts): Promise<SignedHead | null> {
  const { sql, keyring, clock } = parts;
  const size = await logSize(sql);
  if (size === 0) return null;
  const newest = await newestHead(sql);
  if (newest === null || newest.size < size) {
    const key = await signingKey(parts);
    const root = await subtreeRoot(sql, 0, size);
    await insertHead(sql, signHead(keyring, key, { size, root, signedAt: new Date(clock.now()) }));
  }
  return headCovering(parts, size - 1);
}

/** The first head over the leaf `index`; signed now where there is none yet. Null where the leaf is not sealed. */
export async function headCovering(parts: HeadParts, index: number): Promise<SignedHead | null> {
  const [head] = await selectHeads(parts.sql, index, 1);
  if (head === undefined) return (await logSize(parts.sql)) > index ? signNow(parts) : null;
  const key = (await selectSigningKeys(parts.sql)).find(({ id }) => id === head.keyId);
  return key === undefined ? null : { head, publicKey: key.publicKey };
}
