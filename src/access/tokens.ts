import type { OnChange } from '../change-listener.ts';
import type { Clock } from '../clock.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Sql } from '../postgres/sql.ts';
import { isRole, type Role } from './roles.ts';
import { noteTokenUses, selectLiveTokens, TOKENS_CHANNEL, TOKENS_MAX, type TokenRow } from './token-store.ts';
import { hashToken, isSameHash, tokenId } from './token-text.ts';

/** Who calls. `name` is what the audit log calls them: `token:{id}`. */
export type Caller = { readonly name: string; readonly roles: readonly Role[] };

/** The tokens in force, in memory and at most 5 s old, so that a flood of made-up tokens costs the database nothing. */
export type Tokens = {
  /** Who holds this token; null where nobody (any more) does. Throws `database_unreachable` when that cannot be known. */
  authenticate(token: string): Promise<Caller | null>;
  load(): Promise<void>;
  /** Without `onChange` what others made or revoked is seen by looking every 4 s only. */
  start(onChange?: OnChange): void;
  stop(): Promise<void>;
};

const RELOAD_MS = 4_000;
const STALE_MS = 10_000;
const USES_MAX = TOKENS_MAX;
/** An unknown token may be seconds old: it is looked for, but a flood of them only so often. */
const LOOK_AGAIN_MS = 500;
const ADMIN_CHARS_MIN = 24;

export function createTokens({
  sql,
  clock,
  log,
  adminToken,
}: {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
  readonly adminToken: string | null | undefined;
}): Tokens {
  if (adminToken != null && adminToken.length < ADMIN_CHARS_MIN) {
    throw new PosternError('config_invalid', `POSTERN_ADMIN_TOKEN must have at least ${ADMIN_CHARS_MIN} characters`);
  }
  // Only its hash stays: it ends with the process and is nowhere else.
  const adminHash = adminToken == null ? null : hashToken(adminToken);
  let live = new Map<string, TokenRow>();
  let loadedAt = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | null = null;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  let uses = new Map<string, number>();

  async function read(): Promise<void> {
    const startedAt = clock.now();
    const rows = await selectLiveTokens(sql);
    live = new Map(rows.map((row) => [row.id, row]));
    loadedAt = startedAt;
  }

  /** One read at a time. A call during a read waits for another one after it: that read may have missed a revocation. */
  function load(): Promise<void> {
    if (loading !== null) {
      again = true;
      return loading;
    }
    loading = (async () => {
      try {
        do {
          again = false;
          await read();
        } while (again);
      } finally {
        loading = null;
      }
    })();
    return loading;
  }

  function reload(): void {
    load().catch((error: unknown) =>
      log.warn({ error: messageOf(error) }, 'tokens could not be read; they are read again'),
    );
  }

  async function flushUses(): Promise<void> {
    if (uses.size === 0) return;
    const taken = uses;
    uses = new Map();
    await noteTokenUses(sql, taken);
  }

  async function tick(): Promise<void> {
    try {
      await load();
      await flushUses();
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'tokens could not be read; they are read again');
    }
  }

  /** @throws PosternError `database_unreachable`: a token revoked meanwhile must not go on because nobody can ask. */
  async function loadOrRefuse(): Promise<void> {
    try {
      // A read that runs is joined: a flood of made-up tokens must not ask for one after the other.
      await (loading ?? load());
    } catch (cause) {
      throw new PosternError('database_unreachable', 'tokens cannot be checked now: the database does not answer', {
        cause,
      });
    }
  }

  return {
    load,
    async authenticate(token) {
      const hash = hashToken(token);
      if (adminHash !== null && isSameHash(adminHash, hash))
        return { name: 'token:POSTERN_ADMIN_TOKEN', roles: ['admin'] };
      const id = tokenId(token);
      if (id === null) return null;
      const age = clock.now() - loadedAt;
      if (age > STALE_MS || age < 0 || (!live.has(id) && age > LOOK_AGAIN_MS)) await loadOrRefuse();
      const row = live.get(id);
      if (row === undefined || !isSameHash(row.secret_hash, hash)) return null;
      const now = clock.now();
      if (row.expires_at !== null && row.expires_at.getTime() <= now) return null;
      if (uses.size < USES_MAX) uses.set(id, now);
      return { name: `token:${id}`, roles: row.roles.filter(isRole) };
    },
    start(onChange) {
      onChange?.(TOKENS_CHANNEL, reload);
      timer = setInterval(() => void tick(), RELOAD_MS);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      // Whoever began this read has told its failure; here it only must be over.
      await loading?.catch(() => undefined);
      await flushUses().catch((error: unknown) =>
        log.debug({ error: messageOf(error) }, 'the last uses of tokens were not noted'),
      );
    },
  };
}
