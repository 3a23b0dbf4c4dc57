import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { messageOf, PosternError } from '../errors.ts';
import { openExport } from '../ledger/export/export-journal.ts';
import { JOURNAL_FORMATS, type JournalFormat } from '../ledger/export/journal.ts';
import type { CommandContext } from './context.ts';
import { day } from './options.ts';

type ExportOptions = {
  readonly format: JournalFormat;
  readonly from?: string;
  readonly to?: string;
  readonly account?: string;
  readonly output?: string;
};

/** The books are nobody's business but their keeper's. */
const FILE_MODE = 0o600;

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
      else await writeWhole(output, journal.text);
    } finally {
      await journal.close();
    }
  });
  if (output === undefined) return;
  if (context.json) context.out(JSON.stringify({ file: output, format }));
  else context.out(`${output} holds the journal.`);
}

/** A file that is there is whole: half a journal would balance as well. */
async function writeWhole(file: string, text: AsyncIterable<string>): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  try {
    await pipeline(text, createWriteStream(part, { flags: 'wx', mode: FILE_MODE }));
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true });
    if (cause instanceof PosternError || !isFileError(cause)) throw cause;
    throw new PosternError('invalid_request', `${file} cannot be written: ${messageOf(cause)}`, { cause });
  }
}

const isFileError = (error: unknown): boolean => error instanceof Error && 'syscall' in error && 'path' in error;
