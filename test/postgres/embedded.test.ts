import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { livePostmaster } from '../../src/postgres/embedded/postmaster.ts';
import { connectEmbedded, type Embedded, startEmbedded } from '../../src/postgres/embedded/start-embedded.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { eventually } from '../support/eventually.ts';

const log = createLog('silent');
let folder: string;
let running: Embedded[];
let holders: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-embedded-'));
  chmodSync(folder, 0o711);
  running = [];
  holders = [];
});
afterEach(async () => {
  for (const holder of holders) holder.kill('SIGKILL');
  for (const embedded of running) await embedded.stop();
  await eventually(() => expect(postmaster()).toBeUndefined(), { timeoutMs: 15_000 });
  rmSync(folder, { recursive: true, force: true });
});

const postmaster = (dataDir = folder) => livePostmaster(join(dataDir, 'postgres'))?.pid;

async function start(dataDir = folder): Promise<Embedded> {
  const embedded = await startEmbedded({ dataDir, log });
  running.push(embedded);
  return embedded;
}

async function stop(embedded: Embedded): Promise<void> {
  running = running.filter((one) => one !== embedded);
  await embedded.stop();
}

async function holder(): Promise<{ process: ChildProcess; url: string }> {
  const script = fileURLToPath(new URL('./embedded-holder.ts', import.meta.url));
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  holders.push(child);
  const [line] = child.stdout === null ? [''] : await once(child.stdout, 'data');
  return { process: child, url: String(line).trim() };
}

async function query<R extends pg.QueryResultRow>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded server', () => {
  it('starts, is durable, lets in only those who read the folder, and finds its data again', async () => {
    const first = await start();
    await migrate({ url: first.url, log });
    await query(first.url, 'create table kept as select 42 as answer');
    const [login] = await query(
      first.url,
      `select rolsuper, rolcreaterole, rolcreatedb, current_setting('fsync') as fsync, current_setting('synchronous_commit') as durable,
         current_setting('listen_addresses') as tcp, current_setting('jit') as jit, current_setting('shared_buffers') as buffers
       from pg_roles where rolname = current_user`,
    );
    expect(login).toEqual({
      rolsuper: false,
      rolcreaterole: false,
      rolcreatedb: false,
      fsync: 'on',
      durable: 'on',
      tcp: '',
      jit: 'off',
      buffers: '128MB',
    });
    expect(statSync(join(folder, 'connection.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'run')).mode & 0o777).toBe(0o700);
    await expect(query(first.url.replace(/:[0-9a-f]{48}@/, ':wrong@'), 'select 1')).rejects.toThrow(/password/);
    await stop(first);
    expect(postmaster()).toBeUndefined();

    const second = await start();
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  it('refuses a second gateway with one line, and lets a command use the running server', async () => {
    const first = await start();
    await expect(startEmbedded({ dataDir: folder, log })).rejects.toMatchObject({
      code: 'data_folder_in_use',
      message: expect.stringMatching(new RegExp(`^the data folder .* is in use by process ${process.pid}: [^\n]*$`)),
    });
    const command = await connectEmbedded({ dataDir: folder, log });
    expect(command.adopted).toBe(true);
    expect(await query(command.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await command.stop();
    expect(await query(first.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('is started for a command and stopped after it', async () => {
    const command = await connectEmbedded({ dataDir: folder, log });
    running.push(command);
    expect(await query(command.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await stop(command);
    expect(postmaster()).toBeUndefined();
  });

  it('of two gateways started together exactly one gets the folder', async () => {
    const outcomes = await Promise.allSettled([start(), start()]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('is stopped, cleanly, when its gateway is killed without a chance to say so', async () => {
    const { process: gateway, url } = await holder();
    await query(url, 'create table kept as select 1 as one');
    expect(postmaster()).toBeDefined();
    gateway.kill('SIGKILL');
    await eventually(() => expect(postmaster()).toBeUndefined(), { timeoutMs: 10_000 });
    expect(readFileSync(join(folder, 'postgres.log'), 'utf8')).toContain('received fast shutdown request');
  });

  it('a gateway that follows a killed one at once has the folder and the data', async () => {
    const { process: gateway, url } = await holder();
    await query(url, 'create table kept as select 1 as one');
    gateway.kill('SIGKILL');
    await once(gateway, 'exit');
    const next = await start();
    expect(await query(next.url, 'select one from kept')).toEqual([{ one: 1 }]);
  });

  it('is started again when it is killed itself, and recovers what was committed', async () => {
    const embedded = await start();
    await query(embedded.url, 'create table kept as select 1 as one');
    const before = postmaster();
    expect(before).toBeDefined();
    if (before !== undefined) process.kill(before, 'SIGKILL');
    await eventually(async () => expect(await query(embedded.url, 'select one from kept')).toEqual([{ one: 1 }]), {
      timeoutMs: 15_000,
    });
    expect(postmaster()).not.toBe(before);
  });

  it('takes over a server whose gateway and watcher are both gone', async () => {
    // A first server with nobody to stop it: what a kill -9 of the whole process group but Postgres leaves.
    const { process: gateway, url } = await holder();
    await query(url, 'create table kept as select 1 as one');
    for (const watcher of watchersOf(gateway)) process.kill(watcher, 'SIGKILL');
    gateway.kill('SIGKILL');
    await once(gateway, 'exit');
    const next = await start();
    expect(next.adopted).toBe(true);
    expect(await query(next.url, 'select one from kept')).toEqual([{ one: 1 }]);
  }, 40_000);

  it('finds a socket path even in a folder of a long name', async () => {
    const long = join(folder, 'x'.repeat(100), 'y'.repeat(60));
    mkdirSync(long, { recursive: true, mode: 0o711 });
    const embedded = await start(long);
    const sockets = new URL(embedded.url).searchParams.get('host') ?? '';
    expect(sockets.length).toBeLessThan(80);
    expect(statSync(sockets).mode & 0o777).toBe(0o700);
    expect(await query(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await stop(embedded);
    rmSync(sockets, { recursive: true });
  });

  it('copes with quotes, commas and blanks in the folder’s name', async () => {
    const odd = join(folder, `it's a "data", folder`);
    const embedded = await start(odd);
    expect(await query(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await stop(embedded);
  });

  it('refuses the data of another major version, in one line', async () => {
    mkdirSync(join(folder, 'postgres'), { mode: 0o700 });
    writeFileSync(join(folder, 'postgres', 'PG_VERSION'), '17\n');
    await expect(startEmbedded({ dataDir: folder, log })).rejects.toMatchObject({
      code: 'embedded_postgres',
      message: expect.stringMatching(/^[^\n]*holds data of Postgres 17, this release brings 18[^\n]*$/),
    });
  });

  it('an initdb killed half-way is begun again', async () => {
    mkdirSync(join(folder, 'postgres.new', 'base'), { recursive: true });
    writeFileSync(join(folder, 'postgres.new', 'PG_VERSION'), '18\n');
    const embedded = await start();
    expect(await query(embedded.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it.skipIf(process.getuid?.() !== 0)('as root: says which folder the server’s user may not enter', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    await expect(startEmbedded({ dataDir: join(closed, 'data'), log })).rejects.toMatchObject({
      code: 'embedded_postgres',
      message: expect.stringContaining(`may not enter ${closed}`),
    });
    expect(existsSync(join(closed, 'data', 'postgres'))).toBe(false);
  });
});

/** The watcher is a child of the gateway; on Linux /proc tells. */
function watchersOf(gateway: ChildProcess): number[] {
  const children = readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number);
  return children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('watcher.ts'));
}
