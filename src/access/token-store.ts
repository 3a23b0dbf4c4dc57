import type { Sql, Tx } from '../postgres/sql.ts';

/** The channel on which tokens made and revoked are announced, inside the transaction that makes or revokes them. */
export const TOKENS_CHANNEL = 'postern_tokens';

export type TokenRow = {
  readonly id: string;
  readonly name: string;
  readonly roles: string[];
  readonly secret_hash: Buffer;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
  readonly created_at: Date;
};

/** How many tokens can be in force at once. */
export const TOKENS_MAX = 10_000;

const COLUMNS = 'id, name, roles, secret_hash, expires_at, last_used_at, revoked_at, created_at';

/** Those that may be in force, newest first. */
export async function selectLiveTokens(sql: Sql): Promise<TokenRow[]> {
  const result = await sql.query<TokenRow>(
    `select ${COLUMNS} from postern.tokens where revoked_at is null and (expires_at is null or expires_at > now())
     order by created_at desc limit ${TOKENS_MAX}`,
  );
  return result.rows;
}

export async function countLiveTokens(tx: Tx): Promise<number> {
  const result = await tx.query<{ live: bigint }>(
    'select count(*) as live from postern.tokens where revoked_at is null and (expires_at is null or expires_at > now())',
  );
  return Number(result.rows[0]?.live ?? 0n);
}

/** All that are not revoked, expired ones too, by id. */
export async function selectTokens(sql: Sql, page: { after: string; limit: number }): Promise<TokenRow[]> {
  const result = await sql.query<TokenRow>(
    `select ${COLUMNS} from postern.tokens where revoked_at is null and id collate "C" > $1 order by id collate "C" limit $2`,
    [page.after, page.limit],
  );
  return result.rows;
}

export async function insertToken(
  tx: Tx,
  token: { id: string; name: string; roles: readonly string[]; hash: Buffer; expiresAt: Date | null },
): Promise<void> {
  await tx.query('insert into postern.tokens (id, name, roles, secret_hash, expires_at) values ($1, $2, $3, $4, $5)', [
    token.id,
    token.name,
    token.roles,
    token.hash,
    token.expiresAt,
  ]);
}

export async function revokeToken(tx: Tx, id: string): Promise<boolean> {
  const result = await tx.query('update postern.tokens set revoked_at = now() where id = $1 and revoked_at is null', [
    id,
  ]);
  return result.rowCount === 1;
}

/** Announced at commit, to every instance. */
export async function announceTokens(tx: Tx): Promise<void> {
  await tx.query(`select pg_notify('${TOKENS_CHANNEL}', '')`);
}

/** In id order, as every instance does it. */
export async function noteTokenUses(sql: Sql, uses: ReadonlyMap<string, number>): Promise<void> {
  const rows = [...uses].sort(([a], [b]) => (a < b ? -1 : 1));
  await sql.query(
    `with used as (select * from unnest($1::text[], $2::timestamptz[]) as u (id, at)),
       locked as (select id from postern.tokens where id = any($1::text[]) order by id for no key update)
     update postern.tokens t set last_used_at = greatest(t.last_used_at, u.at)
     from used u join locked l on l.id = u.id where t.id = u.id`,
    [rows.map(([id]) => id), rows.map(([, at]) => new Date(at))],
  );
}
