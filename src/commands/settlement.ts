import { type Command, Option } from 'commander';
import { pageOf, unpackCursor } from '../api/paging.ts';
import { settlementSummary, settlementView } from '../api/settlement-view.ts';
import { PosternError } from '../errors.ts';
import {
  findSettlement,
  selectBatches,
  selectFaults,
  selectSettlements,
} from '../reconcile/import/settlement-store.ts';
import { isUuid, UUID } from '../uuid.ts';
import type { CommandContext } from './context.ts';
import { endpointName } from './endpoint-name.ts';
import { LIMIT_DEFAULT, limit } from './options.ts';
import { registerFetch } from './settlement-fetch.ts';
import { registerImport } from './settlement-import.ts';
import { readableSettlement } from './settlement-text.ts';
import { moment, table } from './table.ts';

type Summary = ReturnType<typeof settlementSummary>;
type ListOptions = {
  readonly endpoint?: readonly [provider: string, name: string];
  readonly status?: string;
  readonly batch?: string;
  readonly limit: number;
  readonly cursor?: string;
};

const STATUSES = ['waiting', 'importing', 'imported', 'failed', 'amended'];

export function register(program: Command, context: CommandContext): void {
  const settlement = program
    .command('settlement')
    .description('settlement reports: what the processors say they settled and paid out')
    .addHelpText('after', '\nExample:\n  npx postern settlement import report.csv --endpoint stripe/main');
  registerImport(settlement, context);
  registerFetch(settlement, context);
  settlement
    .command('list')
    .description('imported reports, newest first')
    .option('--endpoint <provider/name>', 'of this one only', endpointName)
    .addOption(new Option('--status <status>', 'how far it came').choices(STATUSES))
    .option('--batch <reference>', 'those that have this batch or payout')
    .option('--limit <n>', 'at most so many', limit, LIMIT_DEFAULT)
    .option('--cursor <cursor>', 'where the page before ended')
    .addHelpText('after', '\nExample:\n  npx postern settlement list --endpoint adyen/main --status failed')
    .action((options: ListOptions) => list(options, context));
  settlement
    .command('show')
    .description('one report: its batches with their proof, and its errors')
    .argument('<id>', 'as "settlement list" shows it')
    .addHelpText('after', '\nExample:\n  npx postern settlement show 01890a5d-ac96-774b-bcce-b302099a8057')
    .action((id: string) => show(id, context));
}

async function list({ endpoint, cursor, ...options }: ListOptions, context: CommandContext): Promise<void> {
  const before = unpackCursor(cursor, [UUID])?.[0] ?? null;
  const { status, batch } = options;
  const rows = await context.withDatabase(({ sql }) =>
    selectSettlements(
      sql,
      { provider: endpoint?.[0], endpoint: endpoint?.[1], status, batch },
      { before, limit: options.limit + 1 },
    ),
  );
  const page = pageOf(rows, options.limit, (row) => [row.id], settlementSummary);
  if (context.json) return context.out(JSON.stringify(page, null, 2));
  if (page.items.length === 0) {
    const isAll = endpoint === undefined && status === undefined && batch === undefined;
    return context.out(isAll ? 'No report was imported yet.' : 'No report is like that.');
  }
  context.out(
    table<Summary>(
      [
        { title: 'ID', of: (one) => one.id },
        { title: 'ENDPOINT', of: (one) => `${one.provider}/${one.endpoint}` },
        { title: 'FORMAT', of: (one) => one.format },
        { title: 'STATUS', of: (one) => one.status },
        { title: 'LINES', of: (one) => String(one.file.lines), right: true },
        { title: 'NEW', of: (one) => String(one.lines_new), right: true },
        { title: 'ERRORS', of: (one) => String(one.error_count), right: true },
        { title: 'FILE', of: (one) => one.file.name ?? '–' },
        { title: 'AT', of: (one) => moment(one.created_at) },
      ],
      page.items,
    ),
  );
  if (page.next_cursor !== null) context.out(`\nMore: --cursor ${page.next_cursor}`);
}

async function show(id: string, context: CommandContext): Promise<void> {
  const view = await context.withDatabase(async ({ sql }) => {
    const row = isUuid(id) ? await findSettlement(sql, id) : null;
    if (row === null) throw new PosternError('not_found', `there is no settlement ${id}`);
    return settlementView(row, await selectBatches(sql, id), await selectFaults(sql, id));
  });
  context.out(context.json ? JSON.stringify(view, null, 2) : readableSettlement(view));
}
