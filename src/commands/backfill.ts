import type { Command } from 'commander';
import {
  type BackfillEventRow,
  type BackfillRow,
  selectBackfillEvents,
  selectBackfills,
} from '../api/backfill-store.ts';
import { backfillEventView, backfillView } from '../api/backfill-view.ts';
import { createApiEgress } from '../api-calls.ts';
import { findEndpoint } from '../endpoints/endpoint-store.ts';
import { createEndpointRegistry } from '../endpoints/registry.ts';
import { createEndpointService } from '../endpoints/service.ts';
import { PosternError } from '../errors.ts';
import { createBackfillRequests } from '../ingest/backfill-requests.ts';
import { type Backfiller, createBackfiller } from '../ingest/backfiller.ts';
import { createMemoryCache } from '../ingest/duplicate-cache.ts';
import { createIntake } from '../ingest/intake.ts';
import { createLog } from '../log.ts';
import { createMetrics } from '../metrics.ts';
import { providers } from '../providers/index.ts';
import type { CommandContext, CommandDatabase } from './context.ts';
import { endpointName } from './endpoint-name.ts';
import { time } from './options.ts';
import { showCount } from './progress.ts';
import { moment, oneLine, table } from './table.ts';

type BackfillOptions = {
  readonly endpoint: readonly [provider: string, name: string];
  readonly from?: Date;
  readonly to?: Date;
  readonly dryRun: boolean;
};
type BackfillView = ReturnType<typeof backfillView>;
type EventView = ReturnType<typeof backfillEventView>;

const RANGE_MS = 3 * 86_400_000;
const LOOK_MS = 500;
const SHOWN_MAX = 20;
const STDERR = 2;

export function register(program: Command, context: CommandContext): void {
  program
    .command('backfill')
    .description('ask a processor what it sent, and take in what is missing')
    .requiredOption('--endpoint <provider/name>', 'the endpoint, whose settings hold the key', endpointName)
    .option('--from <time>', 'what happened at or after; three days before --to when not given', time)
    .option('--to <time>', 'what happened before; now when not given', time)
    .option('--dry-run', 'only tell what is missing', false)
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern backfill --endpoint stripe/main\n' +
        '  npx postern backfill --endpoint paypal/main --from 2026-01-01 --to 2026-01-08 --dry-run --json',
    )
    .action((options: BackfillOptions) => backfill(options, context));
}

async function backfill(options: BackfillOptions, context: CommandContext): Promise<void> {
  const { view, events } = await context.withDatabase(async (database) => {
    const { pool, sql, keyring } = database;
    const { clock, actor } = context;
    const [provider, name] = options.endpoint;
    const endpoint = await findEndpoint(sql, provider, name);
    if (endpoint === undefined) throw new PosternError('not_found', `there is no endpoint ${provider}/${name}`);
    const requests = createBackfillRequests({
      pool,
      providers,
      clock,
      endpoints: createEndpointService({ pool, providers, keyring, clock }),
    });
    const to = options.to?.getTime() ?? clock.now();
    const from = options.from?.getTime() ?? to - RANGE_MS;
    const id = await requests.ask({ endpointId: endpoint.id, from, to, dryRun: options.dryRun }, actor);
    await withBackfiller(database, context, (backfiller) => follow(id, backfiller, requests, database, context));
    const row = await find(database, id);
    const found = await selectBackfillEvents(sql, id, { after: null, limit: SHOWN_MAX });
    return { view: backfillView(row), events: found.map((one: BackfillEventRow) => backfillEventView(one)) };
  });
  context.out(context.json ? JSON.stringify({ ...view, events }, null, 2) : readable(view, events));
  if (view.status !== 'done') context.fail();
}

