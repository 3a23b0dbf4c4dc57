import type { Command } from 'commander';
import { pageOf, unpackCursor } from '../api/paging.ts';
import {
  type QuarantineFilter,
  selectQuarantineGroups,
  selectQuarantineItems,
  selectQuarantineRequest,
} from '../api/quarantine-store.ts';
import { quarantineGroupView, quarantineItemView, quarantineRequestView } from '../api/quarantine-view.ts';
import { PosternError } from '../errors.ts';
import { isUuid, UUID } from '../uuid.ts';
import type { CommandContext } from './context.ts';
import { endpointName } from './endpoint-name.ts';
import { LIMIT_DEFAULT, limit, time } from './options.ts';
import { registerRecheck } from './quarantine-recheck.ts';
import { moment, oneLine, table } from './table.ts';

type ItemView = ReturnType<typeof quarantineItemView>;
type GroupView = ReturnType<typeof quarantineGroupView>;
type RequestView = ReturnType<typeof quarantineRequestView>;
type ListOptions = {
  readonly endpoint?: readonly [provider: string, name: string];
  readonly reason?: string;
  readonly from?: Date;
  readonly to?: Date;
  readonly limit: number;
  readonly cursor?: string;
};

const GROUPS_MAX = 500;
const SHOWN_CHARS_MAX = 4_000;
const EMPTY = 'Nothing is in quarantine: no refused request of the last 7 days looked like a processor’s.';

export function register(program: Command, context: CommandContext): void {
  const quarantine = program
    .command('quarantine')
    .description('refused requests that look like a processor’s, and what to do with them')
    .addHelpText('after', '\nExample:\n  npx postern quarantine groups');
  quarantine
    .command('groups')
    .description('by endpoint and reason: how many were refused in the last 24 hours, and how many are held')
    .option('--endpoint <provider/name>', 'of this one only', endpointName)
    .addHelpText('after', '\nExample:\n  npx postern quarantine groups --endpoint stripe/main')
    .action((options: ListOptions) => groups(options, context));
  quarantine
    .command('list')
    .description('those held, newest first')
    .option('--endpoint <provider/name>', 'of this one only', endpointName)
    .option('--reason <reason>', 'such as signature_mismatch, stale or no_secret')
    .option('--from <time>', 'received at or after', time)
    .option('--to <time>', 'received before', time)
    .option('--limit <n>', 'at most so many', limit, LIMIT_DEFAULT)
    .option('--cursor <cursor>', 'where the page before ended')
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern quarantine list --endpoint stripe/main\n' +
        '  npx postern quarantine list --reason stale --from 2026-01-31T12:00:00Z --json',
    )
    .action((options: ListOptions) => list(options, context));
  quarantine
    .command('show')
    .description('one of them: what it lacks, its headers and its body')
    .argument('<id>', 'as "quarantine list" shows it')
    .addHelpText('after', '\nExample:\n  npx postern quarantine show 01890a5d-ac96-774b-bcce-b302099a8057')
    .action((id: string) => show(id, context));
  registerRecheck(quarantine, context);
}

async function groups({ endpoint }: ListOptions, context: CommandContext): Promise<void> {
  const rows = await context.withDatabase(({ sql }) =>
    selectQuarantineGroups(sql, { provider: endpoint?.[0], endpoint: endpoint?.[1] }, GROUPS_MAX),
  );
  const items = rows.map(quarantineGroupView);
  if (context.json) return context.out(JSON.stringify({ items, next_cursor: null }, null, 2));
  if (items.length === 0) return context.out('No request was refused in the last 24 hours, and none is held.');
  context.out(
    table<GroupView>(
      [
        { title: 'ENDPOINT', of: (one) => (one.provider === null ? '(none)' : `${one.provider}/${one.endpoint}`) },
        { title: 'REASON', of: (one) => one.reason },
        { title: 'REFUSED 24H', of: (one) => String(one.refused_24h), right: true },
        { title: 'HELD', of: (one) => String(one.held), right: true },
        { title: 'KEPT', of: (one) => (one.held === 0 ? '–' : one.kept_every === 1 ? 'all' : `thinned`) },
        { title: 'FIRST', of: (one) => moment(one.first) },
        { title: 'LAST', of: (one) => moment(one.last) },
      ],
      items,
    ),
  );
  const reasons = new Map(items.map(({ reason, what_to_do: what }) => [reason, what]));
  context.out(`\n${[...reasons].map(([reason, what]) => `${reason}: ${what}`).join('\n')}`);
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const before = unpackCursor(options.cursor, [UUID])?.[0] ?? null;
  const filter: QuarantineFilter = {
    provider: options.endpoint?.[0],
    endpoint: options.endpoint?.[1],
    reason: options.reason,
    from: options.from?.toISOString(),
    to: options.to?.toISOString(),
  };
  const rows = await context.withDatabase(({ sql }) =>
    selectQuarantineItems(sql, filter, { before, limit: options.limit + 1 }),
  );
  const page = pageOf(rows, options.limit, (row) => [row.id], quarantineItemView);
  if (context.json) return context.out(JSON.stringify(page, null, 2));
  if (page.items.length === 0) {
    const filtered = before !== null || Object.values(filter).some((value) => value !== undefined);
    return context.out(filtered ? 'Nothing in quarantine is like that.' : EMPTY);
  }
  context.out(
    table<ItemView>(
      [
        { title: 'RECEIVED', of: (one) => moment(one.received_at) },
        { title: 'ENDPOINT', of: (one) => `${one.provider}/${one.endpoint}` },
        { title: 'REASON', of: (one) => one.reason },
        { title: 'FROM', of: (one) => one.source_ip },
        { title: 'BYTES', of: (one) => String(one.bytes), right: true },
        { title: 'ID', of: (one) => one.id },
      ],
      page.items,
    ),
  );
  if (page.next_cursor !== null) context.out(`\nMore: the same with --cursor ${page.next_cursor}`);
}

async function show(id: string, context: CommandContext): Promise<void> {
  const row = await context.withDatabase(({ sql }) =>
    isUuid(id) ? selectQuarantineRequest(sql, id) : Promise.resolve(undefined),
  );
  if (row === undefined) {
    throw new PosternError(
      'not_found',
      `there is no ${id} in quarantine: it was taken in, made room for others, or is older than 7 days`,
    );
  }
  const view = quarantineRequestView(row);
  context.out(context.json ? JSON.stringify(view, null, 2) : readable(view));
}

function readable(view: RequestView): string {
  const facts: [string, string][] = [
    ['endpoint', `${view.provider}/${view.endpoint}`],
    ['received', `${moment(view.received_at)} from ${view.source_ip}`],
    ['refused', `${view.reason}: ${view.detail}`],
    ['what to do', view.what_to_do],
    ['request', `${view.method} ${view.url}`],
    ['sha-256', view.body_sha256],
    ...(view.kept_every > 1
      ? [['kept', `one of ${view.kept_every} like it in its hour`] satisfies [string, string]]
      : []),
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(12)}${oneLine(value)}`);
  const headers = view.headers.map(([name = '', value = '']) => `  ${oneLine(name)}: ${oneLine(value)}`);
  // Nobody knows who wrote it: nothing of it may move the terminal's cursor.
  const body = oneLine(Buffer.from(view.body_base64, 'base64').toString('utf8'));
  const cut = body.length > SHOWN_CHARS_MAX ? `${body.slice(0, SHOWN_CHARS_MAX)}… (--json has all of it)` : body;
  return [view.id, ...lines, 'headers', ...headers, 'body (nothing proves who sent it)', `  ${cut}`].join('\n');
}
