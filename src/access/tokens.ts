import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { OnChange } from '../change-listener.ts';
import type { Clock } from '../clock.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Sql } from '../postgres/sql.ts';
import { isRole, type Role } from './roles.ts';
import { noteTokenUses, selectTokens, type TokenRow, TOKENS_CHANNEL, TOKENS_MAX } from './token-store.ts';

/** Who calls: what the audit log names as the actor. */
export type Caller = { readonly id: string; readonly name: string; readonly roles: readonly Role[] };

/** The tokens in memory, at most 5 s old: a check costs no database work. */
export type Tokens = {
  load(): Promise<void>;
  /** Null where the token is unknown, expired or revoked. @throws PosternError `overloaded` while tokens cannot be read. */
  authenticate(token: string): Caller | null;
  start(on?: OnChange): void;
  stop(): void;
};

const PREFIX = 'pst_';
const ID_CHARS = 12;
const SECRET_BYTES = 32;
const SHAPE = new RegExp(`^${PREFIX}([A-Za-z0-9]{${ID_CHARS}})([A-Za-z0-9_-]{43})$`);
const RELOAD_MS = 5_000;
/** Past this age a revocation may have been missed: API calls get 503. */
const STALE_MS = 60_000;

/** A new token: shown once, stored as its hash. */
export function makeToken(): { id: string; token: string; secretHash: Buffer } {
  let id = '';
  while (id.length < ID_CHARS) id = (id + randomBytes(ID_CHARS).toString('base64').replace(/[^A-Za-z0-9]/g, '')).slice(0, ID_CHARS);
  const token = PREFIX + id + randomBytes(SECRET_BYTES).toString('base64url');
  return { id, token, secretHash: hashToken(token) };
}

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

export function createTokens(options: {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
  /** POSTERN_ADMIN_TOKEN: held in memory only, ends with the process. */
  readonly adminToken: string | null;
}): Tokens {
  const { sql, clock, log } = options;
  const adminHash = options.adminToken === null ? null : hashToken(options.adminToken);
  let byId = new Map<string, TokenRow>();
  let loadedAt = Number.NEGATIVE_INFINITY;
  let uses = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  async function load(): Promise<void> {
    const startedAt = clock.now();
    const rows = await selectTokens(sql, { after: '', limit: TOKENS_MAX });
    byId = new Map(rows.map((row) => [row.id, row]));
    loadedAt = startedAt;
  }

  async function refresh(): Promise<void> {
    try {
      await load();
      const taken = uses;
      uses = new Map();
      if (taken.size > 0) await noteTokenUses(sql, taken);
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'tokens could not be read; the last state stands');
    }
  }

  return {
    load,
    authenticate(token) {
      const hash = hashToken(token);
      if (adminHash !== null && timingSafeEqual(hash, adminHash)) return { id: 'environment', name: 'POSTERN_ADMIN_TOKEN', roles: ['admin'] };
      if (clock.now() - loadedAt > STALE_MS) throw new PosternError('overloaded', 'tokens cannot be checked: the database is away');
      const row = byId.get(SHAPE.exec(token)?.[1] ?? '');
      if (row === undefined || !timingSafeEqual(hash, row.secret_hash)) return null;
      const now = clock.now();
      if (row.revoked_at !== null || (row.expires_at !== null && row.expires_at.getTime() <= now)) return null;
      uses.set(row.id, now);
      return { id: row.id, name: row.name, roles: row.roles.filter(isRole) };
    },
    start(on) {
      on?.(TOKENS_CHANNEL, () => void refresh());
      timer = setInterval(() => void refresh(), RELOAD_MS);
      timer.unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
}
