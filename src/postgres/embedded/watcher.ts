/**
 * A small process in a session of its own that outlives the gateway by a moment. It holds one end of a pipe; when the
 * gateway is gone, however it died (kill -9 runs no handler), the pipe ends and the server is stopped, fast and clean. Without
 * it every killed gateway would leave a server behind.
 *
 * Called with the cluster folder. Imports nothing but the one file: it should cost little memory.
 */
import { isRunning, livePostmaster } from './postmaster.ts';

const cluster = process.argv[2] ?? '';
const FAST_MS = 20_000;
const LOOK_MS = 50;
// A server that the gateway had just begun to start shows its file a moment later.
const GRACE_MS = 1_000;

process.stdin.resume();
process.stdin.on('error', stop);
process.stdin.on('end', stop);

let stopping = false;

function stop(): void {
  if (stopping) return;
  stopping = true;
  const begun = Date.now();
  let asked: number | undefined;
  let killed = false;
  const look = () => {
    const pid = livePostmaster(cluster)?.pid;
    if (pid !== undefined && asked !== pid) {
      asked = pid;
      signal(pid, 'SIGINT');
    }
    const waited = Date.now() - begun;
    if (asked !== undefined && !isRunning(asked)) process.exit(0);
    if (asked === undefined && waited > GRACE_MS) process.exit(0);
    if (waited > FAST_MS && asked !== undefined && !killed) {
      killed = true;
      signal(asked, 'SIGQUIT');
    }
    if (waited > 2 * FAST_MS) process.exit(1);
    setTimeout(look, LOOK_MS);
  };
  look();
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) process.exit(1);
  }
}
