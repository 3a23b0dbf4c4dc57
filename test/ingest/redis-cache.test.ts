import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DuplicateCache } from '../../src/ingest/duplicate-cache.ts';
import { createRedisCache } from '../../src/ingest/redis-cache.ts';
import { createRedisStore } from '../../src/ingest/redis-store.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { eventually } from '../support/eventually.ts';

const ID = '01890000-0000-7000-8000-000000000001';
const OTHER = '01890000-0000-7000-8000-000000000002';

const given = process.env.REDIS_URL;
const onPath = spawnSync('redis-server', ['--version']).status === 0;
if (given === undefined && !onPath) console.warn('skipped: no redis-server on the PATH, and no REDIS_URL');

const clock = { now: () => Date.now() };
const log = createLog('silent');
type RedisCache = DuplicateCache & { close(): Promise<void> };
let folder: string;
let url: string;
let server: ChildProcess | undefined;

async function startServer(): Promise<void> {
  server = spawn('redis-server', ['--port', '0', '--unixsocket', join(folder, 's'), '--save', '', '--dir', folder], {
    stdio: 'ignore',
  });
}

async function stopServer(): Promise<void> {
  const stopped = server;
  server = undefined;
  if (stopped === undefined || stopped.exitCode !== null) return;
  const exit = new Promise((resolve) => stopped.once('exit', resolve));
  stopped.kill('SIGKILL');
  await exit;
}

function stayBusy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

async function connected(cache: RedisCache): Promise<void> {
  await eventually(async () => {
    expect(cache.stats().connected).toBe(true);
    // The first question makes it read the database's identity.
    await cache.get('nothing');
    cache.put('probe', [ID]);
    expect(await cache.get('probe')).toEqual([ID]);
  });
}

describe.skipIf(given === undefined && !onPath)('the duplicate cache in Redis', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postern-redis-'));
    url = given ?? join(folder, 's');
    if (given === undefined) await startServer();
  });
  afterAll(async () => {
    await stopServer();
    rmSync(folder, { recursive: true, force: true });
  });

  const identity = `test.${process.pid}`;
  const openAs = (databaseIdentity: () => Promise<string>): RedisCache => {
    const store = createRedisStore(url, { databaseIdentity, log, metrics: createMetrics({ process: false }) });
    return { ...createRedisCache(store, clock), close: () => store.close() };
  };
  const open = (name = identity): RedisCache => openAs(async () => name);

  it('shares what one instance remembers with another of the same database, and no other', async () => {
    const [one, two, elsewhere] = [open(), open(), open(`${identity}.2`)];
    await Promise.all([connected(one), connected(two), connected(elsewhere)]);
    one.put('key', [ID, OTHER]);
    await eventually(async () => expect(await two.get('key')).toEqual([ID, OTHER]));
    expect(await elsewhere.get('key')).toBeUndefined();
    await Promise.all([one.close(), two.close(), elsewhere.close()]);
  });

  it('does not call Redis slow for an answer that this process was too busy to read', async () => {
    const [one, two, busy] = [open(), open(), open()];
    await Promise.all([connected(one), connected(two), connected(busy)]);
    one.put('busy', [ID, OTHER]);
    await eventually(async () => expect(await two.get('busy')).toEqual([ID, OTHER]));
    const asked = busy.get('busy');
    // Timers are looked at next, sockets after them.
    await new Promise<void>((resolve) => setImmediate(() => resolve(stayBusy(200))));
    expect(await asked).toEqual([ID, OTHER]);
    await Promise.all([one.close(), two.close(), busy.close()]);
  });

  it('forgets its own memory when the connection to the database was lost', async () => {
    let name = `${identity}.a`;
    const cache = openAs(async () => name);
    await connected(cache);
    cache.put('key', [ID]);
    name = `${identity}.b`;
    cache.clear();
    await connected(cache);
    expect(await cache.get('key')).toBeUndefined();
    await cache.close();
  });

  it('takes no answer that began before the connection to the database was lost', async () => {
    const before = open(`${identity}.old`);
    await connected(before);
    before.put('late', [ID]);
    const readings: ((name: string) => void)[] = [];
    const cache = openAs(() => new Promise((resolve) => readings.push(resolve)));
    await eventually(async () => {
      await cache.get('late');
      expect(readings).toHaveLength(1);
    });
    cache.clear();
    readings[0]?.(`${identity}.old`);
    await eventually(async () => {
      await cache.get('late');
      expect(readings).toHaveLength(2);
    });
    expect(await cache.get('late')).toBeUndefined();
    readings[1]?.(`${identity}.old`);
    await eventually(async () => expect(await cache.get('late')).toEqual([ID]));
    const asked = cache.get('late');
    cache.clear();
    expect(await asked).toBeUndefined();
    await Promise.all([before.close(), cache.close()]);
  });

  it.skipIf(given !== undefined)('answers from memory while Redis is away, and never fails a request', async () => {
    const cache = open();
    await connected(cache);
    await stopServer();
    await eventually(() => expect(cache.stats().connected).toBe(false));
    cache.put('key', [OTHER]);
    expect(await cache.get('key')).toEqual([OTHER]);
    expect(await cache.get('unknown')).toBeUndefined();
    await startServer();
    await connected(cache);
    await cache.close();
  });
});
