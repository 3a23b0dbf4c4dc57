import type pg from 'pg';
import type { Clock } from '../clock.ts';
import type { Keyring } from '../encryption.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { createNudgedPause } from '../nudged-pause.ts';
import { sqlOf, withTransaction } from '../postgres/sql.ts';
import { addHeads, lastHeadIn } from './head-file.ts';
import { signNow } from './heads.ts';
import { oldestWriter, type SealLag, sealLag, sealStep, selectHeads, selectSigningKeys } from './log-store.ts';
import { headText } from './tree-head.ts';

export type SealerParts = {
  readonly pool: pg.Pool;
  readonly keyring: Keyring;
  /** Where signed heads are written for outsiders. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'sealedTransactions' | 'unsealedTransactions' | 'sealLagSeconds'>;
};

export type Sealer = {
  start(): void;
  /** Seals all that can be sealed now, and signs it. */
  sealAll(): Promise<void>;
  /** Ends after the step in hand, with a last signed head. */
  stop(): Promise<void>;
};

const PAUSE_MS = 500;
/** Some 40 ms of Postgres's time: what a step holds, others wait for. */
const TRANSACTIONS_A_STEP = 2_000;
const HEAD_EVERY_MS = 60_000;
const LOOK_AT_LAG_MS = 5_000;
const LAG_COUNTED_MAX = 10_000;
const LAG_TOLD_S = 60;
const HEADS_A_PAGE = 500;

/**
 * Puts recorded transactions and audit entries into the log, in the order of their commits, behind the postings and never in their way. Any
 * number of instances may run one: the row of the log's end is taken by one at a time.
 */
export function createSealer({ pool, keyring, folder, clock, log, metrics }: SealerParts): Sealer {
  const sql = sqlOf(pool);
  const rest = createNudgedPause();
  let stopping = false;
  let running: Promise<void> = Promise.resolve();
  let signedAt = Number.NEGATIVE_INFINITY;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let toldHolder = Number.NEGATIVE_INFINITY;

  /** Returns whether there may be more. */
  async function step(): Promise<boolean> {
    const sealed = await withTransaction(pool, (tx) => sealStep(tx, TRANSACTIONS_A_STEP));
    if (sealed === null) return false;
    metrics.sealedTransactions.set(sealed.size);
    return sealed.lookedAt === TRANSACTIONS_A_STEP;
  }

  async function sign(): Promise<void> {
    // An empty log has nothing to sign: its first entries are not to wait a minute.
    if ((await signNow({ sql, keyring, clock })) === null) return;
    await writeHeads();
    signedAt = clock.now();
  }

  /** Also those that another instance signed, or that were not written before a crash. */
  async function writeHeads(): Promise<void> {
    const keys = new Map((await selectSigningKeys(sql)).map((key) => [key.id, key.publicKey]));
    for (let after = await lastHeadIn(folder); ; ) {
      const heads = await selectHeads(sql, after, HEADS_A_PAGE);
      await addHeads(
        folder,
        heads.map((head) => headText(head, keys.get(head.keyId) ?? Buffer.alloc(0))),
      );
      const last = heads.at(-1);
      if (last === undefined || heads.length < HEADS_A_PAGE) return;
      after = last.size;
    }
  }

  async function watch(): Promise<void> {
    lookedAt = clock.now();
    const lag = await sealLag(sql, LAG_COUNTED_MAX);
    metrics.unsealedTransactions.set(lag.entries);
    metrics.sealLagSeconds.set(lag.seconds);
    if (lag.seconds > LAG_TOLD_S && clock.now() - toldHolder > LAG_TOLD_S * 1000) await tellHolder(lag);
  }

  async function tellHolder(lag: SealLag): Promise<void> {
    toldHolder = clock.now();
    const held = await oldestWriter(sql);
    const by = held === null ? {} : { pid: held.pid, session: held.name, since: held.since?.toISOString() };
    log.warn(
      { entries: lag.entries, seconds: Math.round(lag.seconds), ...by },
      'the log is behind: it waits for the oldest transaction that writes',
    );
  }

  async function turn(): Promise<boolean> {
    // Before the step: where every step fails, the lag is what tells.
    if (clock.now() - lookedAt >= LOOK_AT_LAG_MS) await watch();
    const more = await step();
    if (clock.now() - signedAt >= HEAD_EVERY_MS) await sign();
    return more;
  }

  async function loop(): Promise<void> {
    while (!stopping) {
      let more = false;
      try {
        more = await turn();
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'nothing could be sealed; it is tried again');
      }
      if (!more && !stopping) await rest.take(PAUSE_MS);
    }
    await sign().catch((error: unknown) => log.warn({ error: messageOf(error) }, 'the last tree head was not signed'));
  }

  async function sealAll(): Promise<void> {
    while (await step());
    await sign();
  }

  return {
    start() {
      running = loop();
    },
    sealAll,
    async stop() {
      stopping = true;
      rest.nudge();
      await running;
    },
  };
}
