import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Each file in a process of its own: a connection left open ends with it and cannot disturb the next file.
    pool: 'forks',
    // Twice the cores of a small machine: half of a test is waiting for timers, processes and disks.
    maxWorkers: 4,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    restoreMocks: true,
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'json-summary'] },
  },
});
