import type { Sql, Tx } from '../postgres/sql.ts';
import type { SealedAuditEntry } from './audit-leaf.ts';
import type { SealedLine, SealedTransaction } from './leaf.ts';
import type { SigningKey, TreeHead } from './tree-head.ts';

/** Seals the next of the log, at most so many; null while another session is at it. */
export async function sealStep(tx: Tx, most: number): Promise<{ lookedAt: number; size: number } | null> {
  const { rows } = await tx.query<{ looked_at: number; size: bigint }>(
    'select looked_at, size from postern.ledger_seal($1)',
    [most],
  );
  const row = rows[0];
  return row === undefined ? null : { lookedAt: row.looked_at, size: Number(row.size) };
}

/** Seals whatever is found, whatever its number: once after the database moved to another server. */
export async function sealFound(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ sealed: number }>('select postern.ledger_seal_found() as sealed');
  return rows[0]?.sealed ?? 0;
}

export async function logSize(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ size: bigint }>('select size from postern.sealing');
  return Number(rows[0]?.size ?? 0);
}

/** Leaf hashes (level 0), or roots of whole subtrees (level 8, 16 …), in order. */
export async function selectHashes(sql: Sql, level: number, from: number, count: number): Promise<Buffer[]> {
  const { rows } = await sql.query<{ hash: Buffer }>(
    level === 0
      ? 'select leaf_hash as hash from postern.seal where seq >= $1 and seq < $2 order by seq'
      : 'select hash from postern.seal_nodes where position >= $1 and position < $2 and level = $3 order by position',
    level === 0 ? [from, from + count] : [from, from + count, level],
  );
  return rows.map(({ hash }) => hash);
}

/**
 * Transactions that are recorded and not sealed, as `t`. Numbers from before a move to another server may lie beyond the log's end,
 * hence the look for each one's seal. The order and the scalar look keep it a walk along the end of an index: planned as joins,
 * all that was ever sealed is read to find that the newest is not.
 */
export const UNSEALED = `(select s.xact, s.id from postern.sealing s limit 1) as o cross join lateral (
  select t.* from postern.transactions t
  where (t.xact, t.id) > (o.xact, o.id) and t.xact < pg_snapshot_xmax(pg_current_snapshot())
    and (select s.seq from postern.seal s where s.transaction_id = t.id) is null
  order by t.xact, t.id offset 0
) as t`;

/** The same of the audit log, as `a`. */
const UNSEALED_AUDIT = `(select s.audit_xact as xact, s.audit_id as id from postern.sealing s limit 1) as o cross join lateral (
  select a.* from postern.audit_log a
  where (a.xact, a.id) > (o.xact, o.id) and a.xact < pg_snapshot_xmax(pg_current_snapshot())
    and (select s.seq from postern.seal s where s.audit_id = a.id) is null
  order by a.xact, a.id offset 0
) as a`;

/** What the log has not sealed yet, transactions and audit entries, counted up to `most`. */
export type SealLag = { readonly entries: number; readonly seconds: number };

export async function sealLag(sql: Sql, most: number): Promise<SealLag> {
  const { rows } = await sql.query<{ count: number; seconds: number | null }>(
    `select least(count(*), $1)::int4 as count, extract(epoch from clock_timestamp() - min(u.at))::float8 as seconds from (
       (select t.recorded_at as at from ${UNSEALED} limit $1)
       union all
       (select a.at from ${UNSEALED_AUDIT} limit $1)
     ) as u`,
    [most],
  );
  return { entries: rows[0]?.count ?? 0, seconds: rows[0]?.seconds ?? 0 };
}

/** A session whose transaction the sealer waits for. What it does is shown only to those who may see it. */
export type HoldingSession = { readonly pid: number; readonly name: string; readonly since: Date | null };

/** The oldest transaction that writes: nothing younger is sealed before it ends. */
export async function oldestWriter(sql: Sql): Promise<HoldingSession | null> {
  const { rows } = await sql.query<{ pid: number; name: string; since: Date | null }>(
    `select pid, coalesce(nullif(application_name, ''), usename, '') as name, xact_start as since
     from pg_stat_activity where backend_xid is not null order by age(backend_xid) desc limit 1`,
  );
  return rows[0] ?? null;
}

