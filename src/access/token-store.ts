import type { Sql } from '../postgres/sql.ts';

export const TOKENS_CHANNEL = 'postern_tokens';

export type TokenRow = {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly secret_hash: Buffer;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
  readonly created_at: Date;
};

export const TOKENS_MAX = 10_000;

const COLUMNS = 'id, name, roles, secret_hash, expires_at, last_used_at, revoked_at, created_at';

export async function selectTokens(sql: Sql, page: { after: string; limit: number }): Promise<TokenRow[]> {
  const result = await sql.query<TokenRow>(
    `select ${COLUMNS} from postern.tokens where id > $1 order by id limit $2`,
    [page.after, page.limit],
  );
  return result.rows;
}

export async function insertToken(
  sql: Sql,
  token: { id: string; name: string; roles: readonly string[]; secretHash: Buffer; expiresAt: Date | null },
): Promise<void> {
  await sql.query('insert into postern.tokens (id, name, roles, secret_hash, expires_at) values ($1, $2, $3, $4, $5)', [
    token.id,
    token.name,
    token.roles,
    token.secretHash,
    token.expiresAt,
  ]);
}

/** False where there is no such token, or it is revoked already. */
export async function revokeToken(sql: Sql, id: string): Promise<boolean> {
  const result = await sql.query('update postern.tokens set revoked_at = now() where id = $1 and revoked_at is null', [id]);
  return result.rowCount === 1;
}

export async function announceTokens(sql: Sql): Promise<void> {
  await sql.query(`select pg_notify('${TOKENS_CHANNEL}', '')`);
}

export async function noteTokenUses(sql: Sql, uses: ReadonlyMap<string, number>): Promise<void> {
  const rows = [...uses].sort(([a], [b]) => (a < b ? -1 : 1));
  await sql.query(
    `update postern.tokens t set last_used_at = greatest(t.last_used_at, u.at)
     from unnest($1::text[], $2::timestamptz[]) as u (id, at) where t.id = u.id`,
    [rows.map(([id]) => id), rows.map(([, at]) => new Date(at))],
  );
}
