import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs the test suite and ends with the line `tests: N passed, N failed`, made from vitest's own JSON report. Arguments
 * go to vitest: `npm test -- test/ledger`.
 */
type Report = { numPassedTests: number; numFailedTests: number; numPendingTests: number; numFailedTestSuites: number };

const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
const file = join(folder, 'report.json');
const run = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...process.argv.slice(2),
  ],
  // The suite starts hundreds of processes, half of whose start is compiling the same modules.
  { stdio: 'inherit', env: { ...process.env, NODE_COMPILE_CACHE: join('node_modules', '.cache', 'test') } },
);

let failed = run.status !== 0;
try {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  // A file that fails before its tests are collected has no failed test of its own; it must not read as zero failures.
  const failures = Math.max(report.numFailedTests, report.numFailedTestSuites > 0 ? 1 : 0, failed ? 1 : 0);
  failed ||= failures > 0 || report.numPassedTests === 0;
  const skipped = report.numPendingTests > 0 ? `, ${report.numPendingTests} skipped` : '';
  console.log(`tests: ${report.numPassedTests} passed, ${failures} failed${skipped}`);
} catch (error) {
  failed = true;
  console.error(`no test report: ${error instanceof Error ? error.message : String(error)}`);
  console.log('tests: 0 passed, 1 failed');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
