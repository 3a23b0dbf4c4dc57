import { mkdirSync } from 'node:fs';
import { type Keyring, makeKeyFile, parseKeyring, readKeyFile } from '../encryption.ts';
import { PosternError } from '../errors.ts';
import type { Sql } from './sql.ts';

const CHECK_AAD = 'postern.database';
const CHECK_TEXT = 'postern';

/** Where keys may come from: `POSTERN_ENCRYPTION_KEYS`, else the file in the data folder. */
export type KeySource = { encryptionKeys: string | null; dataDir: string };

type DatabaseRow = { system_identifier: string; encryption_key_id: string | null; encryption_check: Buffer | null };

export type OpenedDatabase = {
  keyring: Keyring;
  /** Names this server in cache keys, so that a fail-over or a restore starts the cache empty. */
  systemIdentifier: string;
  /** True when the row was written on another server: the database was restored or moved. */
  moved: boolean;
};

/**
 * The database's identity and its key, at start. The database notes which key encrypts its secrets, with a text sealed by
 * it: an instance without that key does not start, rather than answer every webhook with 401. A key is made only for a
 * database that names none, never beside one that wants a key we lack.
 */
export async function openDatabase(sql: Sql, source: KeySource): Promise<OpenedDatabase> {
  const systemIdentifier = await readSystemIdentifier(sql);
  await sql.query('insert into postern.database (system_identifier) values ($1) on conflict do nothing', [
    systemIdentifier,
  ]);
  let row = await readRow(sql);
  const keyring = readKeyring(source) ?? newKeyring(row, source);
  if (row.encryption_key_id === null) {
    // Two instances may note their keys at once: the first one counts, and the other is then refused below.
    await sql.query(
      'update postern.database set encryption_key_id = $1, encryption_check = $2 where encryption_key_id is null',
      [keyring.primaryId, keyring.seal(CHECK_AAD, CHECK_TEXT)],
    );
    row = await readRow(sql);
  }
  if (row.encryption_key_id !== null && !keyring.ids.includes(row.encryption_key_id))
    throw missingKey(row.encryption_key_id, source);
  // Throws when it is another key of the same id.
  if (row.encryption_check !== null) keyring.open(CHECK_AAD, row.encryption_check);
  return { keyring, systemIdentifier, moved: row.system_identifier !== systemIdentifier };
}

/** Notes the first key as the database's, after `endpoint rekey` moved everything to it. */
export async function noteKey(sql: Sql, keyring: Keyring): Promise<void> {
  await sql.query('update postern.database set encryption_key_id = $1, encryption_check = $2', [
    keyring.primaryId,
    keyring.seal(CHECK_AAD, CHECK_TEXT),
  ]);
}

/** Takes a restored or moved database as this server's, once what that asks for is done. */
export async function noteMove(sql: Sql, systemIdentifier: string): Promise<void> {
  await sql.query('update postern.database set system_identifier = $1', [systemIdentifier]);
}

function readKeyring(source: KeySource): Keyring | undefined {
  return source.encryptionKeys === null ? readKeyFile(source.dataDir) : parseKeyring(source.encryptionKeys);
}

function newKeyring(row: DatabaseRow, source: KeySource): Keyring {
  if (row.encryption_key_id !== null) throw missingKey(row.encryption_key_id, source);
  mkdirSync(source.dataDir, { recursive: true, mode: 0o711 });
  return makeKeyFile(source.dataDir);
}

function missingKey(id: string, source: KeySource): PosternError {
  const where = source.encryptionKeys === null ? `${source.dataDir}/keys` : 'POSTERN_ENCRYPTION_KEYS';
  return new PosternError(
    'encryption_key',
    `the secrets in this database are encrypted with the key "${id}", which ${where} does not hold: bring that key`,
  );
}

async function readRow(sql: Sql): Promise<DatabaseRow> {
  const { rows } = await sql.query<DatabaseRow>(
    'select system_identifier, encryption_key_id, encryption_check from postern.database',
  );
  const row = rows[0];
  if (row === undefined)
    throw new PosternError('database_schema', 'the row of postern.database is gone: restore it from a backup');
  return row;
}

async function readSystemIdentifier(sql: Sql): Promise<string> {
  const { rows } = await sql.query<{ id: string }>('select system_identifier::text as id from pg_control_system()');
  return rows[0]?.id ?? '';
}
