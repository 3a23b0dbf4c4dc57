import { readConfig } from '../../src/config.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { createGateway } from '../../src/gateway.ts';
import { createLog } from '../../src/log.ts';
import type { ChildAnswer, ChildOrder } from './child-gateway.ts';
import { listedCharges } from './listed-charges.ts';
import { TEST_KEYS } from './test-keys.ts';

/* A gateway in a process of its own, to be killed, paused or measured: `node gateway-child.ts ORDER`, ORDER in JSON. */

// `as`: our own parent, our own message.
const order = JSON.parse(process.argv[2] ?? '{}') as ChildOrder;
const tell = (answer: ChildAnswer): void => {
  process.send?.(answer);
};
const gateway = await createGateway({
  config: { ...readConfig(order.env), port: 0 },
  database: { url: order.databaseUrl, role: 'postern_app' },
  keyring: parseKeyring(TEST_KEYS),
  log: createLog(process.env.TEST_LOG === undefined ? 'silent' : 'info'),
  clock: { now: () => Date.now() },
  serve: order.serve,
  work: order.work,
  ...(order.listed === undefined ? {} : { apiCalls: listedCharges(order.listed) }),
});

process.on('message', () => tell({ kind: 'memory', rssMb: process.resourceUsage().maxRSS / 1024 }));
process.on('SIGTERM', () => {
  gateway.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
// The test is gone: so are we.
process.on('disconnect', () => process.exit(1));

const { url } = await gateway.start();
tell({ kind: 'started', url });
