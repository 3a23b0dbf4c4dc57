import type pg from 'pg';
import type { Clock } from '../../clock.ts';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import { messageOf } from '../../errors.ts';
import type { Ledger } from '../../ledger/post.ts';
import type { Log } from '../../log.ts';
import type { Metrics } from '../../metrics.ts';
import { createNudgedPause } from '../../nudged-pause.ts';
import { poolBeside } from '../../postgres/pools.ts';
import { sqlOf, withTransaction } from '../../postgres/sql.ts';
import { createRulesOf } from './account-rules.ts';
import { type AskProcessor, askForMissing } from './ask-missing.ts';
import { createFileWatch } from './file-watch.ts';
import { createItemAccounts } from './item-accounts.ts';
import type { Books } from './observe-files.ts';
import { reconcileLag } from './rules-store.ts';
import { type Turn, type TurnParts, turn } from './turn.ts';
import { watchRules } from './watch-rules.ts';

export type ReconcilerParts = {
  readonly pool: pg.Pool;
  readonly ledger: Pick<Ledger, 'post'>;
  readonly endpoints: { all(): readonly Endpoint[] };
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is fetched. */
  readonly ask?: AskProcessor;
  readonly metrics: Pick<Metrics, 'reconciledTransactions' | 'reconcileLagSeconds'>;
};

export type Reconciler = {
  start(): void;
  /** Works until nothing is left to do now; false where another instance is at it. */
  catchUp(): Promise<boolean>;
  /** Finishes the turn in hand. */
  stop(): Promise<void>;
};

const PAUSE_MS = 1_000;
const WATCH_MS = 10_000;
const LAG_MS = 5_000;
const HUNGRY_AFTER_TURNS = 50;
const TURNS_MAX = 100_000;

/**
 * Follows the books and says of each open item what it is, seconds behind the postings and never in their way. Any number of
 * instances may run one: one of them works.
 */
export function createReconciler(parts: ReconcilerParts): Reconciler {
  const { clock, log, metrics } = parts;
  const pool = poolBeside(parts.pool, 'postern reconciler');
  const rest = createNudgedPause();
  const given = turnParts(parts);
  const files = createFileWatch({
    accounts: () =>
      parts.endpoints
        .all()
        .flatMap(({ provider: { name, settlements }, account }) =>
          settlements === undefined ? [] : [{ provider: name, account }],
        ),
    rulesOf: given.rulesOf,
  });
  let stopping = false;
  let running: Promise<void> = Promise.resolve();
  let watchedAt = Number.NEGATIVE_INFINITY;
  let lagAt = Number.NEGATIVE_INFINITY;
  let behind = 0;

  async function step(): Promise<Turn | null> {
    const hungry = behind >= HUNGRY_AFTER_TURNS;
    const now = clock.now();
    let looked: readonly Books[] = [];
    function filesDue(): readonly Books[] {
      looked = files.due(now);
      return looked;
    }
    const done = await withTransaction(pool, (tx) => turn(tx, given, { hungry, filesDue }));
    if (done === null) return null;
    files.looked(looked, now);
    behind = done.judged > 0 || !done.more ? 0 : behind + 1;
    metrics.reconciledTransactions.inc(done.transactions);
    return done;
  }

  async function watch(): Promise<void> {
    if (clock.now() - lagAt >= LAG_MS) {
      lagAt = clock.now();
      metrics.reconcileLagSeconds.set(await reconcileLag(sqlOf(pool)));
    }
    if (clock.now() - watchedAt < WATCH_MS) return;
    watchedAt = clock.now();
    await withTransaction(pool, (tx) => watchRules(tx, given));
    const { ask } = parts;
    if (ask !== undefined) await askForMissing(pool, { ask, rulesOf: given.rulesOf, clock, log });
  }

  async function loop(): Promise<void> {
    while (!stopping) {
      let more = false;
      try {
        await watch();
        more = (await step())?.more === true;
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'nothing could be reconciled; it is tried again');
      }
      if (!more && !stopping) await rest.take(PAUSE_MS);
    }
  }

  return {
    start() {
      running = loop();
    },
    async catchUp() {
      await withTransaction(pool, (tx) => watchRules(tx, given));
      for (let n = 0; n < TURNS_MAX; n += 1) {
        const done = await step();
        if (done === null) return false;
        if (!done.more) return true;
      }
      return true;
    },
    async stop() {
      stopping = true;
      rest.nudge();
      await running;
      await pool.end();
    },
  };
}

/** What a turn needs to know of accounts, from the endpoints as they are now. */
export function turnParts({
  ledger,
  clock,
  endpoints,
}: Pick<ReconcilerParts, 'ledger' | 'clock' | 'endpoints'>): TurnParts {
  const accounts = createItemAccounts();
  const rulesOf = createRulesOf(endpoints);
  return {
    ledger,
    clock,
    accounts,
    rulesOf,
    accountOf: (id) => accounts.get(id),
    zoneOf: (account) => rulesOf(account).zone,
    settingsOf: (account) => JSON.stringify(rulesOf(account)),
  };
}
