import { type Command, Option } from 'commander';
import { eventGroupView } from '../api/event-group-view.ts';
import { selectEventGroups } from '../ingest/event-groups-store.ts';
import { amountText } from './amount-text.ts';
import type { CommandContext } from './context.ts';
import { type EventFilterOptions, eventFilterOf, withEventFilter } from './event-filter-options.ts';
import { limit } from './options.ts';
import { moment, oneLine, table } from './table.ts';

type GroupView = ReturnType<typeof eventGroupView>;
const STATUSES = ['dead', 'deferred', 'queued'] as const;
type Options = Omit<EventFilterOptions, 'status'> & {
  readonly status: (typeof STATUSES)[number];
  readonly limit: number;
};

const GROUPS_SHOWN = 100;

export function registerGroups(events: Command, context: CommandContext): void {
  withEventFilter(events.command('groups').description('what is stuck, by cause, the most first'), {
    status: new Option('--status <status>', 'what became of it').choices(STATUSES).default('dead'),
  })
    .option('--limit <n>', 'at most so many causes', limit, GROUPS_SHOWN)
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern events groups\n  npx postern events groups --status deferred --provider mollie --json',
    )
    .action((options: Options) => groups(options, context));
}

async function groups(options: Options, context: CommandContext): Promise<void> {
  const { status } = options;
  const filter = { ...eventFilterOf(options), status };
  const found = await context.withDatabase(({ sql }) => selectEventGroups(sql, filter, options.limit));
  const items = found.map((group) => eventGroupView(group, filter));
  if (context.json) return context.out(JSON.stringify({ items }, null, 2));
  if (items.length === 0)
    return context.out(Object.keys(filter).length > 1 ? `No ${status} event is like that.` : `No event is ${status}.`);
  context.out(groupsText(items));
}

/** The causes, and below them what to do about each. */
export function groupsText(items: readonly GroupView[]): string {
  const rows = table<GroupView>(
    [
      { title: 'EVENTS', of: (group) => String(group.count), right: true },
      { title: 'WORTH', of: worthOf },
      { title: 'PROCESSOR', of: (group) => group.provider },
      { title: 'TYPE', of: (group) => group.type },
      { title: 'CAUSE', of: causeOf },
      { title: 'FIRST', of: (group) => moment(group.first) },
      { title: 'LAST', of: (group) => moment(group.last) },
      { title: 'EXAMPLE', of: (group) => group.example },
    ],
    items,
  );
  const notes = [...Map.groupBy(items, causeOf)].flatMap(([cause, [first]]) => {
    if (first === undefined || first.advice === null) return [];
    const said =
      first.example_message === null ? '' : `\n  as of ${first.example}: "${oneLine(first.example_message)}"`;
    return [`${cause} (${first.advice.kind}): ${first.advice.what_to_do}${said}`];
  });
  return [rows, ...notes].join('\n\n');
}

function causeOf(group: GroupView): string {
  if (group.error_code !== null) return group.error_code;
  if (group.waiting_for === null) return '–';
  return `${group.waiting_for}${group.until === null ? '' : ` until ${moment(group.until)}`}`;
}

function worthOf(group: GroupView): string {
  return group.amounts.length === 0
    ? '–'
    : group.amounts.map(({ currency, amount }) => amountText(amount, currency)).join(' + ');
}
