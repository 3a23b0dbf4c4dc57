import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ARCHIVES = join(import.meta.dirname, '../fixtures/releases');
const NODE_MODULES = join(import.meta.dirname, '../../node_modules');

/** An earlier release as it was shipped, to be run beside the present one. */
export type Release = {
  /** Its bin/postern.mjs. */
  readonly launcher: string;
  readonly migrations: string;
  remove(): void;
};

/**
 * Unpacks test/fixtures/releases/<version>.tar.gz. Outside the project, so that no other check takes it for our sources;
 * its imports find our packages by a link, because Node looks for node_modules in the folders above a file.
 */
export function unpackRelease(version: string): Release {
  const folder = mkdtempSync(join(tmpdir(), `postern-${version}-`));
  execFileSync('tar', ['-xzf', join(ARCHIVES, `${version}.tar.gz`), '-C', folder, '--strip-components=1']);
  symlinkSync(NODE_MODULES, join(folder, 'node_modules'));
  return {
    launcher: join(folder, 'bin/postern.mjs'),
    migrations: join(folder, 'migrations'),
    // The link itself goes, never what it names.
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
