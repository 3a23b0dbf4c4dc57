import type { Sql, Tx } from '../postgres/sql.ts';

/** The channel on which changes of endpoints and secrets are announced, inside the transaction that makes them. */
export const ENDPOINTS_CHANNEL = 'postern_endpoints';

export type EndpointRow = {
  readonly id: number;
  readonly provider: string;
  readonly name: string;
  readonly account: string;
  readonly settings: Record<string, unknown>;
  readonly sealed: Buffer | null;
  readonly disabled: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
};

export type SecretRow = {
  readonly id: string;
  readonly endpoint_id: number;
  readonly sealed: Buffer;
  readonly not_before: Date | null;
  readonly not_after: Date | null;
  readonly uses: bigint;
  readonly last_used_at: Date | null;
  readonly created_at: Date;
};

const COLUMNS = 'id, provider, name, account, settings, sealed, disabled, created_at, updated_at';
const SECRET_COLUMNS = 'id, endpoint_id, sealed, not_before, not_after, uses, last_used_at, created_at';

/** An instance serves at most so many endpoints; beyond it the rest would silently answer 404, so loading fails. */
export const ENDPOINTS_MAX = 10_000;
export const SECRETS_MAX = 20;

export async function selectEndpoints(sql: Sql, page: { after: number; limit: number }): Promise<EndpointRow[]> {
  const result = await sql.query<EndpointRow>(
    `select ${COLUMNS} from postern.endpoints where id > $1 order by id limit $2`,
    [page.after, page.limit],
  );
  return result.rows;
}

export async function selectEndpoint(sql: Sql, id: number): Promise<EndpointRow | undefined> {
  const result = await sql.query<EndpointRow>(`select ${COLUMNS} from postern.endpoints where id = $1`, [id]);
  return result.rows[0];
}

/** By the two names that stand in its address. */
export async function findEndpoint(sql: Sql, provider: string, name: string): Promise<EndpointRow | undefined> {
  const result = await sql.query<EndpointRow>(
    `select ${COLUMNS} from postern.endpoints where provider = $1 and name = $2`,
    [provider, name],
  );
  return result.rows[0];
}

/** By what a person calls it: `provider/name`, its id, or its name alone, which several may have. An id goes first. */
export async function findEndpointIds(sql: Sql, named: string, id: number | null): Promise<number[]> {
  const { rows } = await sql.query<{ id: number }>(
    `select id from postern.endpoints
     where provider || '/' || name = $1 or id = $2
       or (name = $1 and not exists (select from postern.endpoints where id = $2))
     order by id limit 2`,
    [named, id],
  );
  return rows.map((row) => row.id);
}

/** Locks it: two changes of one endpoint follow each other. */
export async function lockEndpoint(tx: Tx, id: number): Promise<EndpointRow | undefined> {
  const result = await tx.query<EndpointRow>(`select ${COLUMNS} from postern.endpoints where id = $1 for update`, [id]);
  return result.rows[0];
}

export async function selectSecrets(sql: Sql, endpointIds: readonly number[]): Promise<SecretRow[]> {
  const result = await sql.query<SecretRow>(
    `select ${SECRET_COLUMNS} from postern.endpoint_secrets where endpoint_id = any($1::int4[]) order by created_at, id`,
    [endpointIds],
  );
  return result.rows;
}

/** Undefined where the name is taken. */
export async function insertEndpoint(
  tx: Tx,
  endpoint: { provider: string; name: string; account: string; settings: Record<string, unknown> },
): Promise<number | undefined> {
  const result = await tx.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account, settings) values ($1, $2, $3, $4)
     on conflict (provider, name) do nothing returning id`,
    [endpoint.provider, endpoint.name, endpoint.account, JSON.stringify(endpoint.settings)],
  );
  return result.rows[0]?.id;
}

export async function updateEndpoint(
  tx: Tx,
  endpoint: {
    id: number;
    account: string;
    settings: Record<string, unknown>;
    sealed: Buffer | null;
    disabled: boolean;
  },
): Promise<void> {
  await tx.query(
    `update postern.endpoints set account = $2, settings = $3, sealed = $4, disabled = $5, updated_at = now() where id = $1`,
    [endpoint.id, endpoint.account, JSON.stringify(endpoint.settings), endpoint.sealed, endpoint.disabled],
  );
}

export async function hasEvents(tx: Tx, endpointId: number): Promise<boolean> {
  const result = await tx.query('select 1 from postern.events where endpoint_id = $1 limit 1', [endpointId]);
  return result.rowCount > 0;
}

/** Whether anything is posted for the account: a path that ends with it is one of its own. */
export async function hasBooks(tx: Tx, provider: string, account: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `select 1 from (select ':' || postern.path_part($1) || ':' || postern.path_part($2) as ending) as o
     join postern.accounts a on right(a.path, length(o.ending)) = o.ending limit 1`,
    [provider, account],
  );
  return rowCount > 0;
}

export async function deleteEndpoint(tx: Tx, id: number): Promise<void> {
  await tx.query('delete from postern.endpoints where id = $1', [id]);
}

export async function insertSecret(
  tx: Tx,
  secret: {
    id: string;
    endpointId: number;
    sealed: Buffer;
    notBefore: Date | null;
    notAfter: Date | null;
    createdAt?: Date;
  },
): Promise<void> {
  await tx.query(
    'insert into postern.endpoint_secrets (id, endpoint_id, sealed, not_before, not_after, created_at) values ($1, $2, $3, $4, $5, coalesce($6, now()))',
    [secret.id, secret.endpointId, secret.sealed, secret.notBefore, secret.notAfter, secret.createdAt ?? null],
  );
}

/** The secrets in use until now end at `at`, unless they end sooner. */
export async function endSecrets(tx: Tx, endpointId: number, except: string, at: Date): Promise<void> {
  await tx.query(
    `update postern.endpoint_secrets set not_after = least(not_after, $3::timestamptz)
     where endpoint_id = $1 and id <> $2`,
    [endpointId, except, at],
  );
}

export async function deleteSecret(tx: Tx, endpointId: number, id: string): Promise<boolean> {
  const result = await tx.query('delete from postern.endpoint_secrets where endpoint_id = $1 and id = $2', [
    endpointId,
    id,
  ]);
  return result.rowCount === 1;
}

/** Announced at commit, to every instance. */
export async function announceEndpoints(tx: Tx): Promise<void> {
  await tx.query(`select pg_notify('${ENDPOINTS_CHANNEL}', '')`);
}

export type SecretUses = ReadonlyMap<string, { readonly uses: number; readonly lastUsedAt: number }>;

/** In id order: two instances that write the same secrets' counts would otherwise deadlock. */
export async function addSecretUses(sql: Sql, uses: SecretUses): Promise<void> {
  if (uses.size === 0) return;
  const rows = [...uses].sort(([a], [b]) => (a < b ? -1 : 1));
  await sql.query(
    `with used as (select * from unnest($1::uuid[], $2::int8[], $3::timestamptz[]) as u (id, uses, last_used_at)),
       locked as (select s.id from postern.endpoint_secrets s where s.id = any($1::uuid[]) order by s.id for no key update)
     update postern.endpoint_secrets s set uses = s.uses + u.uses, last_used_at = greatest(s.last_used_at, u.last_used_at)
     from used u join locked l on l.id = u.id where s.id = u.id`,
    [rows.map(([id]) => id), rows.map(([, u]) => u.uses), rows.map(([, u]) => new Date(u.lastUsedAt))],
  );
}
