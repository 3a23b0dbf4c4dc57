import type { Command } from 'commander';
import { dismissalView } from '../api/dismissal-view.ts';
import { eventDetail } from '../api/event-detail.ts';
import { eventGroupView } from '../api/event-group-view.ts';
import { selectEvent } from '../api/event-store.ts';
import { PosternError } from '../errors.ts';
import { type DismissalRow, selectDismissal } from '../ingest/dismissal-store.ts';
import { createDismissals, type Dismissals, deadOf } from '../ingest/dismissals.ts';
import { type EventFilter, statusOf } from '../ingest/event-filter.ts';
import { selectEventGroups } from '../ingest/event-groups-store.ts';
import { createMetrics } from '../metrics.ts';
import type { CommandContext, CommandDatabase } from './context.ts';
import { type EventFilterOptions, eventFilterOf, withEventFilter } from './event-filter-options.ts';
import { findEvent } from './event-lookup.ts';
import { groupsText } from './events-groups.ts';
import { reason } from './options.ts';
import { showProgress } from './progress.ts';
import { oneLine } from './table.ts';

type Options = EventFilterOptions & { readonly reason: string; readonly dryRun: boolean };

const GROUPS_SHOWN = 100;
const LOOK_MS = 500;

export function registerDismiss(events: Command, context: CommandContext): void {
  withEventFilter(
    events.command('dismiss').description('put dead letters away: they end without effect, and say who did it and why'),
  )
    .argument('[id]', "one event, by its id or the provider's; else all dead letters that the options mean")
    .requiredOption('--reason <text>', 'why, for the event and the audit log', reason)
    .option('--dry-run', 'only tell which, by cause', false)
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern events dismiss 0199f3c2-7a10-7c44-9c5e-3f1b2a6d8e90 --reason "sent by a test of theirs"\n' +
        '  npx postern events dismiss --provider stripe --type charge.refunded --error-code rule_failed --reason "posted by hand" --dry-run',
    )
    .action((id: string | undefined, options: Options, command: Command) => dismiss(id, options, command, context));
}

async function dismiss(id: string | undefined, options: Options, command: Command, context: CommandContext) {
  const filter = eventFilterOf(options);
  const isFiltered = Object.keys(filter).length > 0;
  if (id === undefined && !isFiltered)
    command.error('name an event, or say which are meant (all dead letters: --status dead)');
  if (id !== undefined && isFiltered) command.error('name an event or say which are meant, not both');
  if ((statusOf(filter) ?? 'dead') !== 'dead')
    command.error(`only dead letters are dismissed, not ${statusOf(filter)} events`);
  await context.withDatabase((database) => {
    const { clock } = context;
    const dismissals = createDismissals({
      pool: database.pool,
      clock,
      metrics: createMetrics({ process: false }),
    });
    const work = { database, dismissals, options, context };
    return id === undefined ? dismissMany(filter, work) : dismissOne(id, work);
  });
}

type Work = {
  readonly database: CommandDatabase;
  readonly dismissals: Dismissals;
  readonly options: Options;
  readonly context: CommandContext;
};

async function dismissOne(id: string, { database: { sql }, dismissals, options, context }: Work): Promise<void> {
  const event = await findEvent(sql, id);
  if (options.dryRun) {
    const would = event.status === 'dead';
    if (context.json) return context.out(JSON.stringify({ dry_run: true, total: would ? 1 : 0, groups: [] }, null, 2));
    return context.out(would ? `Would dismiss ${event.id}` : `${event.id} is ${event.status}: nothing to dismiss`);
  }
  await dismissals.dismissOne(event.id, options.reason, context.actor);
  if (!context.json) return context.out(`Dismissed ${event.id}`);
  const row = await selectEvent(sql, event.id);
  if (row === undefined) throw new PosternError('not_found', `event ${event.id} is gone`);
  context.out(JSON.stringify(await eventDetail(sql, row), null, 2));
}

async function dismissMany(filter: EventFilter, work: Work): Promise<void> {
  const { dismissals, options, context } = work;
  if (options.dryRun) return preview(filter, work);
  const id = await dismissals.ask(filter, options.reason, context.actor);
  const row = await follow(id, work);
  if (row.status !== 'done') context.fail();
  if (context.json) return context.out(JSON.stringify(dismissalView(row), null, 2));
  context.out(readable(row));
}

async function preview(filter: EventFilter, { database: { sql }, dismissals, context }: Work): Promise<void> {
  const dead = deadOf(filter);
  const total = await dismissals.count(filter);
  const groups = (await selectEventGroups(sql, dead, GROUPS_SHOWN)).map((group) => eventGroupView(group, dead));
  if (context.json) return context.out(JSON.stringify({ dry_run: true, total, groups }, null, 2));
  if (total === 0) return context.out('No dead letter is like that.');
  context.out(`${groupsText(groups)}\n\nWould dismiss ${total}`);
}

/** Works batch by batch, beside a gateway that does, too. Interrupted, it cancels what is left. */
async function follow(id: string, { database: { sql }, dismissals, context }: Work): Promise<DismissalRow> {
  const first = await find(sql, id);
  const progress = showProgress('dead letters', Number(first.total));
  let stopped = false;
  const release = context.onSignal(() => {
    stopped = true;
  });
  try {
    for (;;) {
      const row = await find(sql, id);
      progress.update(Number(row.looked_at));
      if (row.status !== 'running') return row;
      if (stopped) await dismissals.cancel(id, context.actor);
      else if (!(await dismissals.step(id))) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    release();
    progress.end();
  }
}

async function find(sql: CommandDatabase['sql'], id: string): Promise<DismissalRow> {
  const row = await selectDismissal(sql, id);
  if (row === undefined) throw new PosternError('not_found', `dismissal ${id} is gone`);
  return row;
}

function readable(row: DismissalRow): string {
  if (row.status === 'done' && row.looked_at === 0n) return 'No dead letter is like that.';
  const left = row.looked_at - row.dismissed;
  const others = left === 0n ? '' : `; ${left} were not dead any more, or died anew`;
  const end =
    row.status === 'done' ? '' : ` before it was ${row.status}${row.error === null ? '' : `: ${oneLine(row.error)}`}`;
  return `Dismissed ${row.dismissed} of ${row.total}${end}${others}`;
}
