import { BaseSequencer, type TestSpecification } from 'vitest/node';
import base from './vitest.config.ts';

/** Properties run for seconds: a mutant that an example finds must not wait for them. */
const LAST = /\/(split|order|fees|payout-lines)\.test\.ts$/;

class ExamplesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const late = ({ moduleId }: TestSpecification): number => (LAST.test(moduleId) ? 1 : 0);
    return [...files].sort((a, b) => late(a) - late(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

/** The suite as mutation testing runs it: `npm run mutation`. */
export default {
  ...base,
  test: {
    ...base.test,
    projects: undefined,
    globalSetup: ['test/support/global-setup.ts'],
    include: process.env.POSTERN_MUTATION_TESTS?.split(','),
    // One process for the files of a run: most of what a mutant costs is starting them.
    isolate: false,
    setupFiles: ['test/support/mutation-setup.ts'],
    sequence: { sequencer: ExamplesFirst },
  },
};
