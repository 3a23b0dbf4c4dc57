import { defineConfig } from 'vitest/config';

/** What asks nothing of Postgres and leaves nothing open: a process runs many of these files, and reads the modules once. */
const PURE = [
  'test/providers/*/**/*.test.ts',
  'test/simulate/!(endpoints).test.ts',
  'test/reconcile/bank/**/*.test.ts',
  'test/ledger/rules/**/*.test.ts',
];

/** Minutes each: `npm run soak`. */
const SOAK =
  process.env.POSTERN_SOAK === undefined
    ? ['test/faults/{bank,engine-kills,import-kills,instances,payments-property,transfers-crash}.test.ts', 'test/ingest/{rederive-memory,retention-interrupted}.test.ts']
    : [];

export default defineConfig({
  test: {
    pool: 'forks',
    // Twice the cores of a small machine: half of a test is waiting for timers, processes and disks.
    maxWorkers: 4,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    restoreMocks: true,
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'json-summary'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['test/**/*.test.ts'],
          exclude: [...PURE, ...SOAK],
          globalSetup: ['test/support/global-setup.ts'],
          // Each file in a process of its own: a connection left open ends with it and cannot disturb the next file.
          isolate: true,
        },
      },
      { extends: true, test: { name: 'pure', include: PURE, isolate: false } },
    ],
  },
});