export async function selectSigningKeys(sql: Sql): Promise<SigningKey[]> {
  const { rows } = await sql.query<{ id: string; public_key: Buffer; sealed: Buffer }>(
    'select id, public_key, sealed from postern.signing_keys order by created_at desc, id',
  );
  return rows.map((row) => ({ id: row.id, publicKey: row.public_key, sealed: row.sealed }));
}

export async function insertSigningKey(sql: Sql, key: SigningKey): Promise<void> {
  await sql.query('insert into postern.signing_keys (id, public_key, sealed) values ($1, $2, $3)', [
    key.id,
    key.publicKey,
    key.sealed,
  ]);
}

type HeadRow = { size: bigint; root: Buffer; signed_at: Date; key_id: string; signature: Buffer };

const headOfRow = (row: HeadRow): TreeHead => ({
  size: Number(row.size),
  root: row.root,
  signedAt: row.signed_at,
  keyId: row.key_id,
  signature: row.signature,
});

/** Two instances may sign at one size: the first head stands. */
export async function insertHead(sql: Sql, head: TreeHead): Promise<void> {
  await sql.query(
    `insert into postern.tree_heads (size, root, signed_at, key_id, signature) values ($1, $2, $3, $4, $5)
     on conflict (size) do nothing`,
    [head.size, head.root, head.signedAt, head.keyId, head.signature],
  );
}

/** Heads of more than `after` leaves, the smallest first. */
export async function selectHeads(sql: Sql, after: number, limit: number): Promise<TreeHead[]> {
  const { rows } = await sql.query<HeadRow>(
    'select size, root, signed_at, key_id, signature from postern.tree_heads where size > $1 order by size limit $2',
    [after, limit],
  );
  return rows.map(headOfRow);
}

export async function newestHead(sql: Sql): Promise<TreeHead | null> {
  const { rows } = await sql.query<HeadRow>(
    'select size, root, signed_at, key_id, signature from postern.tree_heads order by size desc limit 1',
  );
  return rows.map(headOfRow)[0] ?? null;
}

const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

type SealedRow = Omit<SealedTransaction, 'lines'> & { seq: bigint; leaf_hash: string };

/** A sealed audit entry with its place in the log; null where it is unknown or not sealed yet. */
export async function selectSealedAuditEntry(
  sql: Sql,
  id: bigint,
): Promise<{ index: number; leafHash: string; entry: SealedAuditEntry } | null> {
  const { rows } = await sql.query<SealedAuditEntry & { seq: bigint; leaf_hash: string }>(
    `select s.seq, encode(s.leaf_hash, 'hex') as leaf_hash, a.id::text, to_char(a.at at time zone 'utc', ${TIME}) as at, a.actor, a.action,
       a.subject, a.reason, a.details::text
     from postern.seal s join postern.audit_log a on a.id = s.audit_id where s.audit_id = $1`,
    [id],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { seq, leaf_hash: leafHash, ...entry } = row;
  return { index: Number(seq), leafHash, entry };
}

/** A sealed transaction with its place in the log; null where it is unknown or not sealed yet. */
export async function selectSealed(
  sql: Sql,
  transactionId: string,
): Promise<{ index: number; leafHash: string; transaction: SealedTransaction } | null> {
  const { rows } = await sql.query<SealedRow>(
    `select s.seq, encode(s.leaf_hash, 'hex') as leaf_hash, t.id, t.effect_key, encode(t.content, 'hex') as content, t.kind,
       to_char(t.effective_at at time zone 'utc', ${TIME}) as effective_at,
       to_char(t.recorded_at at time zone 'utc', ${TIME}) as recorded_at,
       t.accounting_date::text, t.rule_version, t.reverses, t.source_event, encode(s.source_sha256, 'hex') as source_sha256,
       t.source_line, t.source_request, t.cause
     from postern.seal s join postern.transactions t on t.id = s.transaction_id where s.transaction_id = $1`,
    [transactionId],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const lines = await sql.query<SealedLine>(
    `select p.line, a.path as account, p.currency, p.amount::text, p.reference, p.component
     from postern.postings p join postern.accounts a on a.id = p.account_id where p.transaction_id = $1 order by p.line`,
    [transactionId],
  );
  const { seq, leaf_hash: leafHash, ...fields } = row;
  return { index: Number(seq), leafHash, transaction: { ...fields, lines: lines.rows } };
}
