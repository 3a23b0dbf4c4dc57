import type { Clock } from '../../clock.ts';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import { messageOf, PosternError } from '../../errors.ts';
import type { Ledger, PostResult } from '../../ledger/post.ts';
import { fromEvent } from '../../ledger/source.ts';
import { sqlStateOf, type Tx } from '../../postgres/sql.ts';
import { uuidv7 } from '../../uuid.ts';
import { backoffMs, endingOf } from '../batch.ts';
import { type FailedAttempt, noteFailedAttempts } from '../event-history-store.ts';
import { orderFetches } from '../fetch-store.ts';
import type { Ending } from '../interpret.ts';
import type { JobQueue } from '../job-queue.ts';
import { selectStoredEvents } from '../rederive/rederive-store.ts';
import { noteCaptures } from '../wake-waiting.ts';
import { type Finished, finishEvents, forgetAmounts } from '../work-store.ts';
import { type Foreseen, foresee, type Posting } from './foresee.ts';
import {
  addReferences,
  type EventState,
  forgetKills,
  requeueReplayed,
  selectShown,
  selectStates,
} from './lane-store.ts';
import { type Meaning, meaningOf } from './meaning.ts';
import { onlyCounted, revivedOutcome, settledOutcome, sideOf } from './outcome.ts';
import type { Replayed, ReplaySide } from './replay.ts';

export type RunParts = {
  readonly ledger: Ledger;
  readonly queue: JobQueue;
  readonly endpoints: { byId(id: number): Endpoint | undefined };
  readonly clock: Clock;
  readonly random: () => number;
  /** This lane's own id in the minute counters. */
  readonly writer: string;
};

export type Ran = {
  readonly replayed: readonly Replayed[];
  /** Events wait for what was posted. */
  readonly awaited: boolean;
};

/**
 * Runs events again, in the caller's transaction. What waits or is dead leaves its state as if it had just come, with a fresh
 * budget of attempts; what is through keeps its state, and what is missing of what it tells is posted. The effect keys see to it
 * that nothing posts twice, whatever was run before.
 */
export async function runBatch(tx: Tx, ids: readonly string[], parts: RunParts): Promise<Ran> {
  const meanings = await readMeanings(tx, ids, parts, true);
  const settled = meanings.filter((one) => one.kind === 'settled');
  const foreseen = await foreseeSettled(tx, settled);
  const posting = meanings.flatMap((one) => {
    if (one.kind === 'left' || one.interpretation.kind !== 'post') return [];
    // All of it stands: asking the ledger again would only note that it did.
    return one.kind === 'settled' && !isMissing(foreseen.get(one.state.id)) ? [] : [one.interpretation];
  });
  const results = await parts.ledger.post(tx, posting.map(requestOf));
  const resultOf = new Map(posting.map((one, n) => [one.event.id, results[n]]));
  const revived = meanings.flatMap((one) => (one.kind === 'revived' ? [finish(one, resultOf.get(one.state.id))] : []));
  await finishRevived(tx, revived, parts);
  const shown = await selectShown(tx, [...resultOf.values()].flatMap(transactionsOf));
  const told = (result: PostResult | undefined): ReplaySide['transactions'] =>
    transactionsOf(result).flatMap((id) => shown.get(id) ?? []);
  const endings = new Map(revived.map((one) => [one.state.id, one.ending]));
  const replayed = meanings.map((one): Replayed => {
    const { id } = one.state;
    const result = resultOf.get(id);
    if (one.kind === 'settled') return settledOutcome(one, foreseen.get(id), result, told(result));
    const ending = endings.get(id);
    return ending === undefined ? onlyCounted(id) : revivedOutcome(one.state, ending, told(result));
  });
  await learnReferences(tx, meanings, replayed);
  return { replayed, awaited: await noteCaptures(tx, posting) };
}

/** The events with what they mean now, held or only read. Those that are gone by now are left out. */
export async function readMeanings(
  tx: Tx,
  ids: readonly string[],
  { endpoints }: Pick<RunParts, 'endpoints'>,
  lock: boolean,
): Promise<Meaning[]> {
  const states = await selectStates(tx, ids, lock);
  const stored = new Map((await selectStoredEvents(tx, ids)).map((one) => [one.taken.id, one]));
  return states.flatMap((state) => {
    const one = stored.get(state.id);
    if (one === undefined) return [];
    const endpoint = endpoints.byId(one.taken.endpointId);
    // The registry is reloaded every few seconds; an endpoint made since then is there at the next try.
    if (endpoint === undefined)
      throw new PosternError('overloaded', `endpoint ${one.taken.endpointId} is not loaded yet`);
    return [meaningOf(state, one, endpoint)];
  });
}

/** What posting would do for those that are through, by event. */
export async function foreseeSettled(
  tx: Tx,
  settled: readonly Extract<Meaning, { kind: 'settled' }>[],
): Promise<ReadonlyMap<string, Foreseen>> {
  const posting = settled.flatMap(({ interpretation }) => (interpretation.kind === 'post' ? [interpretation] : []));
  if (posting.length === 0) return new Map();
  const foreseen = await foresee(tx, posting);
  return new Map(
    posting.flatMap((one, n) => (foreseen[n] === undefined ? [] : [[one.event.id, foreseen[n]] as const])),
  );
}