/** Works page by page beside whoever else works on it: a gateway that runs may take a page as well as we. */
async function follow(
  id: string,
  backfiller: Backfiller,
  requests: ReturnType<typeof createBackfillRequests>,
  database: CommandDatabase,
  context: CommandContext,
): Promise<void> {
  const progress = context.json ? null : showCount('events compared');
  let stopped = false;
  const release = context.onSignal(() => {
    stopped = true;
  });
  try {
    for (;;) {
      const { status, issued, error } = await find(database, id);
      if (status !== 'queued' && status !== 'running') return;
      if (stopped) return await requests.cancel(id, context.actor);
      progress?.update(Number(issued), error ?? '');
      if (!(await backfiller.step(id))) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    release();
    progress?.end();
  }
}

/** What a gateway has at hand for it, for the length of the command. */
async function withBackfiller(
  { pool, sql, keyring }: CommandDatabase,
  context: CommandContext,
  work: (backfiller: Backfiller) => Promise<void>,
): Promise<void> {
  const { clock } = context;
  const { logLevel, httpsProxy, ackDeadlineMs } = context.config();
  const log = createLog(logLevel === 'info' ? 'error' : logLevel, STDERR);
  const metrics = createMetrics({ process: false });
  const endpoints = createEndpointRegistry({ sql, providers, keyring, clock, log });
  await endpoints.load();
  const intake = createIntake({ pool, cache: createMemoryCache(clock), clock, log, metrics, ackDeadlineMs });
  const egress = createApiEgress(providers.values(), httpsProxy);
  try {
    const call = context.apiCalls ?? egress.call;
    await work(createBackfiller({ pool, intake, endpoints, call, clock, random: Math.random, log, metrics }));
  } finally {
    await intake.close();
    egress.close();
  }
}

async function find({ sql }: CommandDatabase, id: string): Promise<BackfillRow> {
  const [row] = await selectBackfills(sql, { id }, { before: null, limit: 1 });
  if (row === undefined) throw new PosternError('not_found', `backfill ${id} is gone: its endpoint was removed`);
  return row;
}

function readable(view: BackfillView, events: readonly EventView[]): string {
  const { queued, deferred, dead } = view.unfinished;
  const facts: [string, string][] = [
    ['issued', `${view.issued}  (${view.provider}/${view.endpoint}, ${moment(view.from)} to ${moment(view.to)})`],
    ['received', String(view.received)],
    ['posted', `${view.posted}${queued > 0 ? `  (${queued} queued: a gateway that runs posts them)` : ''}`],
    view.dry_run ? ['missing', String(view.missing)] : ['filled', String(view.filled)],
    ...(deferred > 0 ? [['deferred', String(deferred)] satisfies [string, string]] : []),
    ...(dead > 0 ? [['dead', String(dead)] satisfies [string, string]] : []),
    ...(view.unreadable > 0
      ? [
          [
            'unreadable',
            `${view.unreadable}  (the processor knows no such object, or the key may not read it)`,
          ] satisfies [string, string],
        ]
      : []),
    ...(view.conflicts > 0
      ? [
          ['conflicts', `${view.conflicts}  (here with other money: npx postern events list --status dead)`] satisfies [
            string,
            string,
          ],
        ]
      : []),
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(11)}${value}`);
  if (view.error !== null) lines.push(`${view.status}: ${oneLine(view.error)}`);
  else if (view.status !== 'done') lines.push(view.status);
  if (events.length === 0) return lines.join('\n');
  const rows = table<EventView>(
    [
      { title: 'OCCURRED', of: (one) => moment(one.occurred_at) },
      { title: 'TYPE', of: (one) => one.type },
      { title: 'OUTCOME', of: (one) => one.outcome },
      { title: 'STATUS', of: (one) => one.status ?? '–' },
      { title: 'EVENT ID', of: (one) => one.event_id },
    ],
    events,
  );
  const more = events.length < SHOWN_MAX ? '' : `\nAll of them: GET /api/v1/backfills/${view.id}/events`;
  return `${lines.join('\n')}\n\n${rows}${more}`;
}
