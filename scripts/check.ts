import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Everything a change must pass: types, lint, import boundaries, dead code, migrations, tests. All are run, so that one
 * turn shows every fault. `--without-tests` where the tests ran just before.
 */
const migrations = Map.groupBy(
  readdirSync('migrations').map((name) => join('migrations', name)),
  // As the runner reads it (src/postgres/migration-files.ts).
  (file) => (/^-- no transaction$/m.test(readFileSync(file, 'utf8')) ? 'alone' : 'in a transaction'),
);
const checks: [name: string, command: string, ...args: string[]][] = [
  ['types', 'tsc', '-p', '.'],
  ['lint', 'biome', 'check', '--error-on-warnings'],
  ['boundaries', 'depcruise', '--config', '.dependency-cruiser.cjs', 'src', 'bin', 'bench', 'test', 'scripts'],
  ['dead code', 'knip'],
  ['migrations', 'squawk', ...(migrations.get('in a transaction') ?? [])],
];
const alone = migrations.get('alone') ?? [];
if (alone.length > 0)
  checks.push(['migrations without a transaction', 'squawk', '--no-assume-in-transaction', ...alone]);
const withoutTests = process.argv.includes('--without-tests');

const failed: string[] = [];
for (const [name, command, ...args] of checks) {
  console.log(`\n── ${name}`);
  if (spawnSync(join('node_modules', '.bin', command), args, { stdio: 'inherit' }).status !== 0) failed.push(name);
}
if (!withoutTests) {
  console.log('\n── tests');
  if (spawnSync(process.execPath, ['scripts/test.ts'], { stdio: 'inherit' }).status !== 0) failed.push('tests');
}
console.log(failed.length === 0 ? '\ncheck: all passed' : `\ncheck: failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
