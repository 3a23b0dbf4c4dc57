import type { Command } from 'commander';
import type { Static } from 'typebox';
import { type ReportFetchShape, reportFetchView } from '../api/report-fetch-view.ts';
import { createApiEgress } from '../api-calls.ts';
import { findEndpoint } from '../endpoints/endpoint-store.ts';
import { createEndpointRegistry } from '../endpoints/registry.ts';
import { PosternError } from '../errors.ts';
import { selectPausedQueues } from '../ingest/queue-control-store.ts';
import { createLog } from '../log.ts';
import { providers } from '../providers/index.ts';
import { selectFetch } from '../reconcile/fetch/report-fetch-store.ts';
import { createReportFetcher } from '../reconcile/fetch/report-fetcher.ts';
import { askForReports } from '../reconcile/fetch/report-requests.ts';
import { createImporter } from '../reconcile/import/importer.ts';
import type { CommandContext, CommandDatabase } from './context.ts';
import { endpointName } from './endpoint-name.ts';
import { time } from './options.ts';
import { showCount } from './progress.ts';
import { oneLine, table } from './table.ts';

type FetchOptions = {
  readonly endpoint: readonly [provider: string, name: string];
  readonly from?: Date;
  readonly to?: Date;
};
type View = Static<typeof ReportFetchShape>;
/** `waiting`: why what is not done is tried again later; null where nothing is. */
type Followed = { readonly view: View; readonly waiting: string | null };

const RANGE_MS = 7 * 86_400_000;
const LOOK_MS = 500;
const STDERR = 2;
const PAUSED = 'the queue "settlements" is paused: npx postern queue resume settlements';

export function registerFetch(settlement: Command, context: CommandContext): void {
  settlement
    .command('fetch')
    .description('fetch the reports of a time from the processor, and import them')
    .requiredOption('--endpoint <provider/name>', 'the endpoint, whose settings hold the key', endpointName)
    .option('--from <time>', 'reports of payouts made at or after; seven days before --to when not given', time)
    .option('--to <time>', 'and before; now when not given', time)
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern settlement fetch --endpoint square/main\n' +
        '  npx postern settlement fetch --endpoint stripe/main --from 2026-01-01 --to 2026-02-01 --json',
    )
    .action((options: FetchOptions) => fetchReports(options, context));
}

async function fetchReports(options: FetchOptions, context: CommandContext): Promise<void> {
  const { view, waiting } = await context.withDatabase(async (database) => {
    const { pool, sql } = database;
    const { clock, actor } = context;
    const [provider, name] = options.endpoint;
    return withFetcher(database, context, async ({ fetcher, endpoints }) => {
      const row = await findEndpoint(sql, provider, name);
      const endpoint = row === undefined ? undefined : endpoints.byId(row.id);
      if (endpoint === undefined) throw new PosternError('not_found', `there is no endpoint ${provider}/${name}`);
      const to = options.to?.getTime() ?? clock.now();
      const from = options.from?.getTime() ?? to - RANGE_MS;
      const id = await askForReports(endpoint, { from, to }, { pool, clock, actor });
      return follow(id, fetcher, database, context);
    });
  });
  context.out(context.json ? JSON.stringify(view, null, 2) : readable(view, waiting));
  if (view.status !== 'done') context.fail();
}

/** Works beside whoever else works on it: a gateway that runs may take a report as well as we. */
async function follow(
  id: string,
  fetcher: { step(id: string | null): Promise<boolean> },
  { sql }: CommandDatabase,
  context: CommandContext,
): Promise<Followed> {
  const progress = context.json ? null : showCount('reports fetched');
  let stopped = false;
  const release = context.onSignal(() => {
    stopped = true;
  });
  try {
    for (;;) {
      const rows = await selectFetch(sql, id);
      const view = reportFetchView(rows);
      if (view === null) throw new PosternError('not_found', `fetch ${id} is gone: its endpoint was removed`);
      const over = view.reports.filter(({ status }) => status === 'done' || status === 'failed').length;
      const isPaused = (await selectPausedQueues(sql)).has('settlements');
      const waiting = isPaused
        ? PAUSED
        : (rows.find(({ status, detail }) => status === 'queued' && detail !== null)?.detail ?? null);
      progress?.update(over, waiting === null ? '' : isPaused ? waiting : `${waiting}: tried again`);
      // What is left is worked by a gateway.
      if (stopped || (view.status !== 'queued' && view.status !== 'running')) return { view, waiting };
      if (isPaused || !(await fetcher.step(id))) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    release();
    progress?.end();
  }
}

/** What a gateway has at hand for it, for the length of the command. */
async function withFetcher<T>(
  { pool, sql, keyring }: CommandDatabase,
  context: CommandContext,
  work: (at: {
    readonly fetcher: ReturnType<typeof createReportFetcher>;
    readonly endpoints: ReturnType<typeof createEndpointRegistry>;
  }) => Promise<T>,
): Promise<T> {
  const { clock } = context;
  const { logLevel, httpsProxy } = context.config();
  const log = createLog(logLevel === 'info' ? 'error' : logLevel, STDERR);
  const endpoints = createEndpointRegistry({ sql, providers, keyring, clock, log });
  await endpoints.load();
  const egress = createApiEgress(providers.values(), httpsProxy);
  const importer = createImporter({ pool, clock, log });
  const { download } = egress;
  const call = context.apiCalls ?? egress.call;
  try {
    return await work({
      fetcher: createReportFetcher({ pool, endpoints, importer, call, download, clock, log }),
      endpoints,
    });
  } finally {
    egress.close();
  }
}

function readable(view: View, waiting: string | null): string {
  const of = `${view.provider}/${view.endpoint}`;
  const found = view.found === null ? 'not listed yet' : `${view.found} ${view.found === 1 ? 'report' : 'reports'}`;
  const lines = [`${of}: ${found}, ${view.status}`];
  if (view.found === 0) lines.push(`The processor has none from ${view.from} to ${view.to}.`);
  if (view.error !== null) lines.push(oneLine(view.error));
  if (waiting !== null) lines.push(oneLine(waiting));
  if (view.status === 'queued' || view.status === 'running')
    lines.push('A gateway that works goes on with it: see "settlement list".');
  if (view.reports.length === 0) return lines.join('\n');
  const rows = table<View['reports'][number]>(
    [
      { title: 'REPORT', of: (one) => one.report },
      { title: 'STATUS', of: (one) => one.status },
      { title: 'SETTLEMENT', of: (one) => one.settlement ?? '–' },
      { title: 'DETAIL', of: (one) => (one.detail === null ? '' : oneLine(one.detail)) },
    ],
    view.reports,
  );
  return `${lines.join('\n')}\n\n${rows}`;
}
