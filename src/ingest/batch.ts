import type pg from 'pg';
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { assertNever, messageOf, PosternError } from '../errors.ts';
import type { Ledger, PostResult } from '../ledger/post.ts';
import { fromEvent } from '../ledger/source.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { retryingDeadlocks } from '../postgres/retry-deadlocks.ts';
import { isDatabaseError, isDataError, sqlStateOf, type Tx, withTransaction } from '../postgres/sql.ts';
import { consumed, type Tracing, traceOfBytes } from '../tracing.ts';
import { uuidv7 } from '../uuid.ts';
import { noteFailedAttempts } from './event-history-store.ts';
import { orderFetches, withFetched } from './fetch-store.ts';
import { deferredOrDead, type Ending, type Interpretation, interpret, type TakenEvent } from './interpret.ts';
import type { EventsJob, JobQueue } from './job-queue.ts';
import { noteCaptures, wakeWaiting } from './wake-waiting.ts';
import { type Finished, finishEvents, forgetAmounts, putBack, selectDue, takeEvents } from './work-store.ts';

export type BatchParts = {
  readonly pool: pg.Pool;
  readonly queue: JobQueue;
  readonly ledger: Ledger;
  readonly endpoints: { byId(id: number): Endpoint | undefined };
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** This worker's own id in the minute counters. */
  readonly writer: string;
  readonly tracing?: Tracing | null;
  /** Orders settlement reports that events announced, in their transaction; without it none is fetched. */
  readonly announce?: (tx: Tx, announced: readonly AnnouncedReport[]) => Promise<void>;
};

export type AnnouncedReport = { readonly endpointId: number; readonly report: string };

export const ATTEMPTS_MAX = 10;
export const BACKOFF_FIRST_MS = 5_000;
export const BACKOFF_MAX_MS = 15 * 60_000;
const PASSED_OVER_MS = 250;
/** Transactions after a batch; the postings of others wait meanwhile, and housekeeping goes on with the rest. */
const WAKES_MAX = 5;

/**
 * Works a batch of events: postings, event states and job completions in one transaction. A batch that fails on data is
 * halved until the guilty event is alone. When it fails on the database it throws, and nobody's attempt was counted.
 */
export async function runBatch(ids: readonly string[], jobs: readonly EventsJob[], parts: BatchParts): Promise<void> {
  try {
    await retryingDeadlocks(parts.metrics, () => runOnce(ids, jobs, parts));
  } catch (error) {
    if (isDatabaseError(error)) throw error;
    if (ids.length > 1) {
      parts.metrics.workerHalved.inc();
      const middle = ids.length >> 1;
      await runBatch(ids.slice(0, middle), [], parts);
      await runBatch(ids.slice(middle), jobs, parts);
      return;
    }
    try {
      await bury(ids, jobs, error, parts, { readable: true });
    } catch (refused) {
      // What it is about is what Postgres refuses: without that it is sure to be stored.
      if (!isDataError(refused)) throw refused;
      await bury(ids, jobs, error, parts, { readable: false });
    }
  }
}

async function runOnce(ids: readonly string[], jobs: readonly EventsJob[], parts: BatchParts): Promise<void> {
  const { metrics } = parts;
  const startedAt = parts.clock.now();
  const stop = metrics.workerSeconds.startTimer();
  const { finished, awaited } = await withTransaction(parts.pool, async (tx) => {
    const taken = await takeEvents(tx, ids);
    const done = taken.length === 0 ? NOTHING : await work(tx, taken, parts);
    await comeBackToPassedOver(tx, ids, taken, parts);
    await parts.queue.complete(tx, jobs);
    return done;
  });
  stop();
  metrics.workerBatchSize.observe(finished.length);
  for (const { interpretation, ending } of finished) {
    const provider = parts.endpoints.byId(interpretation.event.endpointId)?.provider.name ?? 'unknown';
    metrics.events.inc({ provider, status: ending.status });
    if (ending.status === 'posted')
      metrics.postingSeconds.observe(Math.max(0, parts.clock.now() - interpretation.event.receivedAt) / 1000);
    tellTrace(interpretation.event, startedAt, ending.status, parts);
  }
  if (awaited) await wake(parts);
}

/** What is posted is posted: where this fails, housekeeping finds the note within the minute. */
export async function wake(parts: Pick<BatchParts, 'pool' | 'queue' | 'clock' | 'log'>): Promise<void> {
  try {
    let more = true;
    for (let turn = 1; more && turn <= WAKES_MAX; turn += 1)
      more = await withTransaction(parts.pool, (tx) => wakeWaiting(tx, parts));
  } catch (error) {
    parts.log.warn(
      { error: messageOf(error) },
      'events whose effect was posted could not be woken; housekeeping does it',
    );
  }
}

