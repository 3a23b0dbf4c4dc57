import pg from 'pg';
import { insertAudit } from './audit-store.ts';
import type { Config } from './config.ts';
import type { Keyring } from './encryption.ts';
import { sealFound } from './ledger/log-store.ts';
import type { Log } from './log.ts';
import { withSettings } from './postgres/address.ts';
import { noteMove, openDatabase as openIdentity } from './postgres/database-store.ts';
import { connectEmbedded, startEmbedded } from './postgres/embedded/start-embedded.ts';
import { type Migrated, migrate } from './postgres/migrate.ts';
import { sqlOf, sqlTypes, type Tx } from './postgres/sql.ts';

/** The database a process works on, brought to this release. */
export type Database = {
  readonly url: string;
  /** What connections run as; null where the login may not have roles of its own. */
  readonly role: 'postern_app' | null;
  /** Why there are no roles, for `doctor`. */
  readonly limited: string | null;
  readonly embedded: boolean;
  /** True when this start made the embedded database. */
  readonly firstStart: boolean;
  readonly applied: readonly string[];
  readonly serverVersion: number;
  readonly keyring: Keyring;
  /** Stops what we started; last of all. */
  close(): Promise<void>;
};

/**
 * DATABASE_URL, or the embedded server of the data folder: started for a gateway (`exclusive`), found running or started
 * for the length of a command otherwise.
 */
export async function openDatabase(
  config: Config,
  log: Log,
  {
    exclusive,
    migrating = config.migrate,
    actor = 'system',
  }: { exclusive: boolean; migrating?: boolean; actor?: string },
): Promise<Database> {
  const server =
    config.databaseUrl !== null
      ? { url: config.databaseUrl, stop: async () => undefined }
      : await (exclusive ? startEmbedded : connectEmbedded)({ dataDir: config.dataDir, log });
  try {
    const { url } = server;
    const state = await migrate({ url, log, waitS: config.databaseWaitS, only: migrating ? 'apply' : 'check' });
    const embedded = config.databaseUrl === null;
    return {
      url,
      ...state,
      keyring: await openKeyring({ config, url, log, actor }, state),
      embedded,
      firstStart: embedded && state.applied.includes(FIRST_MIGRATION),
      close: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

const FIRST_MIGRATION = '0001-foundation.sql';

/** The key this database's secrets are under; an instance that lacks it does not start. */
async function openKeyring(
  { config, url, log, actor }: { config: Config; url: string; log: Log; actor: string },
  { role, applied }: Migrated,
): Promise<Keyring> {
  const client = new pg.Client({
    connectionString: withSettings(url, role === null ? {} : { role }),
    application_name: 'postern start',
    types: sqlTypes,
  });
  await client.connect();
  try {
    const sql = sqlOf(client);
    const { encryptionKeys, dataDir } = config;
    const { keyring, moved, systemIdentifier } = await openIdentity(sql, { encryptionKeys, dataDir });
    if (applied.length > 0)
      await insertAudit(sql as Tx, {
        actor,
        action: 'database.migrate',
        subject: `database:${applied.at(-1)}`,
        details: { applied },
      });
    if (moved) {
      log.warn({ systemIdentifier }, 'this database was restored or moved to another server');
      await sql.query(
        `insert into postern.audit_log (actor, action, subject, reason) values ('postern', 'database.moved', $1, 'found at start')`,
        [systemIdentifier],
      );
      // Another server counts its transactions anew, and the log goes by that count.
      const sealed = await sealFound(sql);
      log.warn({ sealed }, 'what was found is sealed in the log');
      await noteMove(sql, systemIdentifier);
    }
    return keyring;
  } finally {
    await client.end();
  }
}
