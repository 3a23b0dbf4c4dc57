import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../clock.ts';
import { messageOf, PosternError } from '../errors.ts';
import { createGroupLanes, type Waiting } from '../group-lanes.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { halving } from '../postgres/halving.ts';
import { retryingDeadlocks } from '../postgres/retry-deadlocks.ts';
import { isDatabaseError } from '../postgres/sql.ts';
import { transactionUntil, type UntilDeadline } from '../postgres/until-deadline.ts';
import { uuidv7 } from '../uuid.ts';
import type { Asked } from './asked.ts';
import type { Failure } from './decide.ts';
import { type Outcome, type Outcomes, workGroup } from './work-group.ts';

export type Accepted = { readonly messageId: string; readonly repeated: boolean };

export type Transfers = {
  /**
   * Durable and worked when it resolves. Rejects with PosternError: `conflict`, `not_found`, `invalid_request` for what
   * nothing was kept of; `overloaded` while the database is away or past the limits; `commit_unknown` past the deadline (it
   * may be done: the same key again tells).
   */
  submit(request: Pick<Asked, 'idempotencyKey' | 'actor' | 'wish'>): Promise<Accepted>;
  /** The key of a request that this process has in hand: nobody knows yet what becomes of it. */
  inHand(idempotencyKey: string): boolean;
  /** Works what is in hand; after it nothing is taken. */
  close(): Promise<void>;
};

export type TransfersOptions = {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly deadlineMs: number;
  readonly inFlightMax?: number;
};

const IN_FLIGHT_MAX = 2_000;
const GROUP_MAX = 200;
const GATHER_MS_MAX = 200;
const POLICY_TRIES = 3;

type One = Waiting<Asked, Outcome>;

/** Takes what services ask: requests that arrive together are claimed, decided and posted by one database transaction. */
export function createTransfers(options: TransfersOptions): Transfers {
  const { pool, clock, log, metrics } = options;
  const inFlightMax = options.inFlightMax ?? IN_FLIGHT_MAX;
  const lanes = createGroupLanes<Asked, Outcome>({
    clock,
    deadlineMs: options.deadlineMs,
    rowsMax: GROUP_MAX,
    bytesMax: Number.POSITIVE_INFINITY,
    gatherMsMax: GATHER_MS_MAX,
    sizeOf: () => ({ rows: 1, bytes: 0 }),
    run: runGroup,
  });
  /** How often each key is in hand. */
  const keys = new Map<string, number>();
  let inFlight = 0;
  let closed = false;

  async function submit({ idempotencyKey, actor, wish }: Pick<Asked, 'idempotencyKey' | 'actor' | 'wish'>) {
    const count = (outcome: string): void => metrics.requests.inc({ kind: wish.kind, outcome });
    if (closed || inFlight >= inFlightMax) {
      count('unavailable');
      const why = closed ? 'the gateway is stopping' : 'too many requests are in hand';
      throw new PosternError('overloaded', `${why}; send it again with the same key`);
    }
    const at = clock.now();
    const asked: Asked = { id: uuidv7(at), idempotencyKey, actor, at, wish };
    inFlight += 1;
    keys.set(idempotencyKey, (keys.get(idempotencyKey) ?? 0) + 1);
    try {
      const outcome = await lanes.enqueue(asked, at);
      count(outcomeName(outcome));
      if (outcome.kind === 'refused') throw outcome.error;
      return { messageId: asked.id, repeated: outcome.kind === 'repeated' };
    } catch (error) {
      if (error instanceof PosternError && error.retryable) count('unavailable');
      throw error;
    } finally {
      inFlight -= 1;
      const left = (keys.get(idempotencyKey) ?? 1) - 1;
      if (left === 0) keys.delete(idempotencyKey);
      else keys.set(idempotencyKey, left);
    }
  }

  async function runGroup(group: readonly One[]): Promise<void> {
    metrics.requestGroupSize.observe(group.length);
    const stop = metrics.requestSeconds.startTimer();
    const deadline = Math.min(...group.map((one) => one.deadline));
    const connection = { connect: () => pool.connect() as Promise<PoolClient>, clock, deadline, log };
    const unsettled = new Set(group);
    try {
      await attempt(unsettled, connection).catch((error: unknown) => {
        if (!isDatabaseError(error) || clock.now() >= deadline) throw error;
        // Safe: requests keep their ids, and what the lost attempt committed is found again as our own.
        log.warn({ error: messageOf(error), requests: unsettled.size }, 'trying requests again on another connection');
        return attempt(unsettled, connection);
      });
    } catch (error) {
      log.warn({ error: messageOf(error), requests: unsettled.size }, 'requests could not be made durable');
      for (const one of unsettled) one.settle(asAnswer(error));
    } finally {
      stop();
    }
  }

  /** Each part that is committed is answered at once: what comes after it may fail. */
  function attempt(unsettled: Set<One>, connection: UntilDeadline): Promise<void> {
    const settle = (part: readonly One[], outcomes: Outcomes): void => {
      for (const one of part) {
        unsettled.delete(one);
        one.settle(outcomes.get(one.item) ?? new PosternError('internal', 'a request got no outcome'));
      }
    };
    return halving([...unsettled], {
      work: async (part) => settle(part, await transact(part, connection, null)),
      blames: (error) => !isDatabaseError(error),
      onHalved: () => metrics.requestsHalved.inc(),
      async onGuilty(one, error) {
        log.error({ error: messageOf(error), request: one.item.id }, 'a request fails by itself');
        settle([one], await buried(one, error, connection));
      },
    });
  }

  function transact(part: readonly One[], connection: UntilDeadline, failing: Failure | null): Promise<Outcomes> {
    const asked = part.map((one) => one.item);
    return retryingPolicies(() =>
      retryingDeadlocks(metrics, () =>
        transactionUntil(connection, (tx) => workGroup(tx, asked, () => uuidv7(clock.now()), failing)),
      ),
    );
  }

  /** The guilty one is alone: it fails for good, and its caller finds out why where the others find their result. */
  async function buried(one: One, error: unknown, connection: UntilDeadline): Promise<Outcomes> {
    const failure: Failure = isOverdrawn(error)
      ? { code: 'insufficient_funds', message: messageOf(error) }
      : { code: 'refused', message: 'the ledger refused it; the log says why' };
    try {
      return await transact([one], connection, failure);
    } catch (again) {
      if (isDatabaseError(again)) throw again;
      const refused = new PosternError('internal', 'the request could not be stored', { cause: again });
      return new Map([[one.item, { kind: 'refused', error: refused }]]);
    }
  }

  return {
    submit,
    inHand: (key) => keys.has(key),
    async close() {
      closed = true;
      await lanes.close();
    },
  };
}

/** An account's policy changed after it was read: read again, the one that cannot pay is told from those that can. */
async function retryingPolicies<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isOverdrawn(error) || tries >= POLICY_TRIES) throw error;
    }
  }
}

function isOverdrawn(error: unknown): boolean {
  return error instanceof Error && 'constraint' in error && error.constraint === 'accounts_overdraft';
}

function asAnswer(error: unknown): PosternError {
  if (error instanceof PosternError && error.code !== 'database_unreachable') return error;
  if (!isDatabaseError(error)) return new PosternError('internal', 'a request could not be worked', { cause: error });
  return new PosternError('overloaded', 'the database is away; send it again with the same key', { cause: error });
}

function outcomeName(outcome: Outcome): string {
  if (outcome.kind === 'refused') return outcome.error.code;
  if (outcome.kind === 'repeated') return 'repeated';
  return outcome.failure?.code ?? 'completed';
}
