import { type Ended, greeted, type Launched, launch } from './launcher.ts';
import { TEST_KEYS } from './test-keys.ts';

export type Api = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<unknown>;

/** A gateway that answers. */
export type Running = {
  readonly url: string;
  /** With the admin token, under /api/v1; throws unless the answer is 2xx. */
  readonly api: Api;
  /** SIGTERM, and how it ended. */
  stop(): Promise<Ended>;
};

export type ReleaseRunner = {
  /** `postern start` of the release with this launcher, the present one if none is named. */
  start(launcher?: string): Launched;
  /** The same, once it answers. */
  running(launcher?: string): Promise<Running>;
  /** Whatever a failed test left running. */
  killAll(): Promise<void>;
};

const ADMIN_TOKEN = 'an-admin-token-for-release-tests';

/** Starts the real processes of several releases on one database. */
export function createReleaseRunner({ databaseUrl, dataDir }: { databaseUrl: string; dataDir: string }): ReleaseRunner {
  const launched: Launched[] = [];

  function start(launcher?: string): Launched {
    const env = {
      DATABASE_URL: databaseUrl,
      PORT: '0',
      LOG_LEVEL: 'warn',
      POSTERN_ADMIN_TOKEN: ADMIN_TOKEN,
      POSTERN_ENCRYPTION_KEYS: TEST_KEYS,
      POSTERN_DATA_DIR: dataDir,
    };
    const gateway = launch(['start'], env, launcher === undefined ? {} : { program: launcher });
    launched.push(gateway);
    return gateway;
  }

  return {
    start,
    async running(launcher) {
      const gateway = start(launcher);
      const url = await greeted(gateway);
      return {
        url,
        async api(method, path, body) {
          const response = await fetch(`${url}/api/v1${path}`, {
            method,
            headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          });
          const text = await response.text();
          if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
          return JSON.parse(text);
        },
        stop() {
          gateway.child.kill('SIGTERM');
          return gateway.ended;
        },
      };
    },
    async killAll() {
      for (const { child } of launched) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await Promise.all(launched.map(({ ended }) => ended));
    },
  };
}
