/**
 * A small process in a session of its own that outlives the gateway by a moment. It holds one end of a pipe; when the
 * gateway is gone, however it died (kill -9 runs no handler), the pipe ends and the server is stopped, fast and clean.
 * Without it every killed gateway would leave a server behind.
 *
 * The gateway writes the process id of each server it starts, one a line. Only the last of them is stopped, never what
 * postmaster.pid names by then: that may be the server of the gateway's successor.
 */
import { isRunning } from './postmaster.ts';

const FAST_MS = 20_000;
const LOOK_MS = 50;
const LINES_BYTES_MAX = 4_096;

let lines = '';
process.stdin.on('data', (chunk: Buffer) => {
  lines = (lines + chunk.toString()).slice(-LINES_BYTES_MAX);
});
process.stdin.once('error', stop);
process.stdin.once('end', stop);

let stopping = false;

function stop(): void {
  if (stopping) return;
  stopping = true;
  const pid = Number(lines.trimEnd().split('\n').at(-1));
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  const begun = Date.now();
  let killed = false;
  if (isRunning(pid)) signal(pid, 'SIGINT');
  const look = setInterval(() => {
    if (!isRunning(pid) || Date.now() - begun > 2 * FAST_MS) {
      clearInterval(look);
    } else if (!killed && Date.now() - begun > FAST_MS) {
      killed = true;
      signal(pid, 'SIGQUIT');
    }
  }, LOOK_MS);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Ended in between: just what is wanted.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
