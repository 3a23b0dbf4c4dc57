import { type Command, InvalidArgumentError, Option } from 'commander';
import { discrepancyDetailView, discrepancyView } from '../api/discrepancy-view.ts';
import { pageOf, unpackCursor } from '../api/paging.ts';
import { DISCREPANCY_STATUSES } from '../discrepancy-status.ts';
import { createEndpointRegistry } from '../endpoints/registry.ts';
import { PosternError } from '../errors.ts';
import { createLedger } from '../ledger/post.ts';
import { createLog } from '../log.ts';
import { providers } from '../providers/index.ts';
import { discrepancyDetail } from '../reconcile/discrepancies/detail.ts';
import { type Action, createDiscrepancies } from '../reconcile/discrepancies/discrepancies.ts';
import { countDiscrepancies, selectDiscrepancies } from '../reconcile/discrepancies/discrepancies-store.ts';
import type { DiscrepancyFilter } from '../reconcile/discrepancies/filter.ts';
import { createRulesOf } from '../reconcile/engine/account-rules.ts';
import { DISCREPANCY_CLASSES } from '../reconcile/engine/verdict.ts';
import { isUuid, UUID } from '../uuid.ts';
import type { CommandContext, CommandDatabase } from './context.ts';
import { discrepancyText, moneyText } from './discrepancy-text.ts';
import { currency, LIMIT_DEFAULT, limit, reason } from './options.ts';
import { table } from './table.ts';

type View = ReturnType<typeof discrepancyView>;
type ListOptions = {
  readonly type?: DiscrepancyFilter['type'];
  readonly status?: DiscrepancyFilter['status'];
  readonly all?: boolean;
  readonly provider?: string;
  readonly account?: string;
  readonly currency?: string;
  readonly assignee?: string;
  readonly minAge?: number;
  readonly max?: number;
  readonly limit: number;
  readonly cursor?: string;
};
type ResolveOptions = {
  readonly explain?: string;
  readonly assign?: string;
  readonly unassign?: boolean;
  readonly note?: string;
  readonly reopen?: boolean;
  readonly agree?: string;
  readonly correct?: boolean;
  readonly reason?: string;
};

export function register(program: Command, context: CommandContext): void {
  const discrepancies = program
    .command('discrepancies')
    .description('what does not net between webhooks, reports and the bank')
    .addHelpText('after', '\nExample:\n  npx postern discrepancies list --type missing_in_settlement');
  discrepancies
    .command('list')
    .description('discrepancies that are not over, the last found first')
    .addOption(new Option('--type <class>', 'its class').choices(DISCREPANCY_CLASSES))
    .addOption(new Option('--status <status>', 'how far the work on it is').choices(DISCREPANCY_STATUSES))
    .option('--all', 'also those that are over')
    .option('--provider <provider>', 'of one processor')
    .option('--account <account>', 'of one processor account')
    .option('--currency <currency>', 'in one currency', currency)
    .option('--assignee <name>', 'in whose hands')
    .option('--min-age <days>', 'at least so old', wholeNumber)
    .option('--max <n>', 'exit status 1 where there are more than this', wholeNumber)
    .option('--limit <n>', 'at most so many', limit, LIMIT_DEFAULT)
    .option('--cursor <cursor>', 'where the page before ended')
    .addHelpText('after', '\nExample:\n  npx postern discrepancies list --provider stripe --min-age 3 --max 0 --json')
    .action((options: ListOptions) => list(options, context));
  discrepancies
    .command('show')
    .description('one discrepancy: both sides, what moved them, what was done about it')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  npx postern discrepancies show 019a0c5e-8f00-7000-8000-000000000000')
    .action((id: string) => context.withDatabase((database) => show(database, id, context)));
  discrepancies
    .command('resolve')
    .description('do one thing about a discrepancy')
    .argument('<id>')
    .option('--explain <code>', 'resolve it, with a reason code', words)
    .option('--assign <name>', 'give it to somebody', words)
    .option('--unassign', 'take it out of anybody’s hands')
    .option('--agree <suggestion>', 'post an allocation that was suggested')
    .option('--correct', 'post what the missing webhook would have told')
    .option('--reopen', 'work on it again')
    .option('--note <text>', 'what is to be remembered; by itself, or with --explain or --assign', words)
    .option('--reason <text>', 'why, for the audit log', reason)
    .addHelpText(
      'after',
      '\nExample:\n  npx postern discrepancies resolve 019a0c5e-8f00-7000-8000-000000000000 --explain rounding --note "agreed by mail"',
    )
    .action((id: string, options: ResolveOptions, command: Command) =>
      resolve(id, actionOf(options, command), context),
    );
}