const isMissing = (foreseen: Foreseen | undefined): boolean => foreseen?.kind === 'posts' && foreseen.fresh.length > 0;

const requestOf = ({ event, provider, marketplace, zone, effects }: Posting) => ({
  source: fromEvent(event.id),
  provider,
  account: event.account,
  marketplace,
  zone,
  events: effects,
});

const transactionsOf = (result: PostResult | undefined): readonly string[] =>
  result?.kind === 'posted' ? result.transactions : [];

/** Of a fresh budget. */
const FIRST_ATTEMPT = 1;

type Revived = Finished & { readonly state: EventState };

function finish(
  { state, interpretation }: Extract<Meaning, { kind: 'revived' }>,
  result: PostResult | undefined,
): Revived {
  const ending = interpretation.kind === 'end' ? interpretation.ending : endingOf(interpretation.event, result);
  return { state, interpretation, ending };
}

async function finishRevived(tx: Tx, revived: readonly Revived[], { writer }: Pick<RunParts, 'writer'>): Promise<void> {
  if (revived.length === 0) return;
  const killers = revived.filter(({ state }) => state.kills > 0).map(({ state }) => state.id);
  if (killers.length > 0) await forgetKills(tx, killers);
  await finishEvents(tx, revived, writer);
  // As in the live lane. A dismissal that was asked for before also knows by it that nobody had seen this death.
  const died = revived.flatMap(({ state, ending }): FailedAttempt[] =>
    ending.status === 'dead'
      ? [{ eventId: state.id, what: 'died', attempt: FIRST_ATTEMPT, code: ending.code, message: ending.message }]
      : [],
  );
  if (died.length > 0) await noteFailedAttempts(tx, died);
  const orders = revived.flatMap(({ interpretation: { event }, ending }) =>
    ending.status === 'deferred' && ending.fetch !== undefined ? [{ event, ...ending.fetch }] : [],
  );
  if (orders.length > 0) await orderFetches(tx, orders);
  const through = revived.filter(({ ending }) => ending.status === 'posted' || ending.status === 'no_effect');
  if (through.length > 0)
    await forgetAmounts(
      tx,
      through.map(({ state }) => state.id),
    );
}

/** What a settled event that posts something now is about: it is found by that like any other. */
async function learnReferences(tx: Tx, meanings: readonly Meaning[], replayed: readonly Replayed[]): Promise<void> {
  const posted = new Set(replayed.filter(({ outcome }) => outcome === 'posted').map(({ event }) => event));
  const learned = meanings.flatMap((one) =>
    one.kind === 'settled' && posted.has(one.state.id)
      ? one.interpretation.references.map(({ kind, id }) => ({ event: one.state.id, kind, value: id }))
      : [],
  );
  if (learned.length > 0) await addReferences(tx, learned);
}

/**
 * The one event at which a batch fails, alone: what another attempt may mend goes to the live queue with the rest of a fresh
 * budget, what none can is dead; an event that is through stays as it is.
 */
export async function buryReplayed(
  tx: Tx,
  id: string,
  error: unknown,
  parts: RunParts & { readonly dryRun: boolean },
): Promise<Replayed[]> {
  const [state] = await selectStates(tx, [id], true);
  if (state === undefined) return [];
  const refused = sqlStateOf(error) === undefined ? 'rule_failed' : 'refused_by_database';
  const code = error instanceof PosternError ? error.code : refused;
  const message = messageOf(error);
  const reason = `${code}: ${message}`;
  const isThrough = state.status === 'posted' || state.status === 'no_effect';
  const change = (status: string) => ({ before: sideOf(state), after: { status, reason, transactions: [] } });
  if (isThrough || state.fresh || parts.dryRun) return [{ event: id, outcome: 'failed', change: change(state.status) }];
  if (error instanceof PosternError && error.retryable) {
    const now = parts.clock.now();
    const jobId = uuidv7(now);
    const nextAttemptAt = now + backoffMs(1, parts.random);
    await requeueReplayed(tx, { id, jobId, nextAttemptAt, code, message });
    await noteFailedAttempts(tx, [{ eventId: id, what: 'failed', attempt: FIRST_ATTEMPT, code, message }]);
    await parts.queue.send(tx, jobId, [id], new Date(nextAttemptAt));
    return [{ event: id, outcome: 'deferred', change: change('queued') }];
  }
  const [stored] = await selectStoredEvents(tx, [id]);
  if (stored === undefined) return [];
  const ending: Ending = { status: 'dead', code, message };
  const interpretation = { event: stored.taken, references: [], amount: null, kind: 'end', ending } as const;
  await finishRevived(tx, [{ state, interpretation, ending }], parts);
  return [revivedOutcome(state, ending, [])];
}
