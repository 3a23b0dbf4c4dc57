import { type Command, InvalidArgumentError, Option } from 'commander';
import { DISCREPANCY_STATUSES } from '../discrepancy-status.ts';
import { DISCREPANCY_CLASSES } from '../reconcile/engine/verdict.ts';
import { openReport, REPORT_FORMATS, type ReportFormat, type ReportRequest } from '../reconcile/report/open-report.ts';
import type { CommandContext } from './context.ts';
import { currency } from './options.ts';
import { showCount } from './progress.ts';
import { writeWhole } from './write-whole.ts';

type CommonOptions = {
  readonly format: ReportFormat;
  readonly output?: string;
  readonly run?: string;
  readonly max?: number;
};

type DiscrepancyOptions = CommonOptions & {
  readonly provider?: string;
  readonly account?: string;
  readonly period?: string;
  readonly class?: string;
  readonly status?: string;
  readonly currency?: string;
  readonly minAgeDays?: number;
};

const COUNT_MAX = 1_000_000_000;

export function register(program: Command, context: CommandContext): void {
  const report = program
    .command('report')
    .description('what finance reads: the proof, the discrepancies, a settlement report line by line')
    .addHelpText(
      'after',
      '\nExample:\n  npx postern report discrepancies --format xlsx -o october.xlsx --period 2026-10',
    );
  common(
    report
      .command('discrepancies')
      .description('the proof of a period, and every discrepancy by its class')
      .option('--provider <name>', 'of this processor')
      .option('--account <name>', 'of this processor account')
      .option(
        '--period <period>',
        'accounting days: 2026, 2026-03, 2026-03-05, 2026-01-15/2026-02-14 or all; else this month',
      )
      .addOption(new Option('--class <class>', 'discrepancies of this class only').choices(DISCREPANCY_CLASSES))
      .addOption(new Option('--status <status>', 'discrepancies of this status only').choices(DISCREPANCY_STATUSES))
      .option('--currency <code>', 'in this currency only', currency)
      .option('--min-age-days <n>', 'discrepancies at least so old', whole),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern report discrepancies --format xlsx -o october.xlsx --period 2026-10\n' +
        '  npx postern report discrepancies --provider stripe --account acct_1 --max 0 > report.json',
    )
    .action((options: DiscrepancyOptions) =>
      make(
        {
          report: 'discrepancies',
          format: options.format,
          run: options.run ?? null,
          selection: { provider: options.provider ?? null, account: options.account ?? null },
          period: options.period ?? null,
          filter: {
            class: options.class ?? null,
            status: options.status ?? null,
            currency: options.currency ?? null,
            minAgeDays: options.minAgeDays ?? null,
          },
        },
        options,
        context,
      ),
    );
  common(
    report
      .command('settlement')
      .description('one settlement report: its batches, its proof, and how each of its lines stands in the books')
      .argument('<id>', 'of the report, as "settlement list" shows it', uuid),
  )
    .addHelpText(
      'after',
      '\nExample:\n  npx postern report settlement 0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b --format csv -o settlement.zip',
    )
    .action((settlement: string, options: CommonOptions) =>
      make({ report: 'settlement', format: options.format, run: options.run ?? null, settlement }, options, context),
    );
}

function common(command: Command): Command {
  return command
    .addOption(
      new Option('--format <format>', 'json, a workbook, or an archive of CSV files')
        .choices(REPORT_FORMATS)
        .default('json'),
    )
    .option('-o, --output <file>', 'into this file, which is replaced when all is written; else printed')
    .option('--run <id>', 'make this run again', uuid)
    .option('--max <n>', 'end with status 1 where more discrepancies are open', whole);
}

async function make(request: ReportRequest, options: CommonOptions, context: CommandContext): Promise<void> {
  const { output, max } = options;
  const { run, open } = await context.withDatabase(async ({ sql, reader }) => {
    const deps = { connect: reader, sql, clock: context.clock, actor: context.actor };
    const report = await openReport(deps, request);
    try {
      if (output === undefined) await context.stream(report.bytes);
      else await writeWhole(output, counted(report.bytes), context);
    } finally {
      await report.close();
    }
    return report;
  });
  if (max !== undefined && open > max) context.fail();
  // On standard output stands the report alone.
  if (output === undefined) return;
  if (context.json) context.out(JSON.stringify({ file: output, format: request.format, run, open }));
  else
    context.out(`${output} holds the report: ${open} open ${open === 1 ? 'discrepancy' : 'discrepancies'}; run ${run}`);
}

const KIB = 1_024;

async function* counted(bytes: AsyncIterable<string | Uint8Array>): AsyncGenerator<string | Uint8Array> {
  const progress = showCount('KiB');
  let written = 0;
  try {
    for await (const piece of bytes) {
      written += piece.length;
      progress.update(Math.floor(written / KIB), 'written');
      yield piece;
    }
  } finally {
    progress.end();
  }
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value > COUNT_MAX)
    throw new InvalidArgumentError(`a whole number up to ${COUNT_MAX}`);
  return value;
}

function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
    throw new InvalidArgumentError('an id such as 0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b');
  return text;
}
