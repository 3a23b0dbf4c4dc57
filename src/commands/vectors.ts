import type { Command } from 'commander';
import { providers } from '../providers/index.ts';
import { runVectors, type VectorCase } from '../vectors.ts';
import type { CommandContext } from './context.ts';

export function register(program: Command, context: CommandContext): void {
  program
    .command('vectors')
    .description('check files of signed requests against the adapters, each at the time it names')
    .argument('<files...>', 'vector files')
    .addHelpText('after', '\nExample:\n  npx postern vectors ../shared/data/webhooks/stripe/vectors.json')
    .action(async (files: string[]) => {
      const { passed, failed, skipped, cases } = await runVectors(files, providers);
      if (context.json)
        context.out(
          JSON.stringify({ passed, failed, cases: cases.filter((one) => one.got !== 'skipped').map(shown) }, null, 2),
        );
      else {
        for (const one of cases) context.out(line(one));
        context.out(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped: no adapter`}`);
      }
      if (failed > 0) context.fail();
    });
}

function shown({ file, name, expected, got, reason }: VectorCase): object {
  return { file, name, expected, got, reason };
}

function line({ got, passed, provider, name, expected, reason }: VectorCase): string {
  const mark = got === 'skipped' ? 'skip' : passed ? 'ok  ' : 'FAIL';
  return `${mark}  ${provider}  ${name}: expected ${expected}, got ${got} (${reason})`;
}
