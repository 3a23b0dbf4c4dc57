import { insertAudit } from '../../audit-store.ts';
import type { Clock } from '../../clock.ts';
import { PosternError } from '../../errors.ts';
import type { Ledger } from '../../ledger/post.ts';
import type { Tx } from '../../postgres/sql.ts';
import { type PeriodBalance, UNPROVEN } from '../../settlement-line.ts';
import { correctLines } from './correct.ts';
import { correctPayouts, holdPayouts } from './implied-payouts.ts';
import { dropChunks } from './parts-store.ts';
import { postPeriods } from './periods.ts';
import { postLines, postTold, type ReportBooks } from './post-lines.ts';
import {
  type Comparison,
  changedLines,
  compareLines,
  computedBatchesOf,
  type EarlierBatch,
  earlierOf,
  hasRemoved,
  insertBatches,
  keepLines,
  markAmended,
  missingFromFile,
  movedLines,
  numberReturned,
  payoutsOf,
  removeLines,
  sumsOf,
} from './promote-store.ts';
import type { ProvenBatch } from './prove.ts';
import { roundApart } from './round-apart.ts';
import { endSettlement, findByBytes, insertFaults, lockAccount } from './settlement-store.ts';
import type { Faults, Staged } from './stage-report.ts';
import type { Staging } from './staging-store.ts';

/** A report that is read and proven, and how it is to be taken. */
export type Promotion = {
  readonly staging: Staging;
  readonly staged: Staged;
  readonly faults: Faults;
  readonly batches: readonly ProvenBatch[];
  readonly books: ReportBooks;
  readonly mode: 'payout' | 'batch' | 'balance';
  readonly movesMoney: boolean;
  readonly roundsApart: boolean;
  readonly sha256: Buffer;
  readonly bytes: number;
  readonly actor: string;
  readonly acceptDifference: string | null;
  readonly liveFrom: number | null;
};

export type Promoted =
  | {
      readonly kind: 'imported';
      /** Lines that no earlier file had brought. */
      readonly linesNew: number;
      readonly comparison: Comparison;
      /** Lines that an earlier version of a batch had and this one has not. */
      readonly removed: number;
    }
  | { readonly kind: 'repeated'; readonly id: string };

/**
 * Makes a report final, in the caller's transaction: its lines are kept, posted and counted, what an earlier version of it said
 * otherwise is taken back, or nothing of all this is.
 */
export async function promote(
  tx: Tx,
  { staging, books, movesMoney, ...promotion }: Promotion,
  { ledger, clock, sent }: { readonly ledger: Ledger; readonly clock: Clock; readonly sent: () => Promise<void> },
): Promise<Promoted> {
  const { settlement } = staging;
  const { sha256, actor, mode, batches, faults, staged, liveFrom } = promotion;
  await lockAccount(tx, books);
  // Only now: an import of the same bytes may have become final meanwhile.
  const standing = await findByBytes(tx, { ...books, sha256 });
  if (standing !== null) return { kind: 'repeated', id: standing };
  // Before anything is posted, in the order in which everybody takes locks.
  if (movesMoney) await ledger.holdFees(tx, books);

  let comparison: Comparison = { again: 0, moved: 0, changed: 0 };
  let earlier: EarlierBatch[] = [];
  const out: string[] = [];
  const amended = new Set<string>();
  let hadRemoved = false;
  if (movesMoney) {
    comparison = await compareLines(tx, staging, books, mode !== 'balance');
    // Only of a batch that the file has whole can be said that a line is missing from it.
    earlier = await earlierOf(
      tx,
      books,
      batches.filter((batch) => isWhole(batch, mode)),
    );
    out.push(...(await missingFromFile(tx, staging, earlier)));
    hadRemoved = await hasRemoved(tx, books);
    if (hadRemoved) await numberReturned(tx, staging, books);
  }
  const removed = out.length;
  if (comparison.changed > 0) out.push(...(await changedLines(tx, staging)));
  const amends = out.length > 0 || hadRemoved;
  const payouts = amends ? await payoutsOf(tx, staging, out) : [];
  await holdPayouts(tx, books, payouts);
  if (out.length > 0) {
    await correctLines(tx, out, { settlement, actor, clock });
    for (const id of await removeLines(tx, out, settlement)) amended.add(id);
  }
  const linesNew = await keepLines(tx, staging, { ...books, movesMoney });
  await insertBatches(tx, settlement, batches);
  if (movesMoney) {
    await correctPayouts(tx, payouts, { ledger, books, settlement, actor, clock });
    await postLines(tx, staging, { ledger, books, liveFrom, clock, amends, sent });
    if (comparison.moved > 0) await postMoved(tx, staging, { ledger, books });
    if (promotion.roundsApart) await roundApart(tx, batches, { ledger, books, settlement, actor, clock });
    const stated = staged.periods.map((period) => firstOpening(period, liveFrom));
    const periods = mode === 'balance' ? await withComputed(tx, stated, { batches, books, out }) : stated;
    const corrected = await postPeriods(tx, periods, { ledger, books, settlement, actor, clock });
    // Lines added to a batch that was whole before amend it, too.
    const lines = new Map(batches.map(({ batch, currency, lines: n }) => [`${currency} ${batch}`, n]));
    for (const { id, batch, currency, ...before } of earlier)
      if (corrected || (before.is_stated && lines.get(`${currency} ${batch}`) !== Number(before.lines)))
        amended.add(id);
  }
  await markAmended(tx, [...amended]);
  await dropChunks(tx, settlement);
  await insertFaults(tx, settlement, faults.kept, batches);
  const ended = await endSettlement(tx, {
    id: settlement,
    status: 'imported',
    sha256,
    bytes: promotion.bytes,
    lines: staged.lines,
    linesNew,
    faultCount: faults.count,
    acceptedDifference: faults.count > 0 ? promotion.acceptDifference : null,
    supersedes: [...amended].sort().at(-1) ?? null,
    note: null,
  });
  // Somebody took this process for dead: what it says now comes too late.
  if (!ended) throw new PosternError('conflict', 'the import was given up meanwhile; import the file again');
  await insertAudit(tx, {
    actor,
    action: 'settlement.import',
    subject: `settlement:${settlement}`,
    reason: faults.count > 0 ? promotion.acceptDifference : null,
    details: {
      lines: staged.lines,
      lines_new: linesNew,
      ...comparison,
      removed,
      faults: faults.count,
      sha256: sha256.toString('hex'),
    },
  });
  return { kind: 'imported', linesNew, comparison, removed };
}

