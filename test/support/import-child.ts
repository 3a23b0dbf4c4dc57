import { readFileSync } from 'node:fs';
import { createLog } from '../../src/log.ts';
import { createPools } from '../../src/postgres/pools.ts';
import { createImporter } from '../../src/reconcile/import/importer.ts';
import { stubBytes, stubProvider } from './stub-report.ts';

/**
 * A process that imports a file and is killed while it does. It says `stalled` where its order wants it to stop in the middle,
 * and `done` at the end.
 */
export type ImportChildOrder = {
  readonly databaseUrl: string;
  readonly endpoint: { readonly id: number; readonly account: string };
  readonly file: string;
  /** Read half of the file and wait; read and prove it and wait; or go on to the end. */
  readonly until: 'half' | 'proven' | 'end';
};

const [text] = process.argv.slice(2);
// `as`: our own test's order.
const order = JSON.parse(text ?? '{}') as ImportChildOrder;
const log = createLog('silent');
const pools = createPools(order.databaseUrl, { log, role: 'postern_app' });
const importer = createImporter({ pool: pools.api, clock: { now: Date.now }, log });

async function* halfOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let n = 0;
  for await (const chunk of bytes) {
    yield chunk;
    n += 1;
    if (order.until !== 'half' || n < 300) continue;
    process.send?.('stalled');
    await new Promise(() => undefined);
  }
}

const received = await importer.receive(
  {
    endpoint: { ...order.endpoint, name: order.endpoint.account, settings: {}, provider: stubProvider },
    format: null,
    fileName: 'crash.stub',
    acceptDifference: null,
    actor: 'test',
    bytesMax: Number.MAX_SAFE_INTEGER,
  },
  halfOf(stubBytes(readFileSync(order.file, 'utf8'))),
);
if (order.until === 'proven') {
  process.send?.('stalled');
  await new Promise(() => setInterval(() => undefined, 1_000));
}
if (received.kind === 'proven') {
  process.send?.('stalled');
  await received.finish();
}
process.send?.('done');
await pools.end();
process.disconnect?.();
