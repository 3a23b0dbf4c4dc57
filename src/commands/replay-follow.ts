import { replayView } from '../api/replay-view.ts';
import { createEndpointRegistry } from '../endpoints/registry.ts';
import { PosternError } from '../errors.ts';
import { createJobQueue } from '../ingest/job-queue.ts';
import { createReplayRequests, type ReplayWish } from '../ingest/replay/replay-requests.ts';
import { type ReplayRow, selectReplayChanges, selectReplays } from '../ingest/replay/replay-store.ts';
import { createReplayer } from '../ingest/replay/replayer.ts';
import { createLedger } from '../ledger/post.ts';
import { createLog } from '../log.ts';
import { createMetrics } from '../metrics.ts';
import { createBoss } from '../postgres/boss.ts';
import type { Sql } from '../postgres/sql.ts';
import { providers } from '../providers/index.ts';
import { uuidv7 } from '../uuid.ts';
import type { CommandContext, CommandDatabase } from './context.ts';
import { type Progress, showProgress } from './progress.ts';

export type ReplayView = ReturnType<typeof replayView>;

const LOOK_MS = 250;
const CHANGES_MAX = 100;
const STDERR = 2;

export async function findReplay(sql: Sql, id: string): Promise<ReplayRow> {
  const [row] = await selectReplays(sql, { id }, { before: null, limit: 1 });
  if (row === undefined) throw new PosternError('not_found', `there is no replay ${id}`);
  return row;
}

export async function readReplay(sql: Sql, id: string): Promise<ReplayView> {
  return replayView(
    await findReplay(sql, id),
    await selectReplayChanges(sql, id, {}, { after: null, limit: CHANGES_MAX }),
  );
}

/** Asks for a replay and, unless it is to go on by itself, works on it beside any gateway until it is over. */
export function askAndFollow(wish: ReplayWish, detach: boolean, context: CommandContext): Promise<ReplayView> {
  return context.withDatabase(async (database) => {
    const { pool, sql } = database;
    const requests = createReplayRequests({ pool, clock: context.clock });
    const id = await requests.ask(wish, context.actor);
    if (!detach) await withLane(database, context, () => follow(id, requests, sql, context));
    return readReplay(sql, id);
  });
}

async function follow(
  id: string,
  requests: ReturnType<typeof createReplayRequests>,
  sql: Sql,
  context: CommandContext,
): Promise<void> {
  let progress: Progress | null = null;
  let stopped = false;
  const release = context.onSignal(() => {
    stopped = true;
  });
  try {
    for (;;) {
      const { status, total, done } = await findReplay(sql, id);
      if (status !== 'running' && status !== 'paused') return;
      if (stopped) return await requests.cancel(id, context.actor);
      if (!context.json && total !== null) progress ??= showProgress('events', Number(total));
      progress?.update(Number(done));
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    release();
    progress?.end();
  }
}

/** A lane in this process, for the length of the command: where a gateway has it in hand already, this one only waits for it. */
async function withLane(
  { pool, sql, keyring, reader }: CommandDatabase,
  context: CommandContext,
  work: () => Promise<void>,
): Promise<void> {
  const { clock } = context;
  const { logLevel } = context.config();
  const log = createLog(logLevel === 'info' ? 'error' : logLevel, STDERR);
  const endpoints = createEndpointRegistry({ sql, providers, keyring, clock, log });
  await endpoints.load();
  const boss = createBoss(pool, log, { supervise: false });
  await boss.start();
  const replayer = createReplayer({
    pool,
    connect: reader,
    ledger: createLedger({ clock }),
    queue: createJobQueue(boss),
    endpoints,
    clock,
    random: Math.random,
    log,
    metrics: createMetrics({ process: false }),
    writer: uuidv7(clock.now()),
  });
  replayer.start();
  try {
    await work();
  } finally {
    await replayer.stop();
    await boss.stop({ graceful: false, close: false });
  }
}
