import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One numbered file of migrations/, in the order of its name. */
export type Migration = { name: string; sha256: string; text: string; release: number; transaction: boolean };

const FOLDER = fileURLToPath(new URL('../../migrations/', import.meta.url));
const NAME = /^\d{4}-[a-z0-9-]+\.sql$/;

/**
 * The shipped migrations. The first lines of a file may say `-- release: N` (the release that brings it; 1 if unsaid) and
 * `-- no transaction` (its statements run one by one, each ended by `;` at the end of a line: `create index concurrently`).
 */
export function readMigrations(folder = FOLDER): Migration[] {
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(`${folder}/${name}`, 'utf8');
      return {
        name,
        text,
        sha256: createHash('sha256').update(text).digest('hex'),
        release: Number(/^-- release: (\d+)$/m.exec(text)?.[1] ?? 1),
        transaction: !/^-- no transaction$/m.test(text),
      };
    });
}
