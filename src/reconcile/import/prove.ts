import type { Sql } from '../../postgres/sql.ts';
import type { ReportFault, StatedBatch } from '../../providers/settlement-format.ts';
import { type BatchTotals, insertStaged, selectTotals } from './proof-store.ts';
import type { Staging } from './staging-store.ts';

/** One batch and currency of a report: what its lines come to beside what it states of itself. */
export type ProvenBatch = BatchTotals & {
  readonly opening: bigint;
  readonly closing: bigint;
  /** Both are the report's own. */
  readonly stated: boolean;
  /** opening + net + payout − closing: zero where it closes. */
  readonly difference: bigint;
  readonly series: string | null;
  readonly sequence: string | null;
};

export type Proof = {
  readonly batches: readonly ProvenBatch[];
  /** Batches whose lines were rounded, as they were before their rounding line: what each is off by. */
  readonly rounded: readonly ProvenBatch[];
  readonly faults: readonly ReportFault[];
};

/**
 * Holds a report's own opening and closing of each batch against its lines. Lines that were rounded to minor units may leave half
 * a unit each: their sum becomes a line of its own, so that the batch closes to the unit.
 */
export function proofOf(totals: readonly BatchTotals[], stated: readonly StatedBatch[]): Proof {
  const faults: ReportFault[] = [];
  const rounded: ProvenBatch[] = [];
  const batches = joined(totals, stated).map((batch): ProvenBatch => {
    const { difference } = batch;
    if (difference === 0n) return batch;
    const magnitude = difference < 0n ? -difference : difference;
    if (2n * magnitude > BigInt(batch.rounded)) {
      faults.push(faultOf(batch));
      return batch;
    }
    rounded.push(batch);
    const [gross, net] = [batch.gross - difference, batch.net - difference];
    return { ...batch, gross, net, lines: batch.lines + 1, difference: 0n };
  });
  return { batches, rounded, faults };
}

/** Proves what is staged, and adds the rounding lines to it. */
export async function proveReport(
  sql: Sql,
  staging: Staging,
  stated: readonly StatedBatch[],
  { idOf, lines }: { readonly idOf: (n: number) => string; readonly lines: number },
): Promise<Proof> {
  const proof = proofOf(await selectTotals(sql, staging), stated);
  for (const [n, batch] of proof.rounded.entries())
    await insertStaged(sql, staging, roundingRow(idOf(lines + n), batch));
  return proof;
}

/** The lines' batches, and those a report states without having a line of them: nothing moved in it, or it is a summary. */
function joined(totals: readonly BatchTotals[], stated: readonly StatedBatch[]): ProvenBatch[] {
  const key = ({ batch, currency }: { batch: string; currency: string }): string => `${currency} ${batch}`;
  const told = new Map(stated.map((one) => [key(one), one]));
  const found = new Set(totals.map(key));
  const empty = [...told.values()].filter((one) => !found.has(key(one))).map(nothingOf);
  return [...totals, ...empty].map((total) => {
    const one = told.get(key(total));
    const isStated = one?.opening !== undefined && one.closing !== undefined;
    const opening = one?.opening ?? 0n;
    const computed = opening + total.net + total.payout;
    const closing = one?.closing ?? computed;
    return {
      ...total,
      first: one?.from ?? total.first,
      last: one?.to ?? total.last,
      opening,
      closing,
      stated: isStated,
      difference: computed - closing,
      series: one?.sequence?.series ?? null,
      sequence: one?.sequence === undefined ? null : String(one.sequence.value),
    };
  });
}

function nothingOf({ batch, currency, net = 0n, payout = 0n, from = 0, to = from }: StatedBatch): BatchTotals {
  const sums = { gross: net, fee: 0n, tax: 0n, net, payout };
  return { batch, currency, lines: 0, ...sums, rounded: 0, first: from, last: to, zone: 'UTC' };
}

function faultOf({ batch, currency, opening, net, payout, closing, difference }: ProvenBatch): ReportFault {
  return {
    type: 'fault',
    kind: 'contradiction',
    row: null,
    field: null,
    value: null,
    reason: `the ${currency} lines of ${batch} do not come to its closing balance: they are off by ${difference}`,
    batch,
    expected: String(closing),
    found: `${opening} + ${net} + ${payout} = ${opening + net + payout}`,
    difference: { amount: difference, currency },
  };
}

/** In the order of STAGED_COLUMNS. What the batch is off by is taken away. */
function roundingRow(id: string, { batch, currency, difference, last, zone }: ProvenBatch): unknown[] {
  const net = -difference;
  const none = (n: number): null[] => Array.from({ length: n }, () => null);
  return [
    ...[id, 0, `rounding:${batch}:${currency}`, 'rounding', null, batch, null, null, currency, net, 0n, 0n, net],
    ...[...none(4), last, zone, ...none(9), ''],
  ];
}
