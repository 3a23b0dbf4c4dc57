import type { CsvBlock } from '../../csv-rows.ts';
import {
  type Decimal,
  decimal,
  decimalText,
  inBounds,
  negated,
  product,
  rounded,
  smallMinor,
  sum,
} from '../../decimal-amount.ts';
import { type CellFault, decimalOrZero, money, NOT_DECIMAL } from '../report-amount.ts';
import type { ReportFault } from '../settlement-format.ts';

/** Where the amounts of a row stand; −1 where the file has no such column. */
export type AmountColumns = {
  readonly grossDebit: number;
  readonly grossCredit: number;
  readonly netDebit: number;
  readonly netCredit: number;
  readonly rate: number;
  readonly fees: readonly number[];
};

export type RowCurrency = { readonly code: string; readonly exponent: number };

export type RowAmounts = {
  readonly gross: bigint;
  readonly fee: bigint;
  readonly net: bigint;
  readonly residue?: string;
  readonly payer?: { readonly amount: bigint; readonly currency: string };
  /** In what the row contradicts itself. */
  readonly contradiction?: Contradiction;
};

export type Contradiction = Required<Pick<ReportFault, 'reason' | 'expected' | 'found' | 'difference'>>;

/**
 * The amounts of a row of the settlement details report. Net is what moved the batch's balance, and is never touched; fees are
 * what lies between gross and net. Gross is in the payer's currency: where that is another, what it came to is net + fees.
 */
export function rowAmounts(
  block: CsvBlock,
  n: number,
  at: AmountColumns,
  header: readonly string[],
  settled: RowCurrency,
  paid: RowCurrency | null,
): RowAmounts | CellFault {
  return quickly(block, n, at, settled, paid) ?? exactly(block, n, at, header, settled, paid);
}

/** Nearly every row: one currency, nothing below the minor unit, and gross − fees = net. */
function quickly(
  block: CsvBlock,
  n: number,
  at: AmountColumns,
  settled: RowCurrency,
  paid: RowCurrency | null,
): RowAmounts | null {
  const { exponent } = settled;
  const net = filled(block, n, at.netCredit, at.netDebit, exponent);
  if (net === null) return null;
  let fee = 0;
  for (const column of at.fees) {
    const text = block.cell(n, column);
    if (text === '') continue;
    const part = smallMinor(text, exponent);
    if (part === null) return null;
    fee += part;
  }
  const isPaid = block.cell(n, at.grossCredit) !== '' || block.cell(n, at.grossDebit) !== '';
  if (!isPaid) return { gross: BigInt(net + fee), fee: BigInt(fee), net: BigInt(net) };
  if (paid === null || paid.code !== settled.code) return null;
  const gross = filled(block, n, at.grossCredit, at.grossDebit, exponent);
  return gross === null || gross - fee !== net ? null : { gross: BigInt(gross), fee: BigInt(fee), net: BigInt(net) };
}

function filled(block: CsvBlock, n: number, credit: number, debit: number, exponent: number): number | null {
  const inText = block.cell(n, credit);
  const outText = block.cell(n, debit);
  const incoming = inText === '' ? 0 : smallMinor(inText, exponent);
  const outgoing = outText === '' ? 0 : smallMinor(outText, exponent);
  return incoming === null || outgoing === null ? null : incoming - outgoing;
}

/** What stands in the cells, in major units of each currency. */
type Exact = { readonly gross: Decimal; readonly fees: Decimal; readonly net: Decimal; readonly isPaid: boolean };

