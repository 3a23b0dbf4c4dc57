import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { bankStatementView } from '../api/bank-statement-view.ts';
import { currencyExponent } from '../currency.ts';
import { messageOf, PosternError } from '../errors.ts';
import { formatMajor } from '../money.ts';
import { bankFormats } from '../reconcile/bank/formats.ts';
import { createBankImporter } from '../reconcile/import/bank-importer.ts';
import { findBankStatement } from '../reconcile/import/bank-store.ts';
import { entryCounts } from '../reconcile/import/entry-counts.ts';
import { isTimeZone } from '../time-zone.ts';
import type { CommandContext } from './context.ts';
import { importEach, tellOutcomes } from './import-outcomes.ts';
import { inputFiles } from './input-files.ts';
import { readableFaults } from './settlement-text.ts';
import { oneLine, table } from './table.ts';

type View = ReturnType<typeof bankStatementView>;
type ImportOptions = { readonly format?: string; readonly mapping?: string; readonly timeZone: string };

export function register(program: Command, context: CommandContext): void {
  const bank = program
    .command('bank')
    .description('bank statements: what arrived of what was paid out')
    .addHelpText('after', '\nExample:\n  npx postern bank import statement.xml');
  bank
    .command('import')
    .description('take statements in: each entry once; those that do not close are refused whole')
    .argument('<file...>', 'camt.053, MT940, BAI2, or CSV with a mapping')
    .addOption(
      new Option('--format <format>', 'else told by how the file begins').choices(bankFormats.map((f) => f.name)),
    )
    .option('--mapping <file>', 'of a CSV: JSON that says which column is what')
    .option('--time-zone <zone>', 'in whose days a statement without zone is kept', zone, 'UTC')
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern bank import statement.xml\n' +
        '  npx postern bank import january.csv --format csv --mapping bank.json --time-zone Europe/Berlin --json',
    )
    .action((files: string[], options: ImportOptions) => importFiles(files, options, context));
}

function zone(text: string): string {
  if (!isTimeZone(text)) throw new InvalidArgumentError('the name of a time zone, such as Europe/Berlin');
  return text;
}

async function importFiles(files: readonly string[], options: ImportOptions, context: CommandContext): Promise<void> {
  const { format = null, timeZone } = options;
  const inputs = await inputFiles(files);
  const mapping = options.mapping === undefined ? undefined : await readMapping(options.mapping);
  const outcomes = await context.withDatabase(({ pool, sql }) => {
    const importer = createBankImporter({ pool, formats: bankFormats, clock: context.clock });
    return importEach(inputs, async ({ file }) => {
      const order = { format, mapping, zone: timeZone, fileName: basename(file), actor: context.actor };
      const { kind, id } = await importer.receive(order, createReadStream(file));
      const row = await findBankStatement(sql, id);
      if (row === null) throw new PosternError('internal', `bank statement ${id} is not there`);
      const view = { ...bankStatementView(row, (await entryCounts(sql, [id]))(id)), repeated: kind === 'repeated' };
      return { view, text: readable(view), failed: view.status === 'failed' };
    });
  });
  tellOutcomes(outcomes, context);
}

async function readMapping(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new PosternError('invalid_request', `${file} is no mapping: ${messageOf(cause)}`, { cause });
  }
}

function readable(view: View & { readonly repeated: boolean }): string {
  const { file, statements } = view;
  const money = (amount: string | null, currency: string): string =>
    amount === null ? '–' : formatMajor(BigInt(amount), currencyExponent(currency) ?? 0);
  const head = `${view.id}  ${view.format}  ${view.status}\n  ${oneLine(file.name ?? '')}, ${file.entries} entries, ${view.entries_new} of them new${view.repeated ? '; these bytes were imported before' : ''}`;
  const counts = `  ${view.entries_posted} posted, ${view.entries_waiting} waiting, ${view.entries_not_ours} not ours`;
  const parts = [view.status === 'failed' ? head : `${head}\n${counts}`];
  if (statements.length > 0)
    parts.push(
      table<View['statements'][number]>(
        [
          { title: 'ACCOUNT', of: (s) => s.account },
          { title: 'STATEMENT', of: (s) => s.statement },
          { title: 'NO', of: ({ number }) => (number === null ? '–' : String(number.value)), right: true },
          { title: 'ENTRIES', of: (s) => String(s.entries), right: true },
          { title: 'OPENING', of: (s) => money(s.opening, s.currency), right: true },
          { title: 'SUM', of: (s) => money(s.sum, s.currency), right: true },
          { title: 'CLOSING', of: (s) => money(s.closing, s.currency), right: true },
          { title: '', of: (s) => s.currency },
        ],
        statements,
      ),
    );
  if (view.error_count > 0) parts.push(readableFaults(view.errors, view.error_count));
  return parts.join('\n\n');
}
