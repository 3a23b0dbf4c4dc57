import { basename } from 'node:path';
import { messageOf, PosternError } from '../errors.ts';
import type { CommandContext } from './context.ts';
import { oneLine } from './table.ts';

/** What came of one file: as JSON, and as it is read. */
export type ImportOutcome = { readonly view: unknown; readonly text: string; readonly failed: boolean };

type Input = { readonly file: string };

/**
 * Takes several files in, one after the other. One that is refused is an outcome beside the others: thrown, it would take with it
 * what is told of those that are in. A file alone is refused as ever.
 */
export async function importEach<F extends Input>(
  inputs: readonly F[],
  importOne: (input: F) => Promise<ImportOutcome>,
): Promise<ImportOutcome[]> {
  const outcomes: ImportOutcome[] = [];
  for (const input of inputs) {
    try {
      outcomes.push(await importOne(input));
    } catch (error) {
      if (inputs.length === 1) throw error;
      outcomes.push(refused(input, error));
    }
  }
  return outcomes;
}

function refused({ file }: Input, error: unknown): ImportOutcome {
  const [name, message] = [basename(file), messageOf(error)];
  const code = error instanceof PosternError ? error.code : 'internal';
  return {
    view: { file: { name }, status: 'refused', error: { code, message } },
    text: `${oneLine(name)}  refused\n  ${oneLine(message)}`,
    failed: true,
  };
}

/** Of one file its own document, of several a list; status 1 where one failed. */
export function tellOutcomes(outcomes: readonly ImportOutcome[], context: CommandContext): void {
  if (outcomes.some(({ failed }) => failed)) context.fail();
  const views = outcomes.map(({ view }) => view);
  if (context.json)
    context.out(JSON.stringify(views.length === 1 ? views[0] : { items: views, next_cursor: null }, null, 2));
  else context.out(outcomes.map(({ text }) => text).join('\n\n'));
}
