import type { Command } from 'commander';
import { selectDeliveryIds, selectEvent, selectEvents } from '../api/event-store.ts';
import { pageOf, unpackCursor } from '../api/paging.ts';
import { eventView, transactionView } from '../api/views.ts';
import { PosternError } from '../errors.ts';
import { transactionsOfEvent } from '../ledger/queries-store.ts';
import { isUuid } from '../uuid.ts';
import type { CommandContext } from './context.ts';
import { type EventFilterOptions, eventFilterOf, withEventFilter } from './event-filter-options.ts';
import { LIMIT_DEFAULT, limit } from './options.ts';
import { registerEventReplay } from './replay.ts';
import { moment, oneLine, table } from './table.ts';
import { type TransactionView, transactionText } from './transaction-text.ts';

type EventView = ReturnType<typeof eventView>;
type ListOptions = EventFilterOptions & { readonly limit: number; readonly cursor?: string };

/** By the provider's id there is one event an endpoint, and a conflicting one beside it at most. */
const SAME_ID_MAX = 10;

export function register(program: Command, context: CommandContext): void {
  const events = program
    .command('events')
    .description('what the processors told')
    .addHelpText('after', '\nExample:\n  npx postern events list --status dead');
  withEventFilter(events.command('list').description('find events, newest first'))
    .option('--limit <n>', 'at most so many', limit, LIMIT_DEFAULT)
    .option('--cursor <cursor>', 'where the page before ended')
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern events list --status dead --from 2026-01-31\n  npx postern events list --reference ch_123 --json',
    )
    .action((options: ListOptions) => list(options, context));
  events
    .command('show')
    .description('one event: what it was, what it posted, which deliveries brought it')
    .argument('<id>', "its id, or the provider's")
    .addHelpText('after', '\nExample:\n  npx postern events show evt_1NG8Du2eZvKYlo2CUI79vXWy')
    .action((id: string) => show(id, context));
  registerEventReplay(events, context);
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const beyond = unpackCursor(options.cursor, [/^[0-9a-f-]{36}$/])?.[0] ?? null;
  const filter = eventFilterOf(options);
  const rows = await context.withDatabase(({ sql }) =>
    selectEvents(sql, filter, { order: 'newest', beyond, limit: options.limit + 1 }),
  );
  const page = pageOf(rows, options.limit, (row) => [row.id], eventView);
  if (context.json) return context.out(JSON.stringify(page, null, 2));
  if (page.items.length === 0) {
    const filtered = beyond !== null || Object.keys(filter).length > 0;
    return context.out(
      filtered
        ? 'No event is like that.'
        : 'No event has come yet. Send a signed one, as a processor would:\n\n  npx postern simulate --once stripe',
    );
  }
  context.out(
    table<EventView>(
      [
        { title: 'RECEIVED', of: (view) => moment(view.received_at) },
        { title: 'ENDPOINT', of: (view) => `${view.provider}/${view.endpoint}` },
        { title: 'TYPE', of: (view) => view.type },
        { title: 'STATUS', of: (view) => view.status },
        { title: 'REASON', of: reasonOf },
        { title: 'EVENT ID', of: (view) => view.event_id },
        { title: 'ID', of: (view) => view.id },
      ],
      page.items,
    ),
  );
  if (page.next_cursor !== null) context.out(`\nMore: the same with --cursor ${page.next_cursor}`);
}

async function show(id: string, context: CommandContext): Promise<void> {
  const view = await context.withDatabase(async ({ sql }) => {
    const row = isUuid(id) ? await selectEvent(sql, id) : undefined;
    const rows =
      row === undefined
        ? await selectEvents(sql, { event_id: id }, { order: 'newest', beyond: null, limit: SAME_ID_MAX })
        : [row];
    const [found, another] = rows;
    if (found === undefined) throw new PosternError('not_found', `there is no event ${id}`);
    if (another !== undefined) {
      throw new PosternError(
        'invalid_request',
        `${id} came to several endpoints or with different content; show one of ${rows.map((one) => one.id).join(', ')}`,
      );
    }
    const deliveries = await selectDeliveryIds(sql, found.id);
    const posted = await transactionsOfEvent(sql, found.id);
    return {
      ...eventView(found),
      deliveries,
      posted: posted.map((one) => transactionView(one.transaction, one.postings)),
    };
  });
  context.out(context.json ? JSON.stringify(view, null, 2) : readable(view));
}

function readable(view: EventView & { deliveries: readonly string[]; posted: readonly TransactionView[] }): string {
  const about = Object.entries(view.references).flatMap(([kind, ids]) => ids.map((id) => `${kind} ${id}`));
  const facts: [string, string | null][] = [
    ['event id', view.event_id],
    ['type', view.type],
    ['endpoint', `${view.provider}/${view.endpoint} (account ${view.account})`],
    ['mode', view.live === null ? null : view.live ? 'live' : 'test'],
    ['status', [view.status, reasonOf(view)].filter((part) => part !== '').join(': ')],
    ['waits until', view.until === null ? null : moment(view.until)],
    ['attempts', String(view.attempts)],
    ['next attempt', view.next_attempt_at === null ? null : moment(view.next_attempt_at)],
    ['occurred', view.occurred_at === null ? null : moment(view.occurred_at)],
    ['received', moment(view.received_at)],
    ['posted', view.posted_at === null ? null : moment(view.posted_at)],
    ['came again', view.duplicates === 0 ? null : `${view.duplicates} times, last ${moment(view.last_duplicate_at)}`],
    ['conflict', view.conflict ? 'an event of this id with other content came before' : null],
    ['about', about.length === 0 ? null : about.join(', ')],
    ['deliveries', view.deliveries.join(', ')],
  ];
  const lines = facts.flatMap(([name, value]) => (value === null ? [] : [`${name.padEnd(14)}${oneLine(value)}`]));
  return [view.id, ...lines, ...view.posted.map(transactionText)].join('\n');
}

function reasonOf({ error, reason, waiting_for: waitingFor }: EventView): string {
  if (error !== null) return [error.code, error.message].filter((part) => part !== null).join(': ');
  return reason ?? (waitingFor === null ? '' : `waits for ${waitingFor}`);
}
