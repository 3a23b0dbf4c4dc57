import type { Clock } from '../../clock.ts';
import { chart } from '../../ledger/chart.ts';
import { openOn } from '../../ledger/ledger-store.ts';
import type { Ledger } from '../../ledger/post.ts';
import type { Tx } from '../../postgres/sql.ts';
import { UNBATCHED } from '../../settlement-line.ts';
import { uuidv7 } from '../../uuid.ts';
import { correctLines } from './correct.ts';
import { postTold, type ReportBooks } from './post-lines.ts';
import { removeLines } from './promote-store.ts';
import { type ApartBatch, apartBatches, keepRounding } from './round-apart-store.ts';
import { lineOf } from './staged-row.ts';

/**
 * Where a processor tells a payout in one file and its lines in others, each rounded by itself, what is left between them is a
 * line `rounding` as long as it can be rounding: at most half a minor unit a line. It is reckoned anew with each file that brings
 * something of the payout, so that their order does not matter; more than that stays open on the payout.
 */
export async function roundApart(
  tx: Tx,
  batches: readonly { readonly batch: string; readonly currency: string }[],
  {
    ledger,
    books,
    settlement,
    actor,
    clock,
  }: {
    readonly ledger: Ledger;
    readonly books: ReportBooks;
    readonly settlement: string;
    readonly actor: string;
    readonly clock: Clock;
  },
): Promise<void> {
  const named = batches.filter(({ batch }) => batch !== UNBATCHED);
  if (named.length === 0) return;
  const open = await openOn(
    tx,
    chart.processorBalance(books).path,
    named.map(({ batch }) => batch),
  );
  for (const one of await apartBatches(tx, books, named)) {
    const left = open.find(({ reference, currency }) => reference === one.batch && currency === one.currency);
    const rounding = roundingOf(one, left?.amount ?? 0n);
    if (rounding === one.rounding) continue;
    if (one.line !== null) {
      await correctLines(tx, [one.line], { settlement, actor, clock });
      await removeLines(tx, [one.line], settlement);
    }
    if (rounding === 0n) continue;
    const row = await keepRounding(tx, { ...books, settlement, id: uuidv7(clock.now()), rounding, of: one });
    await postTold(tx, { ledger, books }, [{ line: row.id, told: lineOf(row, null) }]);
  }
}

/** Of all the batch's lines; `open` is what they and the rounding that stands leave. */
function roundingOf({ lines, isPaid, rounding }: ApartBatch, open: bigint): bigint {
  const whole = rounding - open;
  const magnitude = whole < 0n ? -whole : whole;
  return isPaid && magnitude * 2n <= BigInt(lines) ? whole : 0n;
}
