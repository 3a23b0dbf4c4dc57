import type { Config } from './config.ts';
import type { Log } from './log.ts';
import { connectEmbedded, startEmbedded } from './postgres/embedded/start-embedded.ts';
import { migrate } from './postgres/migrate.ts';

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
  { exclusive, migrating = config.migrate }: { exclusive: boolean; migrating?: boolean },
): Promise<Database> {
  if (config.databaseUrl !== null) {
    const url = config.databaseUrl;
    const state = await migrate({ url, log, waitS: config.databaseWaitS, only: migrating ? 'apply' : 'check' });
    return { url, ...state, embedded: false, firstStart: false, close: async () => undefined };
  }
  const options = { dataDir: config.dataDir, log };
  const server = exclusive ? await startEmbedded(options) : await connectEmbedded(options);
  try {
    const state = await migrate({
      url: server.url,
      log,
      waitS: config.databaseWaitS,
      only: migrating ? 'apply' : 'check',
    });
    const firstStart = state.applied.includes(FIRST_MIGRATION);
    return { url: server.url, ...state, embedded: true, firstStart, close: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

const FIRST_MIGRATION = '0001-foundation.sql';
