import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { examinedFaults, provenBatchView, settlementView } from '../api/settlement-view.ts';
import { PosternError } from '../errors.ts';
import { createLog } from '../log.ts';
import { withTransaction } from '../postgres/sql.ts';
import { providers } from '../providers/index.ts';
import { clearAbandoned } from '../reconcile/import/clear-abandoned.ts';
import { createImporter, type Importer, type Received } from '../reconcile/import/importer.ts';
import { reportEndpoint } from '../reconcile/import/report-endpoint.ts';
import { findSettlement, selectBatches, selectFaults } from '../reconcile/import/settlement-store.ts';
import type { CommandContext, CommandDatabase } from './context.ts';
import { endpointName } from './endpoint-name.ts';
import { type ImportOutcome, importEach, tellOutcomes } from './import-outcomes.ts';
import { inputFiles } from './input-files.ts';
import { reason } from './options.ts';
import { showProgress } from './progress.ts';
import { readableBatches, readableFaults, readableSettlement } from './settlement-text.ts';

type ImportOptions = {
  readonly endpoint: readonly [provider: string, name: string];
  readonly account?: string;
  readonly format?: string;
  readonly acceptDifference?: string;
  readonly dryRun: boolean;
};

const STDERR = 2;

export function registerImport(settlement: Command, context: CommandContext): void {
  settlement
    .command('import')
    .description('take a report in: its proof first, then all of it or nothing')
    .argument('<file...>', 'as the processor gave it; those that are one report together')
    .requiredOption('--endpoint <provider/name>', 'for whose account', endpointName)
    .option('--account <account>', 'whose of the endpoint’s, where several share it; else told by the file')
    .option('--format <format>', 'else told by how the file begins')
    .option('--accept-difference <reason>', 'take a report that contradicts itself, and why', reason)
    .option('--dry-run', 'read and prove it, and keep nothing', false)
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern settlement import payouts.csv --endpoint stripe/main --dry-run\n' +
        '  npx postern settlement import STL-20260106.*.CSV --endpoint paypal/main --json',
    )
    .action((files: string[], options: ImportOptions) => importFiles(files, options, context));
}

async function importFiles(files: readonly string[], options: ImportOptions, context: CommandContext): Promise<void> {
  const [provider, endpoint] = options.endpoint;
  const inputs = await inputFiles(files);
  const outcomes = await context.withDatabase(async (database) => {
    const { pool, sql } = database;
    const { logLevel } = context.config();
    const log = createLog(logLevel === 'info' ? 'error' : logLevel, STDERR);
    const importer = createImporter({ pool, clock: context.clock, log });
    const target = await reportEndpoint(sql, providers, { provider, endpoint });
    await withTransaction(pool, clearAbandoned);
    return importEach(inputs, (file) => importFile(file, target, { importer, options, database, context }));
  });
  tellOutcomes(outcomes, context);
}

async function importFile(
  { file, size }: Awaited<ReturnType<typeof inputFiles>>[number],
  endpoint: Awaited<ReturnType<typeof reportEndpoint>>,
  at: {
    readonly importer: Importer;
    readonly options: ImportOptions;
    readonly database: CommandDatabase;
    readonly context: CommandContext;
  },
): Promise<ImportOutcome> {
  const { format = null, acceptDifference = null, dryRun } = at.options;
  const progress = at.context.json ? null : showProgress(`bytes of ${basename(file)}`, size);
  let received: Received;
  try {
    received = await at.importer.receive(
      {
        endpoint,
        account: at.options.account,
        format,
        fileName: basename(file),
        acceptDifference,
        actor: at.context.actor,
        bytesMax: Number.MAX_SAFE_INTEGER,
        dryRun,
        onProgress: ({ bytes }) => progress?.update(bytes),
      },
      createReadStream(file),
    );
    if (received.kind === 'proven') await received.finish();
  } finally {
    progress?.end();
  }
  if (received.kind === 'dry_run') return dryRunOutcome(received);
  const { sql } = at.database;
  const row = await findSettlement(sql, received.id);
  if (row === null) throw new PosternError('internal', `settlement ${received.id} is not there`);
  const view = settlementView(row, await selectBatches(sql, row.id), await selectFaults(sql, row.id));
  const notes = {
    repeated: 'these bytes were imported before',
    waiting: 'kept: it waits for further files of its report',
  };
  const note = received.kind === 'repeated' || received.kind === 'waiting' ? `\n  ${notes[received.kind]}` : '';
  const missing = received.kind === 'waiting' ? ` (missing: ${received.missing})` : '';
  return { view, text: `${readableSettlement(view)}${note}${missing}`, failed: view.status === 'failed' };
}

function dryRunOutcome({ examined }: Extract<Received, { kind: 'dry_run' }>): ImportOutcome {
  const { format, lines, faults } = examined;
  const batches = examined.batches.map(provenBatchView);
  const errors = examinedFaults(faults.kept, examined.batches);
  const view = { format: format.name, lines, batches, error_count: faults.count, errors };
  const text = [`${format.title}, ${lines} lines; nothing was kept`, readableBatches(batches)];
  if (faults.count > 0) text.push(readableFaults(errors, faults.count));
  return { view, text: text.join('\n\n'), failed: faults.count > 0 };
}
