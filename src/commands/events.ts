import type { Command } from 'commander';
import { type EventDetail, eventDetail } from '../api/event-detail.ts';
import { selectEvents } from '../api/event-store.ts';
import { pageOf, unpackCursor } from '../api/paging.ts';
import { eventView } from '../api/views.ts';
import { UUID } from '../uuid.ts';
import { amountText } from './amount-text.ts';
import type { CommandContext } from './context.ts';
import { type EventFilterOptions, eventFilterOf, withEventFilter } from './event-filter-options.ts';
import { findEvent } from './event-lookup.ts';
import { registerDismiss } from './events-dismiss.ts';
import { registerGroups } from './events-groups.ts';
import { LIMIT_DEFAULT, limit } from './options.ts';
import { registerEventReplay } from './replay.ts';
import { moment, oneLine, table } from './table.ts';
import { transactionText } from './transaction-text.ts';

type EventView = ReturnType<typeof eventView>;
type ListOptions = EventFilterOptions & { readonly limit: number; readonly cursor?: string };

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
  registerGroups(events, context);
  registerDismiss(events, context);
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const beyond = unpackCursor(options.cursor, [UUID])?.[0] ?? null;
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
        { title: 'WORTH', of: worthOf, right: true },
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
  const view = await context.withDatabase(async ({ sql }) => eventDetail(sql, await findEvent(sql, id)));
  context.out(context.json ? JSON.stringify(view, null, 2) : readable(view));
}

function readable(view: EventDetail): string {
  const about = Object.entries(view.references).flatMap(([kind, ids]) => ids.map((id) => `${kind} ${id}`));
  const facts: [string, string | null][] = [
    ['event id', view.event_id],
    ['type', view.type],
    ['endpoint', `${view.provider}/${view.endpoint} (account ${view.account})`],
    ['mode', view.live === null ? null : view.live ? 'live' : 'test'],
    ['status', [view.status, reasonOf(view)].filter((part) => part !== '').join(': ')],
    ['waits for', view.waiting_for],
    ['waits until', untilOf(view)],
    ['what to do', view.advice === null ? null : `${view.advice.what_to_do} (${view.advice.kind})`],
    ['attempts', String(view.attempts)],
    ['next attempt', view.next_attempt_at === null ? null : moment(view.next_attempt_at)],
    ['occurred', view.occurred_at === null ? null : moment(view.occurred_at)],
    ['received', moment(view.received_at)],
    ['posted', view.posted_at === null ? null : moment(view.posted_at)],
    ['came again', view.duplicates === 0 ? null : `${view.duplicates} times, last ${moment(view.last_duplicate_at)}`],
    ['conflict', view.conflict ? 'an event of this id with other content came before' : null],
    ['about', about.length === 0 ? null : about.join(', ')],
    ['worth', worthOf(view) || null],
    ['deliveries', view.deliveries.join(', ')],
  ];
  const lines = facts.flatMap(([name, value]) => (value === null ? [] : [`${name.padEnd(14)}${oneLine(value)}`]));
  return [view.id, ...lines, ...view.history.map(historyText), ...view.posted.map(transactionText)].join('\n');
}

function worthOf({ amount, currency }: EventView): string {
  return amount === null || currency === null ? '' : amountText(amount, currency);
}

function untilOf({ status, until }: EventDetail): string | null {
  if (status !== 'deferred') return null;
  return until === null ? 'it comes, however long that takes' : moment(until);
}

function historyText({ at, what, attempt, error, actor, reason, dismissal }: EventDetail['history'][number]): string {
  const about =
    what === 'dismissed'
      ? `dismissed by ${actor}${dismissal === null ? '' : ` (with others, ${dismissal})`}: ${reason}`
      : `attempt ${attempt} ${what}: ${[error?.code, error?.message].filter((part) => part != null).join(': ')}`;
  return oneLine(`  ${moment(at)}  ${about}`);
}

/** Why it is not through. What a dismissed event died of stays on it, and is past. */
function reasonOf({ status, error, reason, waiting_for: waitingFor, until }: EventView): string {
  if (error !== null && (status === 'dead' || status === 'queued'))
    return [error.code, error.message].filter((part) => part !== null).join(': ');
  const why = reason ?? (waitingFor === null ? '' : `waits for ${waitingFor}`);
  return until === null ? why : `${why}, until ${moment(until)}`;
}
