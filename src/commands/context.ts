import type pg from 'pg';
import type { ApiCalls } from '../api-calls.ts';
import { type Clock, systemClock } from '../clock.ts';
import { type Config, type Environment, readConfig } from '../config.ts';
import { type Database, openDatabase } from '../database.ts';
import { createLog, type LogLevel } from '../log.ts';
import { createPools } from '../postgres/pools.ts';
import { type Sql, sqlOf } from '../postgres/sql.ts';

/** The database as a command works on it, for the length of the command. */
export type CommandDatabase = Pick<Database, 'keyring' | 'limited' | 'applied' | 'serverVersion' | 'role'> & {
  readonly pool: pg.Pool;
  readonly sql: Sql;
  /** A connection of its own for one long read; whoever makes it ends it. */
  reader(): pg.Client;
};

/** What every command is given. */
export type CommandContext = {
  /** True after `--json`: known once the command line is read, so ask inside an action. */
  readonly json: boolean;
  /** Who the audit log names: `cli:<user>`. */
  readonly actor: string;
  readonly clock: Clock;
  /** @throws PosternError `config_invalid`: `--help` needs no right environment, so it is read when asked for. */
  config(): Config;
  /** `DATABASE_URL`, else the data folder's server: found running, or started for this command. */
  withDatabase<T>(work: (database: CommandDatabase) => Promise<T>, options?: { migrating?: boolean }): Promise<T>;
  /** Prints a line (or several) on standard output. */
  out(text: string): void;
  /** Prints what has no end, no faster than it is read. */
  stream(text: AsyncIterable<string | Uint8Array>): Promise<void>;
  /** Standard input as text, for secrets that must not stand in the shell's history. */
  input(): Promise<string>;
  /** Ends the command with exit status 1, for what was found rather than thrown. */
  fail(): void;
  /** Calls `stop` at SIGINT and SIGTERM until the returned function is called. */
  onSignal(stop: (signal: NodeJS.Signals) => void): () => void;
  /** How long what is in hand may take to finish once it was told to stop. */
  readonly stopWithinMs: number;
  /** Stands in for the processors' APIs: tests only. */
  readonly apiCalls?: ApiCalls;
};

const STDERR = 2;

export function createCommandContext(parts: {
  env: Environment;
  isJson: () => boolean;
  user: string;
  out: (text: string) => void;
  stream: CommandContext['stream'];
  input: () => Promise<string>;
  fail: () => void;
  onSignal: CommandContext['onSignal'];
  stopWithinMs: number;
}): CommandContext {
  const { env, isJson, user, out, stream, input, fail, onSignal, stopWithinMs } = parts;
  const config = (): Config => readConfig(env);
  return {
    get json() {
      return isJson();
    },
    actor: `cli:${user}`,
    clock: systemClock,
    config,
    out,
    stream,
    input,
    fail,
    onSignal,
    stopWithinMs,
    async withDatabase(work, options = {}) {
      const settings = config();
      // Standard output is the answer's alone: a log line in it would break `--json`.
      const log = createLog(quieter(settings.logLevel), STDERR);
      const database = await openDatabase(settings, log, { exclusive: false, actor: `cli:${user}`, ...options });
      try {
        const pools = createPools(database.url, { log, role: database.role });
        try {
          return await work({ ...database, pool: pools.api, sql: sqlOf(pools.api), reader: pools.reader });
        } finally {
          await pools.end();
        }
      } finally {
        await database.close();
      }
    },
  };
}

/** What a gateway tells as it goes along is noise beside a command's answer. */
function quieter(level: LogLevel): LogLevel {
  return level === 'info' ? 'warn' : level;
}
