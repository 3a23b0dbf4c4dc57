import { type Command, Option } from 'commander';
import { pageOf, unpackCursor } from '../api/paging.ts';
import { replayView } from '../api/replay-view.ts';
import { PosternError } from '../errors.ts';
import { REPLAY_STATUSES, type ReplayStatus } from '../ingest/replay/replay.ts';
import { createReplayRequests } from '../ingest/replay/replay-requests.ts';
import { selectReplays } from '../ingest/replay/replay-store.ts';
import { isUuid } from '../uuid.ts';
import type { CommandContext } from './context.ts';
import { LIMIT_DEFAULT, limit } from './options.ts';
import { readReplay } from './replay-follow.ts';
import { replayText, targetText } from './replay-text.ts';
import { moment, table } from './table.ts';

type ReplayView = ReturnType<typeof replayView>;
type ListOptions = { readonly status?: ReplayStatus; readonly limit: number; readonly cursor?: string };

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function register(program: Command, context: CommandContext): void {
  const replays = program
    .command('replays')
    .description('events that were run again, and why')
    .addHelpText('after', '\nExample:\n  npx postern replays list --status running');
  replays
    .command('list')
    .description('replays, newest first')
    .addOption(new Option('--status <status>', 'how far they are').choices(REPLAY_STATUSES))
    .option('--limit <n>', 'at most so many', limit, LIMIT_DEFAULT)
    .option('--cursor <cursor>', 'where the page before ended')
    .addHelpText('after', '\nExample:\n  npx postern replays list --json')
    .action((options: ListOptions) => list(options, context));
  replays
    .command('show')
    .description('one replay: how far it is, and what it changed')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  npx postern replays show 019a0c5e-8f00-7000-8000-000000000000')
    .action((id: string) => show(id, context));
  replays
    .command('cancel')
    .description('stop a replay: what it posted stays')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  npx postern replays cancel 019a0c5e-8f00-7000-8000-000000000000')
    .action((id: string) => cancel(id, context));
}

async function list({ status, cursor, limit }: ListOptions, context: CommandContext): Promise<void> {
  const before = unpackCursor(cursor, [ID])?.[0] ?? null;
  const rows = await context.withDatabase(({ sql }) => selectReplays(sql, { status }, { before, limit: limit + 1 }));
  const page = pageOf(
    rows,
    limit,
    (row) => [row.id],
    (row) => replayView(row, []),
  );
  if (context.json) return context.out(JSON.stringify(page, null, 2));
  if (page.items.length === 0) {
    return context.out(
      status === undefined && before === null
        ? 'Nothing has been run again yet. To see what it would do to all that died:\n\n  npx postern replay --status dead --dry-run'
        : 'No replay is like that.',
    );
  }
  context.out(
    table<ReplayView>(
      [
        { title: 'ASKED', of: (view) => moment(view.created_at) },
        { title: 'BY', of: (view) => view.actor },
        { title: 'STATUS', of: (view) => (view.dry_run ? `${view.status} (dry run)` : view.status) },
        { title: 'DONE', of: (view) => `${view.done}/${view.total ?? '?'}`, right: true },
        { title: 'POSTED', of: (view) => String(view.posted), right: true },
        { title: 'FAILED', of: (view) => String(view.failed), right: true },
        { title: 'OF', of: targetText },
        { title: 'REASON', of: (view) => view.reason },
        { title: 'ID', of: (view) => view.id },
      ],
      page.items,
    ),
  );
  if (page.next_cursor !== null) context.out(`\nMore: the same with --cursor ${page.next_cursor}`);
}

async function show(id: string, context: CommandContext): Promise<void> {
  const view = await context.withDatabase(({ sql }) => readReplay(sql, known(id)));
  context.out(context.json ? JSON.stringify(view, null, 2) : replayText(view));
}

async function cancel(id: string, context: CommandContext): Promise<void> {
  const { clock, actor } = context;
  const view = await context.withDatabase(async ({ pool, sql }) => {
    await readReplay(sql, known(id));
    await createReplayRequests({ pool, clock }).cancel(id, actor);
    return readReplay(sql, id);
  });
  context.out(context.json ? JSON.stringify(view, null, 2) : replayText(view));
}

function known(id: string): string {
  if (!isUuid(id)) throw new PosternError('not_found', `there is no replay ${id}`);
  return id;
}
