import { contradiction, unreadable } from '../report-faults.ts';
import type { ReportFault } from '../settlement-format.ts';
import type { ReportRecord } from './report-records.ts';
import type { TransactionRow } from './transaction-row.ts';

/** What a footer (SF, RF) states of one currency, in hundredths; balances are signed. */
export type Footer = {
  readonly row: number;
  readonly currency: string;
  readonly credits: bigint;
  readonly debits: bigint;
  readonly feeCredits: bigint;
  readonly feeDebits: bigint;
  readonly opening: bigint;
  readonly closing: bigint;
  readonly count: number;
};

type Sums = { credits: bigint; debits: bigint; feeCredits: bigint; feeDebits: bigint; count: number };

/** What the rows of one section, or of a whole report, come to. */
export type Totals = {
  add(row: TransactionRow): void;
  /** Where the footer and the rows do not agree, and where the footer contradicts itself. */
  faults(code: string, footer: Footer, batch: string): readonly ReportFault[];
  /** Currencies that had rows, with what they came to. */
  nets(): ReadonlyMap<string, bigint>;
};

const CURRENCIES_MAX = 200;

export function createTotals(): Totals {
  const sums = new Map<string, Sums>();

  function of(currency: string): Sums {
    const known = sums.get(currency);
    if (known !== undefined) return known;
    const fresh = { credits: 0n, debits: 0n, feeCredits: 0n, feeDebits: 0n, count: 0 };
    if (sums.size < CURRENCIES_MAX) sums.set(currency, fresh);
    return fresh;
  }

  return {
    add({ isCredit, amount, currency, feeIsCredit, fee, feeCurrency }) {
      const gross = of(currency);
      gross.count += 1;
      if (isCredit) gross.credits += amount;
      else gross.debits += amount;
      if (fee === 0n) return;
      const cost = of(feeCurrency);
      if (feeIsCredit) cost.feeCredits += fee;
      else cost.feeDebits += fee;
    },

    faults(code, footer, batch) {
      const { row, currency } = footer;
      const found = sums.get(currency) ?? { credits: 0n, debits: 0n, feeCredits: 0n, feeDebits: 0n, count: 0 };
      const faults: ReportFault[] = [];
      for (const [name, field] of COMPARED) {
        if (footer[name] === found[name]) continue;
        const where = {
          row,
          field: `${code} ${currency} ${field}`,
          batch,
          currency,
          expected: footer[name],
          found: found[name],
        };
        faults.push(contradiction(where, `The rows come to other ${field} than the footer states`));
      }
      const { opening, closing, credits, debits, feeCredits, feeDebits } = footer;
      const expected = opening + credits - debits + feeCredits - feeDebits;
      if (expected !== closing) {
        const where = {
          row,
          field: `${code} ${currency} ending balance`,
          batch,
          currency,
          expected: closing,
          found: expected,
        };
        faults.push(contradiction(where, 'The beginning balance and what moved do not come to the ending balance'));
      }
      return faults;
    },

    nets: () =>
      new Map(
        [...sums].map(([currency, one]) => [currency, one.credits - one.debits + one.feeCredits - one.feeDebits]),
      ),
  };
}

const COMPARED = [
  ['credits', 'gross credits'],
  ['debits', 'gross debits'],
  ['feeCredits', 'fee credits'],
  ['feeDebits', 'fee debits'],
  ['count', 'record count'],
] as const;

const AMOUNT = /^\d{1,18}$/;

/**
 * `SF|RF, currency, gross credits, gross debits, fee credits, fee debits, then six balances with CR or DR before each (available,
 * total and payable, beginning and ending), record count`. The total balances are those that the movements change.
 */
export function readFooter({ row, code, cells }: ReportRecord): Footer | ReportFault {
  const cell = (n: number): string => (cells[n] ?? '').trim();
  const currency = cell(1).toUpperCase();
  if (!/^[A-Z]{3}$/.test(currency)) return unreadable({ row, field: code, value: currency }, 'must name a currency');
  const numbers = [2, 3, 4, 5, 11, 13, 18].map((n) => ({ n, text: cell(n) }));
  const wrong = numbers.find(({ text }) => !AMOUNT.test(text));
  if (wrong !== undefined)
    return unreadable({ row, field: `${code} field ${wrong.n + 1}`, value: wrong.text }, 'must be a whole number');
  const sides = [10, 12].map((n) => ({ n, text: cell(n).toUpperCase() }));
  const side = sides.find(({ text }) => text !== 'CR' && text !== 'DR');
  if (side !== undefined)
    return unreadable({ row, field: `${code} field ${side.n + 1}`, value: side.text }, 'must be CR or DR');
  const [credits = 0n, debits = 0n, feeCredits = 0n, feeDebits = 0n, begin = 0n, end = 0n, count = 0n] = numbers.map(
    ({ text }) => BigInt(text),
  );
  return {
    row,
    currency,
    credits,
    debits,
    feeCredits,
    feeDebits,
    opening: sides[0]?.text === 'DR' ? -begin : begin,
    closing: sides[1]?.text === 'DR' ? -end : end,
    count: Number(count),
  };
}
