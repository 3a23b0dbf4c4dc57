import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { PosternError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Binaries } from './binaries.ts';
import { type Folder, giveTo, SOCKET_PORT } from './folder.ts';
import { isRunning, livePostmaster } from './postmaster.ts';

export type Server = {
  /** True when a server was already running on this folder and was taken over. */
  adopted: boolean;
  pid(): number;
  stop(): Promise<void>;
};

const WAIT_FOR_OLD_MS = 10_000;
const READY_MS = 120_000;
const STOP_MS = 20_000;
const LOOK_MS = 20;
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 10_000;
const STEADY_MS = 60_000;
const LOG_BYTES_MAX = 10 * 1024 * 1024;

/** Starts the server of an initialised folder, keeps it running, and has it stopped when this process dies. */
export async function startServer(folder: Folder, binaries: Binaries, log: Log): Promise<Server> {
  const watcher = startWatcher(log);
  let stopping = false;
  let pid: number;
  let backoffMs = BACKOFF_MIN_MS;
  let restart: NodeJS.Timeout | undefined;

  const run = async (): Promise<number> => {
    const child = spawnServer(folder, binaries);
    // At once: a gateway killed before its watcher knows the server would leave it behind.
    if (child.pid !== undefined) watch(watcher, child.pid);
    const startedAt = performance.now();
    child.once('exit', (code, signal) => {
      if (stopping || child.pid !== pid) return;
      if (performance.now() - startedAt > STEADY_MS) backoffMs = BACKOFF_MIN_MS;
      onCrash(`exit ${code ?? signal}`);
    });
    return waitReady(folder, child);
  };
  const onCrash = (how: string): void => {
    log.error(
      { how, again_in_ms: backoffMs, server_log: folder.serverLog },
      'the embedded Postgres ended; it is started again',
    );
    restart = setTimeout(() => {
      run().then(
        (started) => {
          pid = started;
        },
        (error: unknown) => {
          if (!stopping) {
            log.error({ err: error }, 'the embedded Postgres did not start');
            onCrash('did not start');
          }
        },
      );
    }, backoffMs);
    backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
  };

  let adopted = false;
  pid = 0;
  try {
    const old = await waitForOld(folder, log);
    adopted = old !== undefined;
    if (old !== undefined) watch(watcher, old);
    pid = old ?? (await run());
  } catch (error) {
    stopping = true;
    watcher.kill();
    throw error;
  }
  // An adopted server is nobody's child here: nothing tells us of its end, so we look.
  const lookout = adopted
    ? setInterval(() => {
        if (stopping || isRunning(pid)) return;
        clearInterval(lookout);
        onCrash('an adopted server is gone');
      }, 1_000)
    : undefined;
  lookout?.unref();

  return {
    adopted,
    pid: () => pid,
    async stop() {
      stopping = true;
      clearTimeout(restart);
      clearInterval(lookout);
      const running = livePostmaster(folder.cluster)?.pid;
      if (running !== undefined) await stopPostmaster(running);
      watcher.kill();
    },
  };
}

/** A previous gateway's server is about to be stopped by its watcher; one that stays is taken over. */
async function waitForOld(folder: Folder, log: Log): Promise<number | undefined> {
  const deadline = performance.now() + WAIT_FOR_OLD_MS;
  for (;;) {
    const old = livePostmaster(folder.cluster);
    if (old === undefined) return undefined;
    if (performance.now() > deadline) {
      log.warn({ pid: old.pid }, 'took over the Postgres that was running on this folder');
      return old.pid;
    }
    await pause(LOOK_MS);
  }
}

function spawnServer(folder: Folder, binaries: Binaries): ChildProcess {
  if (existsSync(folder.serverLog) && statSync(folder.serverLog).size > LOG_BYTES_MAX) {
    renameSync(folder.serverLog, `${folder.serverLog}.1`);
  }
  const output = openSync(folder.serverLog, 'a', 0o600);
  try {
    giveTo(folder.serverLog, folder.user);
    const settings = {
      listen_addresses: '',
      port: String(SOCKET_PORT),
      // A list: a folder with a comma or a quote in its name must be quoted.
      unix_socket_directories: `"${folder.sockets.replaceAll('"', '""')}"`,
      unix_socket_permissions: '0700',
      max_connections: '100',
      shared_buffers: '128MB',
      max_wal_size: '2GB',
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      jit: 'off',
      timezone: 'UTC',
      log_timezone: 'UTC',
      log_line_prefix: '%m [%p] %q%u ',
      // A failing statement's text would be in the log, and its values are payloads.
      log_min_error_statement: 'panic',
      log_parameter_max_length_on_error: '0',
    };
    const child = spawn(
      binaries.postgres,
      ['-D', folder.cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      {
        // A session of its own: Ctrl-C in the terminal is for the gateway, which drains first and stops the server last.
        detached: true,
        stdio: ['ignore', output, output],
        cwd: folder.cluster,
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
        ...(folder.user === undefined ? {} : { uid: folder.user.uid, gid: folder.user.gid }),
      },
    );
    child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}

async function waitReady(folder: Folder, child: ChildProcess): Promise<number> {
  let failed: string | undefined;
  child.once('error', (error) => {
    failed = error.message;
  });
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline) {
    if (failed !== undefined || child.exitCode !== null || child.signalCode !== null) {
      throw new PosternError(
        'embedded_postgres',
        `the embedded Postgres did not start: ${failed ?? lastLine(folder.serverLog)}`,
      );
    }
    const running = livePostmaster(folder.cluster);
    if (running !== undefined && running.pid === child.pid && running.status === 'ready') return running.pid;
    await pause(LOOK_MS);
  }
  throw new PosternError(
    'embedded_postgres',
    `the embedded Postgres was not ready within ${READY_MS / 1_000} s; see ${folder.serverLog}`,
  );
}

/** The server's last complaint, which is what a person needs to read first. */
function lastLine(path: string): string {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const telling = lines.findLast((line) => /FATAL|PANIC|ERROR/.test(line)) ?? lines.at(-1) ?? '';
  return `${telling.replace(/^.*?(FATAL|PANIC|ERROR):\s*/, '')} (see ${path})`;
}

/** Fast shutdown: sessions are ended, everything is written. SIGQUIT, and with it recovery at the next start, only after 20 s. */
async function stopPostmaster(pid: number): Promise<void> {
  const begun = performance.now();
  process.kill(pid, 'SIGINT');
  let killed = false;
  while (isRunning(pid) && performance.now() - begun < 2 * STOP_MS) {
    if (!killed && performance.now() - begun > STOP_MS) {
      killed = true;
      process.kill(pid, 'SIGQUIT');
    }
    await pause(LOOK_MS);
  }
}

function startWatcher(log: Log): ChildProcess {
  const watcher = spawn(process.execPath, [fileURLToPath(new URL('./watcher.ts', import.meta.url))], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: {},
  });
  watcher.on('error', (error) => log.error({ err: error }, 'the watcher of the embedded Postgres did not start'));
  watcher.stdin?.on('error', () => log.warn('the watcher of the embedded Postgres is gone'));
  // Neither may keep a finished process from ending.
  watcher.unref();
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
  return watcher;
}

function watch(watcher: ChildProcess, pid: number): void {
  watcher.stdin?.write(`${pid}\n`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
