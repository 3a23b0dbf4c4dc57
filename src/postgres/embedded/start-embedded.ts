import { PosternError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { findBinaries } from './binaries.ts';
import { ensureCluster, ensureLogin } from './cluster.ts';
import { ensurePasswords, type Folder, openFolder, readConnection, writeConnection } from './folder.ts';
import { type FolderLock, type Holder, lockFolder } from './folder-lock.ts';
import { livePostmaster } from './postmaster.ts';
import { startServer } from './server.ts';
import { requireTraversable, serverUser } from './server-user.ts';

export type Embedded = {
  /** For the gateway's login: a plain role. */
  url: string;
  /** For start-up and tests only. */
  superuserUrl: string;
  /** True when a server was found running and is used. */
  adopted: boolean;
  /** Stops the server if we started it (last of all: everything else needs it), and gives the folder back. */
  stop(): Promise<void>;
};

export type EmbeddedOptions = { dataDir: string; log: Log };

const HOLDER_WAIT_MS = 10_000;
const LOOK_MS = 50;

/** The server for `start`: exclusive; a second `start` on the folder is refused with one line. */
export async function startEmbedded({ dataDir, log }: EmbeddedOptions): Promise<Embedded> {
  const folder = openFolder(dataDir, serverUser());
  const deadline = performance.now() + HOLDER_WAIT_MS;
  for (;;) {
    const lock = await lockFolder(folder, 'gateway');
    if (isLock(lock)) return runServer(folder, lock, log);
    // A command is soon done with it; a gateway is not.
    if (lock.kind === 'gateway' || performance.now() > deadline) throw inUse(folder, lock);
    await pause(LOOK_MS);
  }
}

/** The server for commands and further processes: the running one, or one started for us and stopped by us. */
export async function connectEmbedded({ dataDir, log }: EmbeddedOptions): Promise<Embedded> {
  const folder = openFolder(dataDir, serverUser());
  const deadline = performance.now() + HOLDER_WAIT_MS;
  for (;;) {
    const lock = await lockFolder(folder, 'command');
    if (isLock(lock)) return runServer(folder, lock, log);
    const connection = readConnection(folder);
    if (connection !== undefined && livePostmaster(folder.cluster)?.status === 'ready') {
      return { ...connection, adopted: true, stop: () => Promise.resolve() };
    }
    if (performance.now() > deadline) {
      throw new PosternError(
        'embedded_postgres',
        `process ${lock.pid} holds ${folder.root}, but its Postgres does not answer yet: try again, or see ${folder.serverLog}`,
      );
    }
    await pause(LOOK_MS);
  }
}

async function runServer(folder: Folder, lock: FolderLock, log: Log): Promise<Embedded> {
  try {
    const binaries = findBinaries();
    requireTraversable(folder.root, folder.user, 'set POSTERN_DATA_DIR to a folder it may enter, or set DATABASE_URL');
    requireTraversable(binaries.root, folder.user, 'install Postern where it may, or set DATABASE_URL');
    await ensureCluster(folder, binaries);
    const server = await startServer(folder, binaries, log);
    try {
      const connection = writeConnection(folder, ensurePasswords(folder));
      await ensureLogin(folder, connection);
      return {
        ...connection,
        adopted: server.adopted,
        async stop() {
          await server.stop();
          await lock.release();
        },
      };
    } catch (error) {
      await server.stop();
      throw error;
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function isLock(result: FolderLock | Holder): result is FolderLock {
  return 'release' in result;
}

function inUse(folder: Folder, holder: Holder): PosternError {
  const who = holder.pid === 0 ? 'another process' : `process ${holder.pid}`;
  return new PosternError(
    'data_folder_in_use',
    `the data folder ${folder.root} is in use by ${who}: stop it, or set POSTERN_DATA_DIR to another folder`,
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
