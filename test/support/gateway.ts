import type { ApiCalls } from '../../src/api-calls.ts';
import { readConfig } from '../../src/config.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { createEndpointService } from '../../src/endpoints/service.ts';
import { createGateway, type Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/log.ts';
import { providers } from '../../src/providers/index.ts';
import type { EndpointSettings } from '../../src/providers/provider.ts';
import type { TestDatabase } from './database.ts';
import { TEST_KEYS } from './test-keys.ts';

export const ADMIN_TOKEN = 'an-admin-token-for-tests-only';

export type TestGateway = {
  readonly url: string;
  readonly gateway: Gateway;
  addEndpoint(provider: string, name: string, secrets: readonly string[], settings?: EndpointSettings): Promise<void>;
  /** With the admin token. */
  api(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
};

/** The whole gateway on a test database, listening on a free port, with a clock of the test's own if it wants. */
export async function startTestGateway(
  database: TestDatabase,
  options: {
    readonly now?: () => number;
    readonly env?: Record<string, string>;
    readonly work?: boolean;
    readonly trustRoots?: readonly string[];
    /** Answers what adapters ask their processors. */
    readonly apiCalls?: ApiCalls;
    readonly uploadIdleMs?: number;
  } = {},
): Promise<TestGateway> {
  const clock = { now: options.now ?? Date.now };
  const keyring = parseKeyring(TEST_KEYS);
  const gateway = await createGateway({
    config: { ...readConfig({ POSTERN_ADMIN_TOKEN: ADMIN_TOKEN, ...options.env }), port: 0 },
    database: { url: database.url, role: 'postern_app' },
    keyring,
    log: createLog(process.env.TEST_LOG === undefined ? 'silent' : 'debug'),
    clock,
    serve: true,
    work: options.work ?? true,
    ...(options.apiCalls === undefined ? {} : { apiCalls: options.apiCalls }),
    ...(options.trustRoots === undefined ? {} : { trustRoots: options.trustRoots }),
    ...(options.uploadIdleMs === undefined ? {} : { uploadIdleMs: options.uploadIdleMs }),
  });
  const { url } = await gateway.start();
  if (url === null) throw new Error('the gateway does not listen');
  const service = createEndpointService({ pool: gateway.pools.api, providers, keyring, clock });
  return {
    url,
    gateway,
    async addEndpoint(provider, name, secrets, settings = {}) {
      await service.create({ provider, name, secrets: secrets.map((secret) => ({ secret })), settings }, 'test');
      await gateway.reloadEndpoints();
    },
    api: (path, init = {}) =>
      fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...init.headers } }),
    stop: () => gateway.stop(),
  };
}
