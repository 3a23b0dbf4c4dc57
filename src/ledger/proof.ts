import { PosternError } from '../errors.ts';
import { auditLeafHashOf, type SealedAuditEntry } from './audit-leaf.ts';
import { isHead } from './head-file.ts';
import { type HeadParts, headCovering, type SignedHead } from './heads.ts';
import { leafHashOf, type SealedTransaction } from './leaf.ts';
import { selectHeads, selectSealed, selectSealedAuditEntry, selectSigningKeys } from './log-store.ts';
import { subtreeRoot } from './log-tree.ts';
import { HASH_BYTES, inclusionPath, rootByPath } from './merkle.ts';
import { headOf, headText, isSigned, type TreeHeadText } from './tree-head.ts';

/** All that an outsider needs to check, without us, that a leaf is in the log under a signed head. */
type Place = {
  /** Its place in the log, from 0. */
  readonly index: number;
  /** Hex, from the leaf upwards (RFC 9162, 2.1.3). */
  readonly path: readonly string[];
  readonly tree_head: TreeHeadText;
};

export type InclusionProof = Place & { readonly transaction: SealedTransaction };
export type AuditProof = Place & { readonly audit_entry: SealedAuditEntry };

export type Inclusion<P> =
  | { readonly kind: 'proof'; readonly proof: P }
  /** Unknown, or recorded and not sealed yet. */
  | { readonly kind: 'not_sealed' }
  | { readonly kind: 'no_such_head' };

/** `treeSize`: under the head of exactly that size (one that somebody holds); null: under the first head that covers it. */
export async function proveInclusion(
  parts: HeadParts,
  transactionId: string,
  treeSize: number | null,
): Promise<Inclusion<InclusionProof>> {
  const sealed = await selectSealed(parts.sql, transactionId);
  if (sealed === null) return { kind: 'not_sealed' };
  const place = await placeOf(parts, sealed.index, treeSize);
  if (place === null) return { kind: 'no_such_head' };
  return { kind: 'proof', proof: { transaction: sealed.transaction, ...place } };
}

/** The same of an entry of the audit log. */
export async function proveAuditEntry(
  parts: HeadParts,
  id: bigint,
  treeSize: number | null,
): Promise<Inclusion<AuditProof>> {
  const sealed = await selectSealedAuditEntry(parts.sql, id);
  if (sealed === null) return { kind: 'not_sealed' };
  const place = await placeOf(parts, sealed.index, treeSize);
  if (place === null) return { kind: 'no_such_head' };
  return { kind: 'proof', proof: { audit_entry: sealed.entry, ...place } };
}

async function placeOf(parts: HeadParts, index: number, treeSize: number | null): Promise<Place | null> {
  const signed = treeSize === null ? await headCovering(parts, index) : await headOfSize(parts, treeSize);
  if (signed === null || signed.head.size <= index) return null;
  const path = await inclusionPath(index, signed.head.size, (from, to) => subtreeRoot(parts.sql, from, to));
  return {
    index,
    path: path.map((hash) => hash.toString('hex')),
    tree_head: headText(signed.head, signed.publicKey),
  };
}

async function headOfSize({ sql }: HeadParts, size: number): Promise<SignedHead | null> {
  const [head] = await selectHeads(sql, size - 1, 1);
  if (head?.size !== size) return null;
  const key = (await selectSigningKeys(sql)).find(({ id }) => id === head.keyId);
  return key === undefined ? null : { head, publicKey: key.publicKey };
}

/** Why a proof proves nothing, or null where it proves what it says. Without a database. */
export function faultOfProof(proof: InclusionProof | AuditProof): string | null {
  const head = headOf(proof.tree_head);
  if (!isSigned(head, head.publicKey)) return 'the tree head is not signed by the key it names';
  const what = 'transaction' in proof ? 'the transaction' : 'the audit entry';
  let leaf: Buffer;
  try {
    leaf = 'transaction' in proof ? leafHashOf(proof.transaction) : auditLeafHashOf(proof.audit_entry);
  } catch (error) {
    return `${what} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  const path = proof.path.map((hash) => Buffer.from(hash, 'hex'));
  if (path.some((hash) => hash.length !== HASH_BYTES)) return 'the path holds what is no hash';
  const root = rootByPath(leaf, proof.index, head.size, path);
  if (root === null) return `the path does not fit leaf ${proof.index} of ${head.size}`;
  if (!root.equals(head.root))
    return `${what} and its path lead to another root: it was changed, or was never in this log`;
  return null;
}

/** Whether a held head says what the proof's head says; null where none of that size is held. */
export function isHeld(proof: Place, held: readonly TreeHeadText[]): boolean | null {
  const same = held.filter(({ size }) => size === proof.tree_head.size);
  if (same.length === 0) return null;
  return same.every(({ root, key_id }) => root === proof.tree_head.root && key_id === proof.tree_head.key_id);
}

/** @throws PosternError `invalid_request` where the text is no proof. */
export function parseProof(text: string): InclusionProof | AuditProof {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PosternError('invalid_request', 'the proof is not JSON', { cause: error });
  }
  const proof = value as Partial<InclusionProof & AuditProof> | null;
  const isPlace =
    typeof proof === 'object' &&
    proof !== null &&
    Number.isSafeInteger(proof.index) &&
    Array.isArray(proof.path) &&
    proof.path.every((hash) => typeof hash === 'string') &&
    isHead(proof.tree_head);
  // One of the two, and not both: what is printed must be what was checked.
  if (isPlace && Array.isArray(proof.transaction?.lines) && !('audit_entry' in proof)) return proof as InclusionProof;
  const entry = proof?.audit_entry;
  if (isPlace && typeof entry === 'object' && entry !== null && !('transaction' in proof)) return proof as AuditProof;
  throw new PosternError(
    'invalid_request',
    'this is no proof: it has index, path, tree_head and a transaction (as GET /api/v1/transactions/:id/proof gives it) or an audit_entry (GET /api/v1/audit-log/:id/proof)',
  );
}
