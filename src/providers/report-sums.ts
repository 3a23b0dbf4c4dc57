import { type Decimal, decimalText, sum } from '../decimal-amount.ts';
import type { SettlementLine } from '../settlement-line.ts';

/** What the lines of one batch come to while it is read. */
export type BatchSum = {
  net: bigint;
  /** Lines that were rounded to minor units. */
  rounded: number;
};

export function emptySum(): BatchSum {
  return { net: 0n, rounded: 0 };
}

export function addLine(total: BatchSum, line: SettlementLine, residue: string | undefined): void {
  total.net += line.net;
  if (residue !== undefined) total.rounded += 1;
}

/**
 * What rounding each line by itself made of a batch whose processor rounds its total: `paid` − the lines. Null where there is
 * nothing, or more than half a minor unit for each of them and for the total, which is no rounding.
 */
export function roundingOf({ net, rounded }: BatchSum, paid: bigint): bigint | null {
  const over = paid - net;
  if (over === 0n || rounded === 0) return null;
  return (over < 0n ? -over : over) * 2n <= BigInt(rounded + 1) ? over : null;
}

/** What `net` gave up of the exact amount, both in minor units; undefined where nothing. */
export function leftOver(exact: Decimal, net: bigint): string | undefined {
  const left = sum(exact, { units: -net, scale: 0 });
  return left.units === 0n ? undefined : decimalText(left);
}