function words(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('it is empty');
  return text;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number');
  return Number(text);
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const { limit: most, cursor, max, all, minAge, ...given } = options;
  const filter: DiscrepancyFilter = {
    ...given,
    ...(all === true || given.status !== undefined ? {} : { finished: false }),
    ...(minAge === undefined ? {} : { min_age_days: minAge }),
  };
  const before = unpackCursor(cursor, [UUID])?.[0] ?? null;
  const now = context.clock.now();
  const { rows, total } = await context.withDatabase(async ({ sql }) => ({
    rows: await selectDiscrepancies(sql, filter, { before, limit: most + 1, now }),
    total: max === undefined ? null : await countDiscrepancies(sql, filter, now),
  }));
  if (max !== undefined && total !== null && total > max) context.fail();
  const page = pageOf(
    rows,
    most,
    (row) => [row.id],
    (row) => discrepancyView(row, now),
  );
  if (context.json) return context.out(JSON.stringify(page, null, 2));
  if (page.items.length === 0)
    return context.out(Object.keys(given).length === 0 ? 'No discrepancy is open.' : 'No discrepancy is like that.');
  context.out(
    table<View>(
      [
        { title: 'CLASS', of: (view) => view.class },
        { title: 'DELTA', of: (view) => moneyText(view.delta, view.currency), right: true },
        { title: 'AGE', of: (view) => `${view.age_days} d`, right: true },
        { title: 'STATUS', of: (view) => view.status },
        { title: 'PROCESSOR', of: (view) => `${view.provider}/${view.account}` },
        { title: 'REFERENCE', of: (view) => view.reference },
        { title: 'CAUSE', of: (view) => view.cause ?? '–' },
        { title: 'WITH', of: (view) => view.assignee ?? '–' },
        { title: 'ID', of: (view) => view.id },
      ],
      page.items,
    ),
  );
  if (page.next_cursor !== null) context.out(`\nMore: the same with --cursor ${page.next_cursor}`);
}

async function show({ sql }: CommandDatabase, id: string, context: CommandContext): Promise<void> {
  const detail = isUuid(id) ? await discrepancyDetail(sql, id) : null;
  if (detail === null) throw new PosternError('not_found', `there is no discrepancy ${id}`);
  const view = discrepancyDetailView(detail.row, detail, context.clock.now());
  context.out(context.json ? JSON.stringify(view, null, 2) : discrepancyText(view));
}

/** Ends the command where the options are no one thing to do. */
function actionOf(options: ResolveOptions, command: Command): Action {
  const { note, reason: why } = options;
  const noted = note === undefined ? {} : { note };
  const needed = (option: string): string => why ?? command.error(`${option} needs --reason`);
  const wanted: Action[] = [
    ...(options.explain === undefined ? [] : [{ action: 'explain' as const, reason_code: options.explain, ...noted }]),
    ...(options.assign === undefined ? [] : [{ action: 'assign' as const, assignee: options.assign, ...noted }]),
    ...(options.unassign === true ? [{ action: 'assign' as const, assignee: null, ...noted }] : []),
    ...(options.agree === undefined
      ? []
      : [{ action: 'agree' as const, suggestion: options.agree, reason: needed('--agree') }]),
    ...(options.correct === true ? [{ action: 'post_correction' as const, reason: needed('--correct') }] : []),
    ...(options.reopen === true ? [{ action: 'reopen' as const, reason: needed('--reopen') }] : []),
  ];
  if (wanted.length > 1) command.error('one thing at a time: they were more');
  const [action = note === undefined ? undefined : { action: 'note' as const, note }] = wanted;
  if (action === undefined)
    return command.error('nothing to do: give --explain, --assign, --unassign, --agree, --correct, --reopen or --note');
  // Neither may be lost without a word: what is kept of each action is its own.
  if ('reason' in action && note !== undefined)
    command.error('--agree, --correct and --reopen have --reason, and no --note');
  if (!('reason' in action) && why !== undefined)
    command.error('--reason is for --agree, --correct and --reopen: say it as --note');
  return action;
}

async function resolve(id: string, action: Action, context: CommandContext): Promise<void> {
  const { clock, actor } = context;
  await context.withDatabase(async (database) => {
    const { pool, sql, keyring } = database;
    const log = createLog('silent');
    const endpoints = createEndpointRegistry({ sql, providers, keyring, clock, log });
    await endpoints.load();
    const discrepancies = createDiscrepancies({
      pool,
      clock,
      ledger: createLedger({ clock }),
      rulesOf: createRulesOf(endpoints),
    });
    await discrepancies.act(id, action, actor);
    await show(database, id, context);
  });
}
