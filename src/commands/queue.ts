import { Argument, type Command } from 'commander';
import { type QueueView, readQueue, readQueues } from '../api/stats/queue-view.ts';
import { readStats } from '../api/stats/read-stats.ts';
import { selectLivingWorkers } from '../ingest/queue-control-store.ts';
import { createQueueOrders, type QueueOrder } from '../ingest/queue-orders.ts';
import { QUEUES, type QueueName } from '../ingest/queues.ts';
import { providers } from '../providers/index.ts';
import type { CommandContext, CommandDatabase } from './context.ts';
import { duration } from './options.ts';
import { showCount } from './progress.ts';
import { queuesText, statsText } from './queue-text.ts';
import { reason } from './reason.ts';
import { moment, oneLine } from './table.ts';

type OrderOptions = { readonly reason?: string };
type DrainOptions = OrderOptions & { readonly within: number };

const WITHIN_MS = 30 * 60_000;
const LOOK_MS = 1_000;
/** By then every instance has seen a pause twice over. */
const SEEN_MS = 2_500;
const FINISH_MS = 30_000;

export function register(program: Command, context: CommandContext): void {
  const queue = program
    .command('queue')
    .description('what waits, and whether it is worked')
    .addHelpText('after', '\nExample:\n  npx postern queue stats');
  queue
    .command('stats')
    .description('depth, age, rates, silence of endpoints and money at risk')
    .addHelpText('after', '\nExamples:\n  npx postern queue stats\n  npx postern queue stats --json')
    .action(() => stats(context));
  queue
    .command('list')
    .description('the queues: paused or not, by whom and why, their settings and workers')
    .addHelpText('after', '\nExample:\n  npx postern queue list')
    .action(() => list(context));
  queue
    .command('pause')
    .description('take nothing new from a queue; what comes is stored and acknowledged as before')
    .addArgument(queueArgument())
    .requiredOption('--reason <text>', 'for whoever looks at it next', reason)
    .addHelpText('after', '\nExample:\n  npx postern queue pause events --reason "fees are posted twice since 14:00"')
    .action((name: QueueName, options: OrderOptions) => pause(name, options, context));
  queue
    .command('resume')
    .description('go on with a queue')
    .addArgument(queueArgument())
    .option('--reason <text>', 'what was mended', reason)
    .addHelpText('after', '\nExample:\n  npx postern queue resume events --reason "0.2.1 is deployed"')
    .action((name: QueueName, options: OrderOptions) => resume(name, options, context));
  queue
    .command('drain')
    .description('go on, try now what waits for its next attempt, and wait until the queue is empty')
    .addArgument(queueArgument())
    .option('--reason <text>', 'for the audit log', reason)
    .option('--within <time>', 'how long to wait: 90m, 2h; 30m when not given', duration, WITHIN_MS)
    .addHelpText('after', '\nExample:\n  npx postern queue drain events --within 1h')
    .action((name: QueueName, options: DrainOptions) => drain(name, options, context));
}

function queueArgument(): Argument {
  return new Argument('<queue>', 'which one').choices(QUEUES);
}

async function stats(context: CommandContext): Promise<void> {
  const { clock } = context;
  const figures = await context.withDatabase(({ pool }) => readStats({ pool, clock, providers }));
  context.out(context.json ? JSON.stringify(figures, null, 2) : statsText(figures));
}

async function list(context: CommandContext): Promise<void> {
  const items = await context.withDatabase(({ sql }) => readQueues(sql));
  context.out(context.json ? JSON.stringify({ items, next_cursor: null }, null, 2) : queuesText(items));
}

async function pause(name: QueueName, options: OrderOptions, context: CommandContext): Promise<void> {
  const view = await context.withDatabase(async (database) => {
    const changed = await createQueueOrders(database).pause(orderOf(name, options, context));
    const finished = name !== 'events' || (await handsEmpty(database, context));
    return { ...(await readQueue(database.sql, name)), changed, finished };
  });
  if (context.json) return context.out(JSON.stringify(view, null, 2));
  context.out(view.changed ? `The queue "${name}" is paused.` : `The queue "${name}" was paused already: ${by(view)}.`);
  if (!view.finished) {
    context.out('A worker still has events in hand; "npx postern queue list" shows which.');
    context.fail();
  }
}

/** Waits until no worker has anything in hand, and every instance has seen the pause. */
async function handsEmpty({ sql }: CommandDatabase, { clock }: CommandContext): Promise<boolean> {
  const began = clock.now();
  for (;;) {
    const workers = await selectLivingWorkers(sql);
    if (workers.length === 0) return true;
    const waited = clock.now() - began;
    if (waited >= SEEN_MS && workers.every(({ holding }) => holding === 0)) return true;
    if (waited >= FINISH_MS) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS / 2));
  }
}

async function resume(name: QueueName, options: OrderOptions, context: CommandContext): Promise<void> {
  const view = await context.withDatabase(async (database) => {
    const changed = await createQueueOrders(database).resume(orderOf(name, options, context));
    return { ...(await readQueue(database.sql, name)), changed };
  });
  if (context.json) return context.out(JSON.stringify(view, null, 2));
  context.out(view.changed ? `The queue "${name}" goes on.` : `The queue "${name}" was not paused.`);
}

/** Exit status 1 where it is not empty in time: nobody works, or more comes than leaves. */
async function drain(name: QueueName, options: DrainOptions, context: CommandContext): Promise<void> {
  const { clock } = context;
  const outcome = await context.withDatabase(async (database) => {
    const hurried = await createQueueOrders(database).drain(orderOf(name, options, context));
    const left = await untilEmpty(name, database, context, clock.now() + options.within);
    return { name, hurried, left };
  });
  if (outcome.left > 0) context.fail();
  if (context.json) return context.out(JSON.stringify(outcome, null, 2));
  context.out(
    outcome.left === 0
      ? `The queue "${name}" is empty.`
      : `${outcome.left} are left in the queue "${name}": see npx postern queue list for its workers.`,
  );
}

/** What is left at the end: of the time, or of the patience of whoever presses Ctrl-C. */
async function untilEmpty(
  name: QueueName,
  { pool }: CommandDatabase,
  context: CommandContext,
  deadline: number,
): Promise<number> {
  const { clock } = context;
  const progress = context.json ? null : showCount('left');
  let stopped = false;
  const release = context.onSignal(() => {
    stopped = true;
  });
  try {
    for (;;) {
      const figures = (await readStats({ pool, clock, providers })).queues.find((one) => one.name === name);
      const left = (figures?.depth ?? 0) + (figures?.active ?? 0);
      if (left === 0 || stopped || clock.now() >= deadline) return left;
      const estimate = figures?.drain_seconds ?? null;
      progress?.update(left, estimate === null ? '' : `about ${Math.ceil(estimate)} s more`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    release();
    progress?.end();
  }
}

function orderOf(queue: QueueName, options: OrderOptions, { actor }: CommandContext): QueueOrder {
  return { queue, reason: options.reason ?? null, actor };
}

function by({ actor, reason: why, changed_at: at }: QueueView): string {
  return `by ${actor ?? 'nobody'} at ${moment(at)}${why === null ? '' : `, ${oneLine(why)}`}`;
}
