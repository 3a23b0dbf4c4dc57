import type pg from 'pg';
import { insertAudit } from '../audit-store.ts';
import { PosternError } from '../errors.ts';
import { sqlOf, withTransaction } from '../postgres/sql.ts';
import { ROLES, type Role } from './roles.ts';
import {
  announceTokens,
  countLiveTokens,
  insertToken,
  revokeToken,
  selectTokens,
  TOKENS_MAX,
  type TokenRow,
} from './token-store.ts';
import { makeToken } from './token-text.ts';

export type ShownToken = Omit<TokenRow, 'secret_hash' | 'revoked_at'>;

const NAME_CHARS_MAX = 100;

/** Makes, lists and revokes tokens, with their entries in the audit log. */
export function createTokenService({
  pool,
  onChange,
}: {
  readonly pool: pg.Pool;
  readonly onChange?: () => Promise<void>;
}) {
  const sql = sqlOf(pool);
  return {
    /** The token itself is in the answer, this once. */
    async create(
      token: { readonly name: string; readonly roles: readonly Role[]; readonly expiresAt: Date | null },
      actor: string,
    ): Promise<{ id: string; token: string }> {
      const roles = ROLES.filter((role) => token.roles.includes(role));
      if (roles.length === 0) {
        throw new PosternError('invalid_request', `a token has at least one role of ${ROLES.join(', ')}`, {
          faults: [{ path: '/roles', message: 'at least one role' }],
        });
      }
      if (token.name.trim() === '' || token.name.length > NAME_CHARS_MAX) {
        throw new PosternError('invalid_request', `a token has a name of 1 to ${NAME_CHARS_MAX} characters`);
      }
      const made = makeToken();
      await withTransaction(pool, async (tx) => {
        if ((await countLiveTokens(tx)) >= TOKENS_MAX)
          throw new PosternError('conflict', `there are ${TOKENS_MAX} tokens: revoke some`);
        await insertToken(tx, { id: made.id, name: token.name, roles, hash: made.hash, expiresAt: token.expiresAt });
        await insertAudit(tx, {
          actor,
          action: 'token.create',
          subject: `token:${made.id}`,
          details: { name: token.name, roles, expires_at: token.expiresAt?.toISOString() ?? null },
        });
        await announceTokens(tx);
      });
      await onChange?.();
      return { id: made.id, token: made.token };
    },

    async list(page: { after: string; limit: number }): Promise<ShownToken[]> {
      const rows = await selectTokens(sql, page);
      return rows.map(({ secret_hash: _hash, revoked_at: _revoked, ...shown }) => shown);
    },

    /** @throws PosternError `not_found`. */
    async revoke(id: string, actor: string): Promise<void> {
      await withTransaction(pool, async (tx) => {
        if (!(await revokeToken(tx, id)))
          throw new PosternError('not_found', `there is no token ${id}, or it is revoked already`);
        await insertAudit(tx, { actor, action: 'token.revoke', subject: `token:${id}` });
        await announceTokens(tx);
      });
      await onChange?.();
    },
  };
}
