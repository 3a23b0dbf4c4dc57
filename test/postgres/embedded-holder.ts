/** A process of its own that starts the embedded server and waits to be killed: `node embedded-holder.ts FOLDER`. */
import { createLog } from '../../src/log.ts';
import { startEmbedded } from '../../src/postgres/embedded/start-embedded.ts';

const embedded = await startEmbedded({ dataDir: process.argv[2] ?? '', log: createLog('silent') });
process.stdout.write(`${embedded.url}\n`);
setInterval(() => undefined, 60_000);
