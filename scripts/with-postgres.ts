import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Starts a throw-away server from another Postgres installation, runs a command with TEST_DATABASE_URL set to it, and
 * stops it: `node scripts/with-postgres.ts /usr/lib/postgresql/15/bin -- node scripts/test.ts test/ledger`.
 */
const [bin, dashes, command, ...args] = process.argv.slice(2);
if (bin === undefined || dashes !== '--' || command === undefined) {
  console.error('use: node scripts/with-postgres.ts <folder of initdb and postgres> -- <command> [arguments]');
  process.exit(2);
}

// Postgres refuses to run as root; its own user is there wherever Debian's package is.
const asRoot = process.getuid?.() === 0;
const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
const owner = asRoot ? { uid: id('-u'), gid: id('-g') } : {};

const folder = mkdtempSync(join(tmpdir(), 'postern-pg-'));
if (asRoot) chownSync(folder, id('-u'), id('-g'));
const data = join(folder, 'data');
execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8'], {
  stdio: ['ignore', 'ignore', 'inherit'],
  ...owner,
});
const server = spawn(
  join(bin, 'postgres'),
  ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=200', '-c', 'fsync=on'],
  { stdio: ['ignore', 'ignore', 'pipe'], ...owner },
);
let log = '';
server.stderr.on('data', (chunk: Buffer) => {
  log = (log + chunk.toString()).slice(-20_000);
});
const ready = new Promise<void>((resolve, reject) => {
  const look = setInterval(() => {
    if (log.includes('ready to accept connections')) done(resolve);
  }, 50);
  const late = setTimeout(() => done(() => reject(new Error(`Postgres did not start:\n${log}`))), 30_000);
  server.once('exit', () => done(() => reject(new Error(`Postgres ended:\n${log}`))));
  function done(then: () => void): void {
    clearInterval(look);
    clearTimeout(late);
    then();
  }
});

let status = 1;
try {
  await ready;
  const url = `postgresql://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`;
  // Not spawnSync: while this process slept nobody would read the server's log, and a server with a full pipe stands still.
  const run = spawn(command, args, { stdio: 'inherit', env: { ...process.env, TEST_DATABASE_URL: url } });
  status = await new Promise((resolve) => run.once('exit', (code) => resolve(code ?? 1)));
} finally {
  server.kill('SIGINT');
  await new Promise((resolve) => (server.exitCode === null ? server.once('exit', resolve) : resolve(undefined)));
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = status;
