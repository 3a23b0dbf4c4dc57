import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createLog } from '../../src/log.ts';
import { withDatabase } from '../../src/postgres/address.ts';
import { livePostmaster } from '../../src/postgres/embedded/postmaster.ts';
import { type Embedded, startEmbedded } from '../../src/postgres/embedded/start-embedded.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { type Sql, sqlOf, sqlTypes } from '../../src/postgres/sql.ts';

/** A Postgres that one test may stop, start and pause without disturbing others; to the gateway it is a DATABASE_URL. */
export type OwnPostgres = {
  readonly url: string;
  /** As superuser. */
  readonly sql: Sql;
  readonly pool: pg.Pool;
  /** SIGSTOP to every process of the server: it neither answers nor refuses. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
  /** SIGKILL to every process of the server. It stays away until `start`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
};

export async function createOwnPostgres(): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-fault-'));
  // As root, Postgres runs as another user, who must be able to enter.
  chmodSync(folder, 0o711);
  const log = createLog('silent');
  let server: Embedded | undefined = await startEmbedded({ dataDir: folder, log });
  const { superuserUrl, url } = server;
  await migrate({ url, log });
  const pool = new pg.Pool({ connectionString: withDatabase(superuserUrl, 'postern'), max: 2, types: sqlTypes });
  // The idle connections of a server that is stopped end: that is the test.
  pool.on('error', () => undefined);
  const signal = (name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void => {
    for (const pid of serverProcesses(folder)) process.kill(pid, name);
  };
  return {
    url,
    sql: sqlOf(pool),
    pool,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async stop() {
      await server?.stop();
      server = undefined;
    },
    async kill() {
      signal('SIGKILL');
      // In the same turn: it would be started again, as the server of a gateway is.
      await server?.stop();
      server = undefined;
    },
    async start() {
      server ??= await startEmbedded({ dataDir: folder, log });
    },
    async remove() {
      await pool.end();
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The postmaster first: paused, it makes no more children. */
function serverProcesses(folder: string): number[] {
  const postmaster = livePostmaster(join(folder, 'postgres'))?.pid;
  if (postmaster === undefined) throw new Error('the server does not run');
  return [postmaster, ...childrenOf(postmaster)];
}

function childrenOf(pid: number): number[] {
  // macOS has no /proc, but always pgrep.
  const names = existsSync('/proc/self/stat')
    ? readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    : execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
        .trim()
        .split('\n');
  return names.map(Number);
}

/** The fourth field of /proc/PID/stat; the second, the name, may hold blanks and is in brackets. */
function parentOf(pid: string): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '');
    return Number(fields.split(' ')[1]);
  } catch {
    return undefined; // Ended while we looked.
  }
}
