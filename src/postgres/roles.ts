import type pg from 'pg';
import { sqlStateOf } from './sql.ts';

/**
 * `postern_owner` owns everything, `postern_app` is what the gateway runs as; neither can log in. A login that may not
 * create roles gets none: then the tables belong to it, only the triggers protect the ledger, and `doctor` says so.
 */
export const OWNER_ROLE = 'postern_owner';
export const APP_ROLE = 'postern_app';

export type Roles = { kind: 'roles' } | { kind: 'none'; reason: string };

const ATTEMPTS_MAX = 5;

/**
 * Makes both roles where they are missing and grants them to `login` (a quoted identifier, or `current_user`). Roles
 * belong to the whole server, so two gateways on two databases of it may race: 42710 (exists already) and XX000 (tuple
 * concurrently updated) only mean that the other was first, and what is there is read again.
 */
export async function ensureRoles(client: pg.ClientBase, login = 'current_user'): Promise<Roles> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      for (const role of [OWNER_ROLE, APP_ROLE]) await ensureRole(client, role, login);
      return { kind: 'roles' };
    } catch (error) {
      const state = sqlStateOf(error);
      // 42501: insufficient privilege. 0LP01: invalid grant, when the role exists but is not this login's to give.
      if (state === '42501' || state === '0LP01') return { kind: 'none', reason: reasonOf(error) };
      const raced = state === '42710' || state === '23505' || state === 'XX000';
      if (!raced || attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}

/** Whether this login can run as `postern_app`, for those who connect without migrating. */
export async function mayRunAsApp(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean | null }>(
    `select pg_has_role(current_user, oid, 'member') as may from pg_roles where rolname = $1`,
    [APP_ROLE],
  );
  return rows[0]?.may === true;
}

async function ensureRole(client: pg.ClientBase, role: string, login: string): Promise<void> {
  const { rows } = await client.query<{ member: boolean }>(
    `select pg_has_role($2::name, r.oid, 'member') as member from pg_roles r where r.rolname = $1`,
    [role, login === 'current_user' ? await currentUser(client) : login],
  );
  if (rows[0]?.member === true && !(await needsExplicitGrant(client, role))) return;
  if (rows.length === 0) await client.query(`create role ${role} nologin`);
  await client.query(`grant ${role} to ${login === 'current_user' ? login : `"${login.replaceAll('"', '""')}"`}`);
}

/**
 * Since 16 the maker of a role is its member for administration only (neither SET nor INHERIT) until somebody grants it
 * for use; pg_has_role's "member" is true all the same.
 */
async function needsExplicitGrant(client: pg.ClientBase, role: string): Promise<boolean> {
  try {
    await client.query('begin');
    await client.query(`set local role ${role}`);
    return false;
  } catch (error) {
    if (sqlStateOf(error) === '42501') return true;
    throw error;
  } finally {
    await client.query('rollback');
  }
}

async function currentUser(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ name: string }>('select current_user::text as name');
  return rows[0]?.name ?? '';
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
