import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADMIN_TOKEN } from './gateway.ts';
import { type Ended, greeted, type Launched, launch } from './launcher.ts';

export type StartedGateway = {
  readonly url: string;
  readonly dataDir: string;
  readonly launched: Launched;
  /** With the admin token. */
  api(path: string, init?: RequestInit): Promise<Response>;
  /** As Ctrl-C would, and removes the data folder. */
  stop(): Promise<Ended>;
};

/** `postern start` as a user starts it, in a process and a data folder of its own, on a free port. */
export async function startAsUser(env: Record<string, string> = {}): Promise<StartedGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-started-'));
  // As root, Postgres runs as another user, who must be able to enter.
  chmodSync(folder, 0o711);
  const dataDir = join(folder, 'data');
  const launched = launch(['start'], {
    POSTERN_DATA_DIR: dataDir,
    PORT: '0',
    LOG_LEVEL: 'warn',
    POSTERN_ADMIN_TOKEN: ADMIN_TOKEN,
    ...env,
  });
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  let url: string;
  try {
    url = await greeted(launched);
  } catch (error) {
    launched.child.kill('SIGKILL');
    await launched.ended;
    remove();
    throw error;
  }
  return {
    url,
    dataDir,
    launched,
    api: (path, init = {}) =>
      fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...init.headers } }),
    async stop() {
      launched.child.kill('SIGINT');
      const ended = await launched.ended;
      remove();
      return ended;
    },
  };
}