function exactly(
  block: CsvBlock,
  n: number,
  at: AmountColumns,
  header: readonly string[],
  settled: RowCurrency,
  paid: RowCurrency | null,
): RowAmounts | CellFault {
  const columns = [at.netCredit, at.netDebit, at.grossCredit, at.grossDebit, ...at.fees];
  const read = columns.map((column) => decimalOrZero(block.cell(n, column)));
  const fault = (column: number, reason: string): CellFault => ({
    field: header[column] ?? '',
    value: block.cell(n, column),
    reason,
  });
  const wrong = read.indexOf(null);
  if (wrong >= 0) return fault(columns[wrong] ?? -1, NOT_DECIMAL);
  const [netIn = ZERO, netOut = ZERO, grossIn = ZERO, grossOut = ZERO, ...parts] = read.filter((one) => one !== null);
  const exact: Exact = {
    gross: sum(grossIn, negated(grossOut)),
    fees: sum(ZERO, ...parts),
    net: sum(netIn, negated(netOut)),
    isPaid: block.cell(n, at.grossCredit) !== '' || block.cell(n, at.grossDebit) !== '',
  };
  const all = [exact.gross, exact.fees, exact.net].map((one) => rounded(one, settled.exponent).minor);
  if (!all.every(inBounds)) return fault(at.netCredit, 'is too large to be kept');
  if (!exact.isPaid || paid === null) return withoutPayer(exact, settled);
  if (paid.code === settled.code) return inOneCurrency(exact, settled);
  const payer = rounded(exact.gross, paid.exponent);
  if (payer.residue !== undefined)
    return fault(at.grossCredit, `must have at most ${paid.exponent} decimals, as ${paid.code} has`);
  const amounts = withoutPayer(exact, settled);
  const contradiction = rateContradiction(exact, decimal(block.cell(n, at.rate)), settled);
  return {
    ...amounts,
    ...(payer.minor === 0n ? {} : { payer: { amount: payer.minor, currency: paid.code } }),
    ...(contradiction === null ? {} : { contradiction }),
  };
}

/** Nothing but the settlement's currency is told: gross is what net and fees come to. */
function withoutPayer({ fees, net }: Exact, { exponent }: RowCurrency): RowAmounts {
  const { minor, residue } = rounded(net, exponent);
  const fee = rounded(fees, exponent).minor;
  return { gross: minor + fee, fee, net: minor, ...(residue === undefined ? {} : { residue }) };
}

function inOneCurrency(exact: Exact, { code, exponent }: RowCurrency): RowAmounts {
  const { gross, fees, net } = exact;
  const settled = rounded(net, exponent).minor;
  const own = rounded(gross, exponent).minor;
  const left = sum(gross, negated(fees), negated(net));
  if (isBelow(left, { units: 1n, scale: exponent })) {
    const over = sum(gross, negated(fees), negated({ units: settled, scale: exponent }));
    const residue = decimalText({ units: over.units * 10n ** BigInt(exponent), scale: over.scale });
    return { gross: own, fee: own - settled, net: settled, ...(over.units === 0n ? {} : { residue }) };
  }
  // Net stands: it is what the batch's sum is made of.
  const fee = rounded(fees, exponent).minor;
  const contradiction = {
    reason: 'gross − fees is not net',
    expected: money(own - fee, code),
    found: money(settled, code),
    difference: { amount: settled - (own - fee), currency: code },
  };
  return { gross: settled + fee, fee, net: settled, contradiction };
}

function rateContradiction(
  { gross, fees, net }: Exact,
  rate: Decimal | null,
  { code, exponent }: RowCurrency,
): Contradiction | null {
  if (rate === null || rate.units === 0n) return null;
  const expected = sum(product(gross, rate), negated(fees));
  // The rate's last digit is rounded, and so is the amount it came to.
  const slack = sum(product(magnitude(gross), { units: 5n, scale: rate.scale + 1 }), { units: 1n, scale: exponent });
  const off = sum(expected, negated(net));
  if (isBelow(off, sum(slack, { units: 1n, scale: slack.scale }))) return null;
  const [stated, told] = [rounded(expected, exponent).minor, rounded(net, exponent).minor];
  return {
    reason: 'gross × exchange rate − fees is not net',
    expected: money(stated, code),
    found: money(told, code),
    difference: { amount: told - stated, currency: code },
  };
}

const ZERO: Decimal = { units: 0n, scale: 0 };

function magnitude({ units, scale }: Decimal): Decimal {
  return { units: units < 0n ? -units : units, scale };
}

/** Whether a value is nearer to zero than a limit. */
function isBelow(value: Decimal, limit: Decimal): boolean {
  return sum(magnitude(value), negated(limit)).units < 0n;
}
