import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Folder } from './folder.ts';

export type FolderLock = { release(): Promise<void> };

/** Who holds the lock: a gateway for as long as it runs, or a command that will soon be done. */
export type Holder = { pid: number; kind: 'gateway' | 'command'; nonce: string };

const ANSWER_MS = 1_000;
const ATTEMPTS_MAX = 5;

/**
 * The exclusive right to start and stop the server of a folder: a listening socket, which the kernel takes away from a
 * process however it dies. A lock file would have to be judged by its process id, which may be somebody else's by then.
 */
export async function lockFolder(folder: Folder, kind: Holder['kind']): Promise<FolderLock | Holder> {
  const path = lockPath(folder);
  const self: Holder = { pid: process.pid, kind, nonce: randomBytes(8).toString('hex') };
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const holder = await askHolder(path);
    if (holder !== undefined) return holder;
    discardStale(path);
    // Bound under a name of our own and then linked: `link` refuses where somebody was faster.
    const own = `${path}.${self.nonce}`;
    const server = await listen(own, self);
    try {
      linkSync(own, path);
    } catch (error) {
      await close(server);
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') continue;
      throw error;
    } finally {
      rmSync(own, { force: true });
    }
    // Two that found one stale socket may each have removed it, the slower one ours: who answers now is the holder.
    if ((await askHolder(path))?.nonce === self.nonce) {
      return {
        async release() {
          if ((await askHolder(path))?.nonce === self.nonce) rmSync(path, { force: true });
          await close(server);
        },
      };
    }
    await close(server);
  }
  return (await askHolder(path)) ?? { pid: 0, kind, nonce: '' };
}

/** Who holds the folder now, if anybody. */
export function folderHolder(folder: Folder): Promise<Holder | undefined> {
  return askHolder(lockPath(folder));
}

function lockPath(folder: Folder): string {
  return join(folder.sockets, 'lock');
}

function discardStale(path: string): void {
  if (!existsSync(path)) return;
  const aside = `${path}.stale`;
  try {
    renameSync(path, aside);
    rmSync(aside, { force: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

function listen(path: string, self: Holder): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(JSON.stringify(self));
    });
    server.once('error', reject);
    server.listen(path, () => {
      // The lock alone must not keep a finished process from ending.
      server.unref();
      resolve(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function askHolder(path: string): Promise<Holder | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(path);
    // Connected, but silent: a holder that is stopped or very busy. It holds all the same.
    socket.setTimeout(ANSWER_MS, () => finish({ pid: 0, kind: 'gateway', nonce: '' }));
    const finish = (holder: Holder | undefined) => {
      socket.destroy();
      resolve(holder);
    };
    socket.on('error', () => finish(undefined));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('end', () => finish(text === '' ? undefined : (JSON.parse(text) as Holder)));
  });
}
