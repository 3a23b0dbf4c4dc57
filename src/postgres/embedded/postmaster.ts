import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../../process-alive.ts';

/** What postmaster.pid says of a server on a folder. `ready` is Postgres's own word for it (the file's eighth line). */
export type Postmaster = { pid: number; status: string };

/**
 * The living server of this cluster folder, if any. A process id alone may have been given to somebody else since a
 * crash; then the file is stale, and the server itself judges that at its next start.
 */
export function livePostmaster(cluster: string): Postmaster | undefined {
  const file = join(cluster, 'postmaster.pid');
  let lines: string[];
  try {
    lines = readFileSync(file, 'utf8').split('\n');
  } catch {
    return undefined; // No file, or removed while we looked: no server.
  }
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1 || !isRunning(pid)) return undefined;
  return { pid, status: lines[7]?.trim() ?? '' };
}

/** Whether `pid` is a living Postgres; a zombie, whose parent has not looked yet, is not. */
export function isRunning(pid: number): boolean {
  if (!isAlive(pid)) return false;
  if (!existsSync('/proc/self/cmdline')) return true; // macOS: no cheap way to ask more.
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres');
  } catch {
    return false; // Ended while we looked.
  }
}
