import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PosternError } from '../../errors.ts';
import { socketUrl } from '../address.ts';
import type { ServerUser } from './server-user.ts';

/** The data folder: where everything of the embedded server lies. */
export type Folder = {
  root: string;
  cluster: string;
  /** Holds the server's socket and ours; 0700. */
  sockets: string;
  connectionFile: string;
  serverLog: string;
  user: ServerUser;
};

/** What a second process needs to use the running server. The gateway logs in as a plain role. */
export type Connection = { url: string; superuserUrl: string };

export const SOCKET_PORT = 5432;
/** A socket's path may have 107 bytes (103 on macOS), `/.s.PGSQL.5432.lock` included. */
const SOCKET_FOLDER_BYTES_MAX = 80;

export function openFolder(dataDir: string, user: ServerUser): Folder {
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const root = realpathSync(dataDir);
  const sockets = socketFolder(root, user);
  return {
    root,
    sockets,
    cluster: join(root, 'postgres'),
    connectionFile: join(root, 'connection.json'),
    serverLog: join(root, 'postgres.log'),
    user,
  };
}

function socketFolder(root: string, user: ServerUser): string {
  const own = join(root, 'run');
  if (Buffer.byteLength(own) <= SOCKET_FOLDER_BYTES_MAX) {
    mkdirSync(own, { recursive: true, mode: 0o700 });
    giveTo(own, user);
    return own;
  }
  const short = join(tmpdir(), `postern-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`);
  if (!existsSync(short)) {
    mkdirSync(short, { mode: 0o700 });
    giveTo(short, user);
  }
  // Anyone may make a folder of this name in the temporary folder first, and would then be asked for the password.
  const { uid, mode } = statSync(short);
  if (uid !== (user?.uid ?? process.getuid?.() ?? uid) || (mode & 0o077) !== 0) {
    throw new PosternError(
      'embedded_postgres',
      `${short} belongs to somebody else: remove it, or choose a shorter POSTERN_DATA_DIR`,
    );
  }
  return short;
}

export function giveTo(path: string, user: ServerUser): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid);
}

const GATEWAY_LOGIN = 'postern';
export const SUPERUSER = 'postgres';
const DATABASE = 'postern';

type Passwords = { gateway: string; superuser: string };

/** The connection as the file has it, or undefined when this folder has none yet. */
export function readConnection(folder: Folder): Connection | undefined {
  if (!existsSync(folder.connectionFile)) return undefined;
  return connectionOf(folder, readPasswords(folder));
}

/** Makes the passwords once; they are random because the socket alone would let in whoever is let into the folder. */
export function ensurePasswords(folder: Folder): Passwords {
  if (existsSync(folder.connectionFile)) return readPasswords(folder);
  const passwords = { gateway: randomBytes(24).toString('hex'), superuser: randomBytes(24).toString('hex') };
  writeConnection(folder, passwords);
  return passwords;
}

/** Written anew at each start: the socket's place changes when the folder is moved. */
export function writeConnection(folder: Folder, passwords: Passwords): Connection {
  const connection = connectionOf(folder, passwords);
  const temporary = `${folder.connectionFile}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify({ ...passwords, url: connection.url }, null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  // By rename: a reader never sees half a file, a crash never leaves one.
  renameSync(temporary, folder.connectionFile);
  return connection;
}

function readPasswords(folder: Folder): Passwords {
  const content: unknown = JSON.parse(readFileSync(folder.connectionFile, 'utf8'));
  if (
    typeof content === 'object' &&
    content !== null &&
    'gateway' in content &&
    typeof content.gateway === 'string' &&
    'superuser' in content &&
    typeof content.superuser === 'string'
  ) {
    return { gateway: content.gateway, superuser: content.superuser };
  }
  throw new PosternError(
    'embedded_postgres',
    `${folder.connectionFile} is damaged: it holds the database's passwords; restore it`,
  );
}

function connectionOf(folder: Folder, passwords: Passwords): Connection {
  const address = { folder: folder.sockets, port: SOCKET_PORT };
  return {
    url: socketUrl({ ...address, user: GATEWAY_LOGIN, password: passwords.gateway, database: DATABASE }),
    superuserUrl: socketUrl({ ...address, user: SUPERUSER, password: passwords.superuser, database: 'postgres' }),
  };
}

export const EMBEDDED_NAMES = { login: GATEWAY_LOGIN, database: DATABASE } as const;
