import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = process.env.POSTERN_SAMPLES ?? join(import.meta.dirname, '../../../shared/data');
if (!existsSync(root)) console.warn(`skipped: the samples are not at ${root} (POSTERN_SAMPLES)`);

/** A path below the folder of samples, which other projects' licences keep out of this repository; it may not be there. */
export function samplesFolder(...path: readonly string[]): string {
  return join(root, ...path);
}