/**
 * Events that somebody held while we took the others: another worker, or intake counting a duplicate, which is over in a
 * moment. Their job ends with this transaction, and without another they would lie until the sweeper comes, 30 s later.
 */
async function comeBackToPassedOver(
  tx: Tx,
  ids: readonly string[],
  taken: readonly TakenEvent[],
  parts: BatchParts,
): Promise<void> {
  if (taken.length === ids.length) return;
  const ours = new Set(taken.map((event) => event.id));
  const passedOver = await selectDue(
    tx,
    ids.filter((id) => !ours.has(id)),
  );
  if (passedOver.length === 0) return;
  const now = parts.clock.now();
  await parts.queue.send(tx, uuidv7(now), passedOver, new Date(now + PASSED_OVER_MS));
}

/** `awaited`: events wait for what was posted. */
type Worked = { readonly finished: readonly Finished[]; readonly awaited: boolean };

const NOTHING: Worked = { finished: [], awaited: false };

async function work(tx: Tx, taken: readonly TakenEvent[], parts: BatchParts): Promise<Worked> {
  const interpretations = (await withFetched(tx, taken)).map((event) => {
    const endpoint = parts.endpoints.byId(event.endpointId);
    // The registry is reloaded every few seconds; an endpoint made since then is there at the next attempt.
    if (endpoint === undefined) throw new PosternError('overloaded', `endpoint ${event.endpointId} is not loaded yet`);
    return interpret(event, endpoint);
  });
  const posting = interpretations.filter((i): i is Extract<Interpretation, { kind: 'post' }> => i.kind === 'post');
  const results = await parts.ledger.post(
    tx,
    posting.map((i) => ({
      source: fromEvent(i.event.id),
      provider: i.provider,
      account: i.event.account,
      marketplace: i.marketplace,
      zone: i.zone,
      events: i.effects,
    })),
  );
  const resultOf = new Map(posting.map((i, n) => [i.event.id, results[n]]));
  const finished = interpretations.map((interpretation) => ({
    interpretation,
    ending:
      interpretation.kind === 'end'
        ? interpretation.ending
        : endingOf(interpretation.event, resultOf.get(interpretation.event.id)),
  }));
  await finishEvents(tx, finished, parts.writer);
  const announced = finished.flatMap((one) => announcedBy(one, parts));
  if (announced.length > 0) await parts.announce?.(tx, announced);
  const died = finished.flatMap(({ interpretation: { event }, ending }) =>
    ending.status === 'dead'
      ? [
          {
            eventId: event.id,
            what: 'died' as const,
            attempt: event.attempts + 1,
            code: ending.code,
            message: ending.message,
          },
        ]
      : [],
  );
  if (died.length > 0) await noteFailedAttempts(tx, died);
  const orders = finished.flatMap(({ interpretation: { event }, ending }) =>
    ending.status === 'deferred' && ending.fetch !== undefined ? [{ event, ...ending.fetch }] : [],
  );
  if (orders.length > 0) await orderFetches(tx, orders);
  const through = finished.filter((f) => f.interpretation.event.attempts > 0 || f.interpretation.event.reason !== null);
  const settled = through.filter((f) => f.ending.status === 'posted' || f.ending.status === 'no_effect');
  if (settled.length > 0)
    await forgetAmounts(
      tx,
      settled.map((f) => f.interpretation.event.id),
    );
  return { finished, awaited: await noteCaptures(tx, posting) };
}

/** What the event says that can be fetched now. Its ending is no matter: a report is there or it is not. */
function announcedBy({ interpretation: { event } }: Finished, { endpoints, announce }: BatchParts): AnnouncedReport[] {
  const told = endpoints.byId(event.endpointId)?.provider.api?.reports?.announced;
  if (announce === undefined || told === undefined || event.body === null || !told.types.test(event.type)) return [];
  try {
    const report = told.report(event.body, event.item);
    return report === null ? [] : [{ endpointId: event.endpointId, report }];
  } catch (error) {
    // What cannot be read was told of where the event was interpreted.
    if (error instanceof PosternError) return [];
    throw error;
  }
}

/** How an event leaves the queue by what the ledger made of it. */
export function endingOf(event: TakenEvent, result: PostResult | undefined): Ending {
  if (result === undefined) throw new PosternError('internal', `the ledger gave no result for event ${event.id}`);
  switch (result.kind) {
    case 'posted':
      return { status: 'posted', reason: result.replayed ? 'already_posted' : null };
    case 'nothing':
      return { status: 'no_effect', reason: result.reason };
    case 'conflict':
      return {
        status: 'dead',
        code: 'conflicting_announcement',
        message: `${result.effectKey} is posted with other content; nothing of this event was posted`,
      };
    case 'waits':
      return deferredOrDead(event, {
        reason: `waits for ${result.effectKey}`,
        waitingFor: 'object',
        waitingKey: result.effectKey,
        until: null,
      });
    default:
      return assertNever(result);
  }
}

