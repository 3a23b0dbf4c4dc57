import type pg from 'pg';
import { audit } from '../audit.ts';
import { PosternError } from '../errors.ts';
import { sqlOf, withTransaction } from '../postgres/sql.ts';
import { isRole, ROLES, type Role } from './roles.ts';
import { announceTokens, insertToken, revokeToken, selectTokens, type TokenRow } from './token-store.ts';
import { makeToken } from './tokens.ts';

/** A token as it is shown; the token itself only in the answer that makes it. */
export type TokenView = {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
  readonly token?: string;
};

export type TokenService = {
  create(wish: { name: string; roles: readonly string[]; expiresAt: Date | null }, actor: string): Promise<TokenView>;
  list(page: { after: string; limit: number }): Promise<TokenView[]>;
  /** @throws PosternError `not_found`. */
  revoke(id: string, actor: string): Promise<void>;
};

const NAME_MAX = 100;

export function createTokenService(pool: pg.Pool): TokenService {
  return {
    async create({ name, roles, expiresAt }, actor) {
      const unknown = roles.find((role) => !isRole(role));
      if (unknown !== undefined || roles.length === 0) {
        throw new PosternError('invalid_request', `roles are one or more of ${ROLES.join(', ')}`, {
          faults: [{ path: '/roles', message: unknown === undefined ? 'must not be empty' : `"${unknown}" is no role` }],
        });
      }
      if (name.trim() === '' || name.length > NAME_MAX) {
        throw new PosternError('invalid_request', `a token needs a name of at most ${NAME_MAX} characters`, {
          faults: [{ path: '/name', message: 'must be given' }],
        });
      }
      const { id, token, secretHash } = makeToken();
      const made = [...new Set(roles)] as Role[];
      await withTransaction(pool, async (tx) => {
        await insertToken(tx, { id, name, roles: made, secretHash, expiresAt });
        await audit(tx, { actor, action: 'token.create', subject: id, details: { name, roles: made } });
        await announceTokens(tx);
      });
      return { id, name, roles: made, expires_at: expiresAt?.toISOString() ?? null, last_used_at: null, revoked_at: null, token };
    },
    async list(page) {
      return (await selectTokens(sqlOf(pool), page)).map(viewOf);
    },
    async revoke(id, actor) {
      await withTransaction(pool, async (tx) => {
        if (!(await revokeToken(tx, id))) throw new PosternError('not_found', `there is no token ${id} that could be revoked`);
        await audit(tx, { actor, action: 'token.revoke', subject: id });
        await announceTokens(tx);
      });
    },
  };
}

function viewOf(row: TokenRow): TokenView {
  return {
    id: row.id,
    name: row.name,
    roles: row.roles,
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
  };
}
