import { type Command, Option } from 'commander';
import { openExport } from '../ledger/export/export-journal.ts';
import { JOURNAL_FORMATS, type JournalFormat } from '../ledger/export/journal.ts';
import type { CommandContext } from './context.ts';
import { day } from './options.ts';
import { writeWhole } from './write-whole.ts';

type ExportOptions = {
  readonly format: JournalFormat;
  readonly from?: string;
  readonly to?: string;
  readonly account?: string;
  readonly output?: string;
};

export function register(ledger: Command, context: CommandContext): void {
  ledger
    .command('export')
    .description('the journal as CSV, or for beancount or hledger, whose own checks then prove it')
    .addOption(new Option('--format <format>', 'what for').choices(JOURNAL_FORMATS).makeOptionMandatory())
    .option('--from <day>', 'from this accounting date on; what was before comes as opening balances', day)
    .option('--to <day>', 'up to this accounting date, included', day)
    .option('--account <path>', 'whole transactions that touch this account')
    .option('-o, --output <file>', 'into this file, which is replaced when all is written; else printed')
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern ledger export --format beancount -o books.beancount && bean-check books.beancount\n' +
        '  npx postern ledger export --format csv --from 2026-01-01 --to 2026-01-31 --account income:revenue',
    )
    .action((options: ExportOptions) => exportTo(options, context));
}

async function exportTo({ format, from, to, account, output }: ExportOptions, context: CommandContext): Promise<void> {
  await context.withDatabase(async ({ reader }) => {
    const journal = await openExport(reader, format, { from: from ?? null, to: to ?? null, account: account ?? null });
    try {
      if (output === undefined) await context.stream(journal.text);
      else await writeWhole(output, journal.text, context);
    } finally {
      await journal.close();
    }
  });
  if (output === undefined) return;
  if (context.json) context.out(JSON.stringify({ file: output, format }));
  else context.out(`${output} holds the journal.`);
}