/** The guilty event is alone: its attempt is counted in a transaction of its own. */
async function bury(
  ids: readonly string[],
  jobs: readonly EventsJob[],
  error: unknown,
  parts: BatchParts,
  { readable }: { readonly readable: boolean },
): Promise<void> {
  const retryable = error instanceof PosternError && error.retryable;
  const refused = sqlStateOf(error) === undefined ? 'rule_failed' : 'refused_by_database';
  const code = error instanceof PosternError ? error.code : refused;
  const startedAt = parts.clock.now();
  let traceId: string | undefined;
  try {
    await withTransaction(parts.pool, async (tx) => {
      const taken = await takeEvents(tx, ids);
      const interpretations = readable ? await aboutEach(tx, taken, parts) : new Map<string, About>();
      for (const event of taken) {
        traceId = traceOfBytes(event.trace ?? null)?.traceId;
        tellTrace(event, startedAt, code, parts);
        const attempts = event.attempts + 1;
        const failure = { eventId: event.id, attempt: attempts, code, message: messageOf(error) };
        if (retryable && attempts < ATTEMPTS_MAX) {
          const nextAttemptAt = parts.clock.now() + backoffMs(attempts, parts.random);
          const jobId = uuidv7(parts.clock.now());
          await putBack(tx, { id: event.id, attempts, nextAttemptAt, jobId, code, message: messageOf(error) });
          await parts.queue.send(tx, jobId, [event.id], new Date(nextAttemptAt));
          await noteFailedAttempts(tx, [{ ...failure, what: 'failed' }]);
          parts.metrics.retries.inc({ provider: parts.endpoints.byId(event.endpointId)?.provider.name ?? 'unknown' });
          continue;
        }
        const interpretation: Interpretation = {
          event,
          ...(interpretations.get(event.id) ?? NOTHING_KNOWN),
          kind: 'end',
          ending: { status: 'dead', code, message: messageOf(error) },
        };
        await finishEvents(tx, [{ interpretation, ending: interpretation.ending }], parts.writer);
        await noteFailedAttempts(tx, [{ ...failure, what: 'died' }]);
      }
      await comeBackToPassedOver(tx, ids, taken, parts);
      await parts.queue.complete(tx, jobs);
    });
  } finally {
    const trace = traceId === undefined ? {} : { trace_id: traceId };
    parts.log.error({ events: ids, code, error: messageOf(error), ...trace }, 'an event could not be worked');
  }
}

/** `outcome`: a state, or the code of what failed. */
function tellTrace(event: TakenEvent, startedAt: number, outcome: string, parts: BatchParts): void {
  const provider = parts.endpoints.byId(event.endpointId)?.provider.name ?? 'unknown';
  consumed(parts.tracing ?? null, event.trace ?? null, {
    name: 'events process',
    startedAt,
    attributes: {
      'postern.event': event.id,
      'postern.provider': provider,
      'postern.attempt': event.attempts + 1,
      'postern.outcome': outcome,
    },
    failed: !['posted', 'no_effect', 'deferred'].includes(outcome),
  });
}

type About = Pick<Interpretation, 'references' | 'amount'>;

const NOTHING_KNOWN: About = { references: [], amount: null };

/** What dead letters are about: a person looks for them by their payment, and their money is at risk. */
async function aboutEach(
  tx: Tx,
  taken: readonly TakenEvent[],
  { endpoints }: BatchParts,
): Promise<ReadonlyMap<string, About>> {
  return new Map(
    (await withFetched(tx, taken)).map((event) => {
      const endpoint = endpoints.byId(event.endpointId);
      return [event.id, endpoint === undefined ? NOTHING_KNOWN : interpret(event, endpoint)];
    }),
  );
}

/** An event that killed its worker this often dies alone, so that the rest of the queue lives. */
export async function buryKiller(id: string, parts: BatchParts): Promise<void> {
  // Not read once more: that may be what killed them.
  const error = new PosternError('worker_killed', 'three workers died while they ran this event');
  await bury([id], [], error, parts, { readable: false });
}

/** 5 s × 2ⁿ with full jitter, at most 15 min. */
export function backoffMs(attempts: number, random: () => number): number {
  return Math.round(random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attempts - 1)));
}
