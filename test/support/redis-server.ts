import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';

/** A Redis of the test's own, on a socket in a folder of its own. */
export type RedisServer = {
  readonly socket: string;
  start(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** One command, as its administrator. */
  command(...args: readonly [string, ...string[]]): Promise<unknown>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
};

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
if (!hasRedis) console.warn('skipped: no redis-server on the PATH');

export function createRedisServer(): RedisServer {
  const folder = mkdtempSync(join(tmpdir(), 'postern-redis-'));
  const socket = join(folder, 's');
  let server: ChildProcess | undefined;

  async function command(...[name, ...args]: readonly [string, ...string[]]): Promise<unknown> {
    const redis = new Redis(socket, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return await redis.call(name, ...args);
    } finally {
      redis.disconnect();
    }
  }

  async function kill(): Promise<void> {
    const stopped = server;
    server = undefined;
    if (stopped === undefined || stopped.exitCode !== null || stopped.signalCode !== null) return;
    const exited = once(stopped, 'exit');
    stopped.kill('SIGKILL');
    await exited;
  }

  return {
    socket,
    command,
    kill,
    async start() {
      server = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder], {
        stdio: 'ignore',
      });
      await eventually(async () => {
        if ((await command('PING')) !== 'PONG') throw new Error('no answer yet');
      });
    },
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
