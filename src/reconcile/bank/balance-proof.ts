import type { BankFault, BankItem, BankStatement } from '../bank-format.ts';
import { moneyText } from './bank-amount.ts';
import { contradiction } from './bank-fault.ts';

/** What a statement says of itself, before and after its entries. */
export type StatementHead = {
  /** The line its faults are told with. */
  readonly row: number;
  readonly account: string;
  readonly statement: string;
  readonly number: { readonly year: number | null; readonly value: number } | null;
  readonly copy: boolean;
};

export type Balance = { readonly amount: bigint; readonly at: number | null };

type Sums = { entries: number; sum: bigint; opening: Balance | null; closing: Balance | null };

export type BalanceProof = ReturnType<typeof createBalanceProof>;

/** What the booked entries of one statement come to, by ISO 4217 currency, and whether opening + entries = closing. */
export function createBalanceProof() {
  const currencies = new Map<string, Sums>();

  function of(currency: string): Sums {
    const sums = currencies.get(currency) ?? { entries: 0, sum: 0n, opening: null, closing: null };
    currencies.set(currency, sums);
    return sums;
  }

  function add(currency: string, amount: bigint): void {
    const sums = of(currency);
    sums.entries += 1;
    sums.sum += amount;
  }

  /** Of a statement with neither entries nor balances, so that it is told. */
  function begins(currency: string): void {
    of(currency);
  }

  function opens(currency: string, balance: Balance): void {
    of(currency).opening = balance;
  }

  function closes(currency: string, balance: Balance): void {
    of(currency).closing = balance;
  }

  const opening = (currency: string): Balance | null => currencies.get(currency)?.opening ?? null;
  const closing = (currency: string): Balance | null => currencies.get(currency)?.closing ?? null;
  const sum = (currency: string): bigint => currencies.get(currency)?.sum ?? 0n;

  /**
   * The statement, one item for each of its currencies, and what contradicts itself in it. A statement whose format always has
   * both balances is not proven without them (`needsBalances`).
   */
  function told(head: StatementHead, needsBalances: boolean): BankItem[] {
    const { row, account, statement, number, copy } = head;
    return [...currencies].flatMap(([currency, { entries, sum: total, opening: from, closing: to }]) => {
      const [opened, closed] = [from?.amount ?? null, to?.amount ?? null];
      const item: BankStatement = {
        type: 'statement',
        account,
        statement,
        number,
        currency,
        opening: opened,
        closing: closed,
        from: from?.at ?? null,
        to: to?.at ?? null,
        entries,
        sum: total,
        copy,
      };
      const fault =
        opened !== null && closed !== null
          ? closingFault(row, statement, currency, { opened, total, closed })
          : needsBalances
            ? balanceFault(row, statement, currency, { opened, closed })
            : null;
      return fault === null ? [item] : [item, fault];
    });
  }

  return { add, begins, opens, closes, opening, closing, sum, told, currencies: () => [...currencies.keys()] };
}

/** Null where opening + entries = closing. */
export function closingFault(
  row: number,
  statement: string,
  currency: string,
  { opened, total, closed }: { readonly opened: bigint; readonly total: bigint; readonly closed: bigint },
): BankFault | null {
  if (opened + total === closed) return null;
  const [expected, found] = [moneyText(closed, currency), moneyText(opened + total, currency)];
  return contradiction(
    { row },
    `the opening balance of ${moneyText(opened, currency)} and the entries of ${moneyText(total, currency)} come to ${found}, but ` +
      `it closes with ${expected}: an entry is missing, doubled or told wrongly; ask the bank for the statement anew`,
    { statement, expected, found },
  );
}

function balanceFault(
  row: number,
  statement: string,
  currency: string,
  { opened, closed }: { readonly opened: bigint | null; readonly closed: bigint | null },
): BankFault {
  const found =
    opened === null ? (closed === null ? 'neither' : 'only the closing balance') : 'only the opening balance';
  return contradiction({ row }, `nothing proves that no entry in ${currency} is missing`, {
    statement,
    expected: `an opening and a closing balance in ${currency}`,
    found,
  });
}
