import { readConfig } from '../src/config.ts';
import { parseKeyring } from '../src/encryption.ts';
import { createGateway, type Gateway } from '../src/gateway.ts';
import { createLog } from '../src/log.ts';
import { createNaive } from './naive.ts';

/**
 * The server under test, a process of its own. `bare` and `naive` are the same gateway with another intake: one that
 * answers at once, and one that does as everybody does.
 */
export type ServerMode = 'bare' | 'naive' | 'acknowledge' | 'acknowledge_and_post' | 'post';

export type ServerOrder =
  | {
      readonly kind: 'start';
      readonly mode: ServerMode;
      readonly database: { readonly url: string; readonly role: 'postern_app' | null };
      readonly keys: string;
      /** Where signed tree heads go. */
      readonly dataDir: string;
    }
  | { readonly kind: 'stop' };

export type ServerAnswer =
  | { readonly kind: 'started'; readonly port: number }
  | { readonly kind: 'stopped'; readonly rssMb: number; readonly cpuS: number }
  | { readonly kind: 'failed'; readonly message: string };

let gateway: Gateway | undefined;
let closeNaive: (() => Promise<void>) | undefined;

async function start(order: Extract<ServerOrder, { kind: 'start' }>): Promise<ServerAnswer> {
  const { mode, database, keys, dataDir } = order;
  const naive = mode === 'naive' ? await createNaive(database.url) : null;
  closeNaive = naive?.close;
  const answering = { accept: async () => ({ stored: 1, duplicates: 0, conflicts: 0 }) };
  const intake = mode === 'bare' ? answering : naive;
  gateway = await createGateway({
    config: { ...readConfig({}), host: '127.0.0.1', port: 0, dataDir },
    database,
    keyring: parseKeyring(keys),
    // A log line a request is part of what is measured; where it goes is not.
    log: createLog('info'),
    clock: { now: () => Date.now() },
    serve: mode !== 'post',
    work: mode === 'acknowledge_and_post' || mode === 'post',
    ...(intake === null ? {} : { intake }),
  });
  const { url } = await gateway.start();
  return { kind: 'started', port: url === null ? 0 : Number(new URL(url).port) };
}

async function stop(): Promise<ServerAnswer> {
  await gateway?.stop();
  await closeNaive?.();
  const usage = process.resourceUsage();
  return {
    kind: 'stopped',
    rssMb: usage.maxRSS / 1024,
    cpuS: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
  };
}

process.on('message', (order: ServerOrder) => {
  const obeyed = order.kind === 'start' ? start(order) : stop();
  obeyed
    .catch(
      (error: unknown): ServerAnswer => ({
        kind: 'failed',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
    )
    .then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit(0));
