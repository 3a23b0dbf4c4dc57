import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { createTokenService } from '../access/token-service.ts';
import { insertAudit, selectAudit } from '../audit-store.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Database } from '../database.ts';
import { findEndpoint } from '../endpoints/endpoint-store.ts';
import { createEndpointService } from '../endpoints/service.ts';
import { sqlOf, withTransaction } from '../postgres/sql.ts';
import { providers } from '../providers/index.ts';

export const SAMPLE = { provider: 'stripe', name: 'sample', account: 'sample' } as const;

/** What the first start made. The token is null where `POSTERN_ADMIN_TOKEN` is set. */
export type FirstStart = { readonly token: string | null; readonly sampleSecret: string };

export type FirstStartParts = {
  readonly config: Config;
  readonly database: Pick<Database, 'embedded' | 'keyring'>;
  readonly pool: pg.Pool;
  readonly clock: Clock;
};

const ACTOR = 'system';
const NOTED = 'gateway.first_start';
const OVERLAP_MS = 3_600_000;

export function adminTokenFile(config: Config): string {
  return join(config.dataDir, 'admin-token');
}

/**
 * On the embedded database's first start: the admin token and the endpoint to try it with; null at every other. What an
 * attempt that ended before it listened (a port in use) had made already is used again.
 */
export async function prepareFirstStart(parts: FirstStartParts): Promise<FirstStart | null> {
  const { config, database, pool } = parts;
  if (!database.embedded) return null;
  // Not whether the schema is new: a command may have made the database before the first start.
  const noted = await selectAudit(sqlOf(pool), { action: NOTED }, { before: null, limit: 1 });
  if (noted.length > 0) return null;
  return {
    token: config.adminToken === null ? await ensureAdminToken(config, pool) : null,
    sampleSecret: await ensureSample(parts),
  };
}

/** Once the gateway listens and has told: from here on it is not the first start any more. */
export async function noteFirstStart(pool: pg.Pool): Promise<void> {
  const subject = `endpoint:${SAMPLE.provider}/${SAMPLE.name}`;
  await withTransaction(pool, (tx) => insertAudit(tx, { actor: ACTOR, action: NOTED, subject }));
}

/** The token kept in the data folder, or null where there is none. */
export function readAdminToken(config: Config): string | null {
  try {
    const token = readFileSync(adminTokenFile(config), 'utf8').trim();
    return token === '' ? null : token;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function ensureAdminToken(config: Config, pool: pg.Pool): Promise<string> {
  const kept = readAdminToken(config);
  if (kept !== null) return kept;
  const tokens = createTokenService({ pool });
  const { token } = await tokens.create({ name: 'first-start', roles: ['admin'], expiresAt: null }, ACTOR);
  const file = adminTokenFile(config);
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${token}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  // By rename: a crash never leaves half a token.
  renameSync(temporary, file);
  return token;
}

async function ensureSample({ database, pool, clock }: FirstStartParts): Promise<string> {
  const { keyring } = database;
  const endpoints = createEndpointService({ pool, providers, keyring, clock });
  const { provider, name, account } = SAMPLE;
  const secret = `whsec_${randomBytes(24).toString('base64url')}`;
  const made = await findEndpoint(sqlOf(pool), provider, name);
  if (made === undefined) {
    await endpoints.create({ provider, name, secrets: [{ secret }], settings: { mode: 'test', account } }, ACTOR);
  } else {
    // The secret of the attempt before cannot be read back.
    await endpoints.rotate(made.id, secret, OVERLAP_MS, ACTOR);
  }
  return secret;
}
