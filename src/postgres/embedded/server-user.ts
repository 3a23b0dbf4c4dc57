import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PosternError } from '../../errors.ts';

/** Who the server runs as; undefined: as ourselves. */
export type ServerUser = { uid: number; gid: number; name: string } | undefined;

const USER = 'postgres';

/** Postgres refuses to run as root: then it runs as the user `postgres`, made only where there is none. */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return undefined;
  const existing = lookUp();
  if (existing !== undefined) return existing;
  const made = spawnSync('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', USER], {
    encoding: 'utf8',
  });
  const created = lookUp();
  if (created !== undefined) return created;
  const why = made.error?.message ?? made.stderr.trim();
  throw new PosternError(
    'embedded_postgres',
    `Postgres does not run as root and the user "${USER}" could not be made (${why}): make it, run Postern as another user, or set DATABASE_URL`,
  );
}

function lookUp(): ServerUser {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${USER}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid), name: USER };
}

/** initdb's own message for a folder it may not pass through names neither the folder nor the user. */
export function requireTraversable(path: string, user: ServerUser, remedy: string): void {
  if (user === undefined) return;
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) {
      throw new PosternError(
        'embedded_postgres',
        `Postgres runs as the user "${user.name}", which may not enter ${folder}: ${remedy}`,
      );
    }
    if (folder === dirname(folder)) return;
  }
}
