import type pg from 'pg';
import { messageOf } from '../errors.ts';
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
 * Makes both roles where they are missing and grants them to `login` (a plain identifier, or `current_user`). Roles
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
      if (state === '42501' || state === '0LP01') return { kind: 'none', reason: messageOf(error) };
      const raced = state === '42710' || state === '23505' || state === 'XX000';
      if (!raced || attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}

/** Whether this login can run as `postern_app`, for those who connect without migrating. */
export async function mayRunAsApp(client: pg.ClientBase): Promise<boolean> {
  return mayBecome(client, APP_ROLE);
}

async function ensureRole(client: pg.ClientBase, role: string, login: string): Promise<void> {
  if (login === 'current_user' && (await mayBecome(client, role))) return;
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
  if (rowCount === 0) await client.query(`create role ${role} nologin`);
  await client.query(`grant ${role} to ${login}`);
}

/**
 * Tried, not asked: since 16 whoever made a role is its member for administration only, neither to use nor to become it,
 * and pg_has_role says "member" all the same.
 */
async function mayBecome(client: pg.ClientBase, role: string): Promise<boolean> {
  await client.query('begin');
  try {
    await client.query(`set local role ${role}`);
    return true;
  } catch (error) {
    const state = sqlStateOf(error);
    // 42501: not ours to become. 22023: there is no such role.
    if (state === '42501' || state === '22023') return false;
    throw error;
  } finally {
    await client.query('rollback');
  }
}
