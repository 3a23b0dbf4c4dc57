import { main } from '../../src/main.ts';

/* The command line with a second to finish what is in hand instead of 25: `node impatient-start.ts start`. */
process.exitCode = await main(process.argv.slice(2), process.env, { stopWithinMs: 1_000 });
