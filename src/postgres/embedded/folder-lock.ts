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
const SETTLE_MS = 200;

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
    const stale = existsSync(path) && (await askHolder(path)) === undefined;
    if (stale) await discardStale(path, self.nonce);
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
    // Of two that found one stale socket the slower may yet take ours away: it has had its time after this.
    if (stale) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
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
  return (await askHolder(path)) ?? { pid: 0, kind: 'gateway', nonce: '' };
}

function lockPath(folder: Folder): string {
  return join(folder.sockets, 'lock');
}

/** A dead holder's socket is taken away by renaming, looked at once more, and put back if it is alive after all. */
async function discardStale(path: string, nonce: string): Promise<void> {
  const aside = `${path}.stale.${nonce}`;
  try {
    renameSync(path, aside);
    if ((await askHolder(aside)) !== undefined) linkSync(aside, path);
  } catch (error) {
    // Somebody else was faster with the one or the other.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EEXIST')))
      throw error;
  } finally {
    rmSync(aside, { force: true });
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
