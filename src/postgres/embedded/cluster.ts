import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { PosternError } from '../../errors.ts';
import { withDatabase } from '../address.ts';
import { ensureRoles } from '../roles.ts';
import type { Binaries } from './binaries.ts';
import { type Connection, EMBEDDED_NAMES, ensurePasswords, type Folder, giveTo, SUPERUSER } from './folder.ts';

/** The major version whose programs come with this release. */
const MAJOR = '18';
const INITDB_MS = 120_000;

/** Makes the cluster where there is none; refuses one of another major version, which these programs cannot read. */
export async function ensureCluster(folder: Folder, binaries: Binaries): Promise<void> {
  const versionFile = join(folder.cluster, 'PG_VERSION');
  if (existsSync(versionFile)) {
    const version = readFileSync(versionFile, 'utf8').trim();
    if (version === MAJOR) return;
    throw new PosternError(
      'embedded_postgres',
      `${folder.cluster} holds data of Postgres ${version}, this release brings ${MAJOR}: dump it with ${version} and restore it, or set DATABASE_URL`,
    );
  }
  const { superuser } = ensurePasswords(folder);
  // Made beside and renamed: a kill in the midst of initdb leaves nothing that looks like a cluster.
  const making = `${folder.cluster}.new`;
  rmSync(making, { recursive: true, force: true });
  const passwordFile = `${making}.password`;
  writeFileSync(passwordFile, superuser, { mode: 0o600 });
  try {
    giveTo(passwordFile, folder.user);
    await runInitdb(folder, making, binaries, passwordFile);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(making, folder.cluster);
}

async function runInitdb(folder: Folder, making: string, binaries: Binaries, passwordFile: string): Promise<void> {
  // initdb runs as the server's user, which may not write in our folder: it is given its own, empty.
  mkdirSync(making, { mode: 0o700 });
  giveTo(making, folder.user);
  const args = [
    '-D',
    making,
    '-U',
    SUPERUSER,
    '--pwfile',
    passwordFile,
    '--auth',
    'scram-sha-256',
    '--encoding',
    'UTF8',
  ];
  // Not the synchronous spawn: it takes a second, in which the folder's lock has to answer.
  const failure = await new Promise<string | undefined>((resolve) => {
    execFile(
      binaries.initdb,
      [...args, '--locale', 'C', '--data-checksums'],
      {
        cwd: making,
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
        timeout: INITDB_MS,
        ...(folder.user === undefined ? {} : { uid: folder.user.uid, gid: folder.user.gid }),
      },
      (error, _output, complaints) => {
        const telling = complaints.split('\n').find((line) => /error|could not/.test(line));
        resolve(error === null ? undefined : (telling ?? error.message));
      },
    );
  });
  if (failure === undefined) return;
  rmSync(making, { recursive: true, force: true });
  throw new PosternError('embedded_postgres', `initdb failed: ${failure.replaceAll('\n', ' ')}`);
}

/**
 * The gateway's login (plain: no superuser, no right to make roles), its database and the two roles. The superuser's
 * only use; done at every start, so that a first start killed half-way is made good by the second.
 */
export async function ensureLogin(folder: Folder, connection: Connection): Promise<void> {
  const { gateway } = ensurePasswords(folder);
  const { login, database } = EMBEDDED_NAMES;
  const client = new pg.Client({ connectionString: connection.superuserUrl, application_name: 'postern start' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const role = await client.query('select from pg_roles where rolname = $1', [login]);
    const attributes = `login nosuperuser nocreaterole nocreatedb noreplication password '${gateway}'`;
    if (role.rowCount === 0) await client.query(`create role ${login} ${attributes}`);
    await ensureRoles(client, login);
    const existing = await client.query('select from pg_database where datname = $1', [database]);
    if (existing.rowCount === 0) await client.query(`create database ${database} owner ${login}`);
  } finally {
    await client.end();
  }
  const check = new pg.Client({ connectionString: withDatabase(connection.url, database) });
  check.on('error', () => undefined);
  await check.connect();
  await check.end();
}
