import type pg from 'pg';
import { insertAudit } from '../audit-store.ts';
import type { Clock } from '../clock.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { sqlOf, type Tx, withTransaction } from '../postgres/sql.ts';
import { uuidv7 } from '../uuid.ts';
import type { Account } from './queries-store.ts';
import {
  beginReconciliation,
  type Compared,
  endReconciliation,
  findReconciliation,
  holdReconciliation,
  insertDifferences,
  itemsSlice,
  keptOf,
  type Slice,
  sumSlice,
  unkeptItems,
} from './reconciliation-store.ts';

export type AccountReconciler = {
  /**
   * Recomputes an account from its postings, in the background. Returns the run's id: the one that is under way already, if
   * there is one. @throws PosternError `overloaded` when too many accounts are recomputed here.
   */
  ask(account: Account, actor: string): Promise<string>;
  /** Breaks off what runs; it can be asked again. */
  close(): Promise<void>;
};

const RUNS_MAX = 2;
const RUN_MS_MAX = 10 * 60_000;
const LINES_A_SLICE = 20_000;
const ITEMS_A_SLICE = 1_000;
/** Differences that are kept of a run; all are counted. */
const DIFFERENCES_MAX = 10_000;
const DIFFERENCES_A_STATEMENT = 1_000;

type Found = {
  readonly rows: readonly Compared[];
  readonly postings: bigint;
  readonly openItems: bigint;
  readonly differences: bigint;
};

/** Compares what is kept of an account with what its postings come to, all as of one moment, in slices of constant memory. */
export function createAccountReconciler(parts: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'reconciliations'>;
  /** Lines, and references, read at once. */
  readonly slice?: number;
}): AccountReconciler {
  const { pool, clock, log, metrics } = parts;
  const linesASlice = parts.slice ?? LINES_A_SLICE;
  const itemsASlice = parts.slice ?? ITEMS_A_SLICE;
  const running = new Set<Promise<void>>();
  let asking = 0;
  let closed = false;

  async function ask(account: Account, actor: string): Promise<string> {
    if (closed || running.size + asking >= RUNS_MAX)
      throw new PosternError('overloaded', `${RUNS_MAX} accounts are being recomputed here; ask again`);
    asking += 1;
    try {
      return await begin(account, actor);
    } finally {
      asking -= 1;
    }
  }

  async function begin(account: Account, actor: string): Promise<string> {
    const id = uuidv7(clock.now());
    const begun = await withTransaction(pool, async (tx) => {
      if (!(await beginReconciliation(tx, { id, accountId: account.id, actor }))) return false;
      await insertAudit(tx, {
        actor,
        action: 'account.reconcile',
        subject: `account:${account.path}`,
        details: { reconciliation: id },
      });
      return true;
    });
    if (!begun) {
      const other = await findReconciliation(sqlOf(pool), account.id, { newest: 'running' });
      if (other !== undefined) return other.id;
      throw new PosternError('overloaded', 'another run of this account has just ended; ask again');
    }
    const run = recompute(id, account).finally(() => running.delete(run));
    running.add(run);
    return id;
  }

  async function recompute(id: string, account: Account): Promise<void> {
    const nothing: Found = { rows: [], postings: 0n, openItems: 0n, differences: 0n };
    try {
      const found = await withTransaction(pool, async (tx) => {
        await tx.query('set transaction isolation level repeatable read, read only');
        if (!(await holdReconciliation(tx, account.id)))
          throw new PosternError('conflict', 'another run of this account is under way');
        return await compare(tx, account);
      });
      await withTransaction(pool, async (tx) => {
        for (let from = 0; from < found.rows.length; from += DIFFERENCES_A_STATEMENT)
          await insertDifferences(tx, id, from + 1, found.rows.slice(from, from + DIFFERENCES_A_STATEMENT));
        await endReconciliation(tx, id, { status: 'done', ...found, error: null });
      });
      metrics.reconciliations.inc({ outcome: found.differences === 0n ? 'equal' : 'different' });
      if (found.differences > 0n)
        log.error(
          { account: account.path, differences: String(found.differences) },
          'an account differs from its postings',
        );
    } catch (error) {
      metrics.reconciliations.inc({ outcome: 'failed' });
      log.warn({ account: account.path, error: messageOf(error) }, 'an account could not be recomputed');
      await endReconciliation(sqlOf(pool), id, { status: 'failed', ...nothing, error: messageOf(error) }).catch(
        // It then counts as lost, because nobody holds its lock.
        (again: unknown) => log.warn({ error: messageOf(again) }, 'the end of a reconciliation could not be written'),
      );
    }
  }

  async function compare(tx: Tx, account: Account): Promise<Found> {
    const deadline = clock.now() + RUN_MS_MAX;
    const items: Compared[] = [];
    let [postings, openItems, itemsOff] = [0n, 0n, 0n];

    const goOn = (): void => {
      if (closed) throw new PosternError('overloaded', 'the gateway stopped');
      if (clock.now() > deadline) throw new PosternError('overloaded', 'it took longer than 10 minutes');
    };
    const tell = (compared: readonly Compared[]): void => {
      for (const one of compared) {
        if (one.kept === one.recomputed) continue;
        itemsOff += 1n;
        if (items.length < DIFFERENCES_MAX) items.push(one);
      }
    };

    const sums = new Map<string, bigint>();
    let after: Slice['last'] = null;
    for (;;) {
      goOn();
      const slice = await sumSlice(tx, account.id, after, linesASlice);
      for (const { currency, amount } of slice.sums) sums.set(currency, (sums.get(currency) ?? 0n) + amount);
      if (account.openItem && slice.lines > 0) tell(await unkeptItems(tx, account.id, after, linesASlice));
      postings += BigInt(slice.lines);
      after = slice.last;
      if (slice.lines < linesASlice) break;
    }
    if (account.openItem) {
      let last: string | null = null;
      do {
        goOn();
        const slice = await itemsSlice(tx, account.id, last, itemsASlice);
        openItems += BigInt(slice.items.length);
        tell(slice.items);
        last = slice.last;
      } while (last !== null);
    }
    const balances = compareBalances(new Map((await keptOf(tx, account.id)).map((b) => [b.currency, b.kept])), sums);
    const balancesOff = BigInt(balances.filter((b) => b.kept !== b.recomputed).length);
    return { rows: [...balances, ...items], postings, openItems, differences: balancesOff + itemsOff };
  }

  return {
    ask,
    async close() {
      closed = true;
      await Promise.all(running);
    },
  };
}

function compareBalances(kept: ReadonlyMap<string, bigint>, sums: ReadonlyMap<string, bigint>): Compared[] {
  return [...new Set([...kept.keys(), ...sums.keys()])].sort().map((currency) => ({
    currency,
    reference: null,
    component: null,
    kept: kept.get(currency) ?? 0n,
    recomputed: sums.get(currency) ?? 0n,
  }));
}
