import type { SettlementLine } from '../settlement-line.ts';

/** What every line has, before its kind says what its amounts are. */
export type LineParts = {
  readonly identity: string;
  readonly batch: string;
  readonly currency: string;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly tax: bigint;
  readonly at: number;
  readonly zone: string;
  readonly word: string;
};

export function lineBase(parts: LineParts) {
  return { type: 'settlement.line', ...parts, net: parts.gross - parts.fee - parts.tax } as const;
}

/** A row that is a cost itself: what it takes is its fee or tax, and it has no gross. */
export function costLine(kind: 'fee' | 'tax', parts: LineParts): SettlementLine {
  const cost = parts.fee + parts.tax - parts.gross;
  const tax = kind === 'tax' ? cost : parts.tax;
  return { ...lineBase({ ...parts, gross: 0n, fee: cost - tax, tax }), kind };
}

/**
 * A line of a kind that has no costs, and another for what the row took on top: posted as part of what was held or carried
 * nobody would ever see it as an expense.
 */
export function withCostsApart(line: SettlementLine): readonly SettlementLine[] {
  const { fee, tax, gross } = line;
  if (fee === 0n && tax === 0n) return [line];
  const { type, identity, batch, currency, at, zone, word } = line;
  const cost = {
    type,
    identity: `${identity}/fee`,
    batch,
    currency,
    at,
    zone,
    ...(word === undefined ? {} : { word }),
  };
  return [
    { ...line, fee: 0n, tax: 0n, net: gross },
    { ...cost, kind: 'fee', gross: 0n, fee, tax, net: -fee - tax },
  ];
}
