import { type Decimal, decimalText, sum } from '../../decimal-amount.ts';
import { type SettlementLine, UNBATCHED } from '../../settlement-line.ts';
import { contradiction } from '../report-faults.ts';
import type { ReportItem, ReportLine } from '../settlement-format.ts';

type Batch = {
  readonly batch: string;
  readonly currency: string;
  readonly exponent: number;
  readonly zone: string;
  /** In minor units. */
  exact: Decimal;
  net: bigint;
  lines: number;
  /** What a row of the file says was paid out: positive. */
  paid: bigint | null;
  row: number;
  at: number;
};

/** What all lines of a payout come to, before and after rounding. */
export type BatchRounding = {
  add(item: ReportLine, exponent: number): void;
  /** A line `rounding` for each payout among the rows whose lines, each rounded by itself, come to something else than it. */
  end(): readonly ReportItem[];
};

const BATCHES_MAX = 100_000;

export function createBatchRounding(): BatchRounding {
  const batches = new Map<string, Batch>();
  return {
    add({ line, row, residue }, exponent) {
      if (line.batch === UNBATCHED) return;
      const key = `${line.batch}\n${line.currency}`;
      const known = batches.get(key);
      const batch = known ?? emptyBatch(line, exponent);
      if (known === undefined && batches.size < BATCHES_MAX) batches.set(key, batch);
      batch.row = row;
      batch.at = Math.max(batch.at, line.at);
      if (line.kind === 'payout') {
        batch.paid = (batch.paid ?? 0n) - line.net;
        return;
      }
      batch.lines += 1;
      batch.net += line.net;
      batch.exact = sum(batch.exact, { units: line.net, scale: 0 }, residueOf(residue));
    },
    end: () => [...batches.values()].flatMap(roundingItems),
  };
}

function emptyBatch({ batch, currency, zone }: SettlementLine, exponent: number): Batch {
  const exact = { units: 0n, scale: 0 };
  return { batch, currency, exponent, zone, exact, net: 0n, lines: 0, paid: null, row: 0, at: 0 };
}

function residueOf(text: string | undefined): Decimal {
  if (text === undefined) return { units: 0n, scale: 0 };
  const point = text.indexOf('.');
  return { units: BigInt(text.replace('.', '')), scale: point < 0 ? 0 : text.length - point - 1 };
}

/**
 * At most half a minor unit a line is rounding; more is money that is missing from the file. A payout that another file tells is
 * held against these rows when both are here (`roundsApart`): what this file comes to by itself may be a part of it.
 */
function roundingItems({ batch, currency, zone, exact, net, lines, paid, row, at }: Batch): readonly ReportItem[] {
  if (paid === null) return [];
  // Where the payout is one of the rows, the report has all of it: it closes.
  const stated: ReportItem = { type: 'batch', batch, currency, opening: 0n, closing: 0n, to: at };
  const over = paid - net;
  if (over === 0n) return [stated];
  if ((over < 0n ? -over : over) * 2n > BigInt(lines)) {
    const where = { row, field: 'Payout', batch, expected: paid, found: decimalText(exact) };
    return [contradiction(where, `The rows do not come to the payout, in minor units of ${currency}`), stated];
  }
  const line: SettlementLine = {
    type: 'settlement.line',
    kind: 'rounding',
    identity: `rounding/${batch}/${currency}`,
    batch,
    currency,
    gross: over,
    fee: 0n,
    tax: 0n,
    net: over,
    at,
    zone,
    word: 'rounding',
  };
  return [{ type: 'line', row, raw: '', line, keys: {} }, stated];
}