/** The report has all of the batch: it closes as stated, or the rows of a payout come to what it paid. */
function isWhole({ stated, difference, net, payout }: ProvenBatch, mode: Promotion['mode']): boolean {
  if (difference !== 0n) return false;
  return stated || (mode === 'payout' && payout !== 0n && net + payout === 0n);
}

async function postMoved(
  tx: Tx,
  staging: Staging,
  { ledger, books }: { readonly ledger: Ledger; readonly books: ReportBooks },
): Promise<void> {
  const moved = await movedLines(tx, staging);
  const told = moved.map(({ id, identity, version, from, batch, net, currency, zone, booked_at }) => ({
    line: id,
    told: {
      type: 'settlement.batch_named',
      identity: version === 1 ? identity : `${identity}/${version}`,
      from,
      to: batch,
      net,
      currency,
      at: Number(booked_at),
      zone,
    } as const,
  }));
  for (let at = 0; at < told.length; at += TOLD_A_TURN)
    await postTold(tx, { ledger, books }, told.slice(at, at + TOLD_A_TURN));
}

const TOLD_A_TURN = 1_000;

/** What was there when the account went live came before us: no report before it will ever hand it on. */
function firstOpening(period: PeriodBalance, liveFrom: number | null): PeriodBalance {
  const isFirst = period.type === 'settlement.opening' && liveFrom !== null && period.at <= liveFrom;
  return isFirst ? { ...period, neighbour: null } : period;
}

/**
 * A report that states no balances: what its period leaves is computed from all of its lines, and proves nothing. So is that of
 * periods that lost a line to this report.
 */
async function withComputed(
  tx: Tx,
  periods: readonly PeriodBalance[],
  {
    batches,
    books,
    out,
  }: { readonly batches: readonly ProvenBatch[]; readonly books: ReportBooks; readonly out: readonly string[] },
): Promise<PeriodBalance[]> {
  const stated = new Set(periods.map(({ batch, currency }) => `${currency} ${batch}`));
  const touched = out.length === 0 ? batches : [...batches, ...(await computedBatchesOf(tx, out))];
  const byName = new Map(touched.map(({ batch, currency }) => [`${currency} ${batch}`, { batch, currency }]));
  const left = [...byName].flatMap(([name, one]) => (stated.has(name) ? [] : [one]));
  const computed = (await sumsOf(tx, books, left)).map(
    ({ batch, currency, net, last, zone }): PeriodBalance => ({
      type: 'settlement.closing',
      batch,
      neighbour: UNPROVEN,
      amount: net,
      currency,
      at: Number(last),
      zone,
    }),
  );
  return [...periods, ...computed];
}
