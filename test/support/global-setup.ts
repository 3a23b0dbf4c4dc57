import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { createLog } from '../../src/log.ts';
import { withDatabase } from '../../src/postgres/address.ts';
import { startEmbedded } from '../../src/postgres/embedded/start-embedded.ts';
import { migrate } from '../../src/postgres/migrate.ts';

/** One server a run, and in it one migrated template, which each test file clones. */
export type TestServer = { superuserUrl: string; loginUrl: string; login: string; template: string };

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: TestServer;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = createLog('warn');
  const server = await startServer(log);
  const template = `postern_template_${process.pid}`;
  const superuser = new pg.Client({ connectionString: server.superuserUrl });
  superuser.on('error', () => undefined);
  try {
    await superuser.connect();
    await superuser.query(`create database ${template} owner "${server.login}"`);
    await migrate({ url: withDatabase(server.loginUrl, template), log });
  } catch (error) {
    await superuser.end();
    await server.stop();
    throw error;
  }
  const { superuserUrl, loginUrl, login } = server;
  project.provide('postgres', { superuserUrl, loginUrl, login, template });
  return async () => {
    // A test file that was killed leaves its clone: on somebody's own server nothing of ours stays behind.
    const left = await superuser.query<{ datname: string }>('select datname from pg_database where datname ~ $1', [
      `^${template}(_|$)`,
    ]);
    for (const { datname } of left.rows) await superuser.query(`drop database if exists ${datname} with (force)`);
    await superuser.end();
    await server.stop();
  };
}

async function startServer(log: ReturnType<typeof createLog>) {
  const given = process.env.TEST_DATABASE_URL;
  if (given !== undefined && given !== '') {
    const client = new pg.Client({ connectionString: given });
    await client.connect();
    const { rows } = await client.query<{ login: string }>('select current_user::text as login');
    await client.end();
    return { superuserUrl: given, loginUrl: given, login: rows[0]?.login ?? '', stop: async () => undefined };
  }
  const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
  chmodSync(folder, 0o711);
  const embedded = await startEmbedded({ dataDir: folder, log });
  return {
    superuserUrl: embedded.superuserUrl,
    loginUrl: embedded.url,
    login: 'postern',
    stop: async () => {
      await embedded.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
