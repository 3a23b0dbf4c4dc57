import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { type Database, openDatabase } from '../src/database.ts';
import type { Keyring } from '../src/encryption.ts';
import { createLog } from '../src/log.ts';
import { type Child, startChild } from './child.ts';
import { addBenchEndpoint, BENCH_ENDPOINT } from './endpoint.ts';
import type { GeneratorAnswer, GeneratorOrder } from './generator.ts';
import type { LoadPlan, LoadResult } from './load.ts';
import type { ServerAnswer, ServerMode, ServerOrder } from './server.ts';

/** The test stand: a database of its own, the generator's process, and a fresh server process for each measurement. */
export type Stand = {
  readonly sql: pg.Pool;
  readonly databaseUrl: string;
  readonly role: Database['role'];
  readonly keyring: Keyring;
  /** Temporary. */
  readonly folder: string;
  readonly version: string;
  /** Starts a server of `mode`, hands it over, and ends it whatever happens. */
  withServer<T>(mode: ServerMode, use: (server: Server) => Promise<T>): Promise<T>;
  /** Starts one that acknowledges and posts, to be killed by its user. */
  startDoomedServer(): Promise<{ readonly url: string; kill(): Promise<void> }>;
  /** The highest memory of any gateway process so far, in MB. */
  rssMb(): number;
  close(): Promise<void>;
};

export type Server = {
  readonly port: number;
  /** Signs `count` new requests for it; their run's name is returned. */
  prepare(count: number): Promise<string>;
  load(plan: Omit<LoadPlan, 'port'>): Promise<LoadResult>;
};

const ANSWER_S = 300;

/** On `DATABASE_URL` where it is given, else on an embedded server in a temporary folder. */
export async function openStand(databaseUrl: string | null): Promise<Stand> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-bench-'));
  // As root, Postgres runs as another user, who must be able to enter.
  await chmod(folder, 0o711);
  const dataDir = join(folder, 'data');
  const keys = `bench:${randomBytes(32).toString('base64')}`;
  const config = { ...readConfig({}), dataDir, databaseUrl, encryptionKeys: keys };
  const database: Database = await openDatabase(config, createLog('warn'), { exclusive: true, migrating: true });
  const sql = new pg.Pool({ connectionString: database.url, max: 2 });
  sql.on('error', (error) => console.error(error.message));
  await addBenchEndpoint(database);
  const generator = startChild<GeneratorOrder, GeneratorAnswer>('./generator.ts');
  let runs = 0;
  let rssMb = 0;

  async function withServer<T>(mode: ServerMode, use: (server: Server) => Promise<T>): Promise<T> {
    const child: Child<ServerOrder, ServerAnswer> = startChild('./server.ts');
    try {
      const started = await child.ask({
        kind: 'start',
        mode,
        database: { url: database.url, role: database.role },
        keys,
        dataDir: folder,
      });
      if (started.kind !== 'started') throw new Error(`the server said ${started.kind}`);
      const { port } = started;
      const result = await use({
        port,
        async prepare(count) {
          runs += 1;
          const run = String(runs).padStart(6, '0');
          const { path, secret } = BENCH_ENDPOINT;
          await generator.ask(
            { kind: 'make', shape: { host: `127.0.0.1:${port}`, path, secret, run, count, now: Date.now() } },
            ANSWER_S,
          );
          return run;
        },
        async load(plan) {
          const answer = await generator.ask({ kind: 'load', plan: { ...plan, port } }, ANSWER_S);
          if (answer.kind !== 'loaded') throw new Error(`the generator said ${answer.kind}`);
          return answer.result;
        },
      });
      const stopped = await child.ask({ kind: 'stop' });
      if (stopped.kind === 'stopped' && mode.startsWith('acknowledge')) rssMb = Math.max(rssMb, stopped.rssMb);
      return result;
    } finally {
      await child.end();
    }
  }

  async function startDoomedServer(): Promise<{ url: string; kill(): Promise<void> }> {
    const child: Child<ServerOrder, ServerAnswer> = startChild('./server.ts');
    const kill = async (): Promise<void> => {
      child.kill();
      await child.end();
    };
    try {
      const started = await child.ask({
        kind: 'start',
        mode: 'acknowledge_and_post',
        database: { url: database.url, role: database.role },
        keys,
        dataDir: folder,
      });
      if (started.kind !== 'started') throw new Error(`the server said ${started.kind}`);
      return { url: `http://127.0.0.1:${started.port}`, kill };
    } catch (error) {
      await kill();
      throw error;
    }
  }

  return {
    sql,
    databaseUrl: database.url,
    role: database.role,
    keyring: database.keyring,
    folder,
    version: String((await sql.query<{ server_version: string }>('show server_version')).rows[0]?.server_version),
    withServer,
    startDoomedServer,
    rssMb: () => rssMb,
    async close() {
      await generator.end();
      await sql.end();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
