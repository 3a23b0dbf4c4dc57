import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stryker } from '@stryker-mutator/core';
import pg from 'pg';
import { createLog } from '../src/log.ts';
import { startEmbedded } from '../src/postgres/embedded/start-embedded.ts';

/**
 * Mutation testing: changes the code of money, rules and posting in one place at a time and looks whether a test fails.
 * `npm run mutation` runs all parts, `npm run mutation -- money rules` some, `npm run mutation -- src/ledger/split.ts` one
 * file of the part it belongs to. Ends with the scores as a Markdown table (docs/mutation-testing.md).
 *
 * Each part has the tests that are about it, so that a mutant costs seconds: the rules are pure and need no database. The
 * stores are left out: a mutated SQL text is no slip that anybody makes, but a statement that does not run.
 */
type Part = { readonly files: readonly string[]; readonly tests: readonly string[] };

const ledger = (...names: string[]): string[] => names.map((name) => `src/ledger/${name}.ts`);

const ledgerTests = (...names: string[]): string[] => names.map((name) => `test/ledger/${name}.test.ts`);

const PARTS: Readonly<Record<string, Part>> = {
  money: {
    files: ['src/money.ts', 'src/currency.ts', 'src/exact-json.ts'],
    tests: ['test/money.test.ts', 'test/currency.test.ts', 'test/exact-json*.test.ts'],
  },
  rules: {
    files: [
      'src/settlement-line.ts',
      ...ledger('accounting-day', 'bank-line-rule', 'chart', 'draft', 'entry', 'line-rules', 'match-rules'),
      ...ledger('payment-rules', 'period-rules', 'rules', 'source', 'split'),
    ],
    tests: ['test/ledger/rules/*.test.ts'],
  },
  fees: { files: ledger('fee-recognition'), tests: ledgerTests('fees', 'lines') },
  looks: {
    files: ledger('look', 'payment-state'),
    tests: ledgerTests('order', 'payout-lines', 'postings', 'processors', 'reversal', 'split'),
  },
  posting: {
    files: ledger('older-rules', 'post'),
    tests: ledgerTests('batch-conflicts', 'post', 'postings'),
  },
  reversal: { files: ledger('reversal'), tests: ledgerTests('days', 'matches', 'reversal') },
};

/** How a mutant fared; those that do not even load prove nothing and do not count. */
const DETECTED = ['Killed', 'Timeout'];
const UNDETECTED = ['Survived', 'NoCoverage'];

const server = await startServer();
const rows: string[] = [];
let sums = { detected: 0, all: 0 };
try {
  for (const [name, part] of chosen(process.argv.slice(2))) {
    // Stryker's own `testFiles` would switch mutants of what is made at import on only after the import: none would be found.
    process.env.POSTERN_MUTATION_TESTS = part.tests.join();
    const results = await new Stryker({
      testRunner: 'vitest',
      plugins: ['@stryker-mutator/vitest-runner'],
      vitest: { configFile: 'vitest.mutation.config.ts', pool: 'forks', related: false },
      mutate: [...part.files],
      coverageAnalysis: 'perTest',
      // It would be rewritten by an interface that TypeScript 7 no longer has; nothing here refers to files outside.
      tsconfigFile: 'none',
      concurrency: 2,
      timeoutMS: 20_000,
      reporters: ['progress-append-only', 'clear-text', 'html', 'json'],
      clearTextReporter: { allowColor: false, logTests: false, reportTests: false, reportMutants: true },
      htmlReporter: { fileName: `reports/mutation/${name}.html` },
      jsonReporter: { fileName: `reports/mutation/${name}.json` },
      // A copy of biome.json would be a second root to the linter.
      ignorePatterns: ['/biome.json', '/data', '/coverage', '/reports', '/bench', '/docs'],
      allowConsoleColors: false,
    }).runMutationTest();
    for (const file of part.files) {
      const statuses = results.filter(({ fileName }) => fileName.endsWith(`/${file}`)).map(({ status }) => status);
      const count = (among: readonly string[]): number => statuses.filter((status) => among.includes(status)).length;
      const detected = count(DETECTED);
      const all = detected + count(UNDETECTED);
      sums = { detected: sums.detected + detected, all: sums.all + all };
      rows.push(`| \`${file}\` | ${all} | ${detected} | ${score(detected, all)} |`);
    }
  }
} finally {
  await server.stop();
}
const head = ['| file | mutants | found | score |', '| --- | ---: | ---: | ---: |'];
const total = `| all | ${sums.all} | ${sums.detected} | ${score(sums.detected, sums.all)} |`;
console.log(`\n${[...head, ...rows, total].join('\n')}`);

function chosen(wanted: readonly string[]): [string, Part][] {
  const parts = Object.entries(PARTS);
  if (wanted.length === 0) return parts;
  const found = parts.flatMap(([name, { files, tests }]): [string, Part][] => {
    const some = wanted.includes(name) ? files : files.filter((file) => wanted.includes(file));
    return some.length === 0 ? [] : [[name, { files: some, tests }]];
  });
  if (found.length === 0) throw new Error(`no part or file of these: ${wanted.join(', ')}`);
  return found;
}

function score(detected: number, all: number): string {
  return all === 0 ? '–' : `${((100 * detected) / all).toFixed(1)} %`;
}

/** One server for all mutants: a run that had to be killed leaves nothing but a database in it. */
async function startServer(): Promise<{ stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-mutation-'));
  chmodSync(folder, 0o711);
  const embedded = await startEmbedded({ dataDir: folder, log: createLog('warn') });
  const superuser = new pg.Client({ connectionString: embedded.superuserUrl });
  await superuser.connect();
  // Nothing here must outlive the run.
  await superuser.query('alter system set fsync = off');
  await superuser.query('select pg_reload_conf()');
  await superuser.end();
  process.env.TEST_DATABASE_URL = embedded.superuserUrl;
  // Interrupted, the server ends with us; its folder must not stay either.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return embedded;
}
