import type { Sql } from '../../postgres/sql.ts';
import { spellingsOf } from '../bank/bank-account.ts';
import { moneyText } from '../bank/bank-amount.ts';
import { dayBegins, gapsAmong, type StatementGap, type StatementInSeries } from '../bank/statement-series.ts';
import {
  accountsInFiles,
  bankAccountOf,
  booksWithBank,
  type StatementRow,
  statementsOfAccount,
} from './bank-statements-store.ts';
import type { Found } from './discrepancy-store.ts';
import { type Books, observation } from './observe-files.ts';

/** Whose third hop these files tell of: the processor accounts that are paid on a bank account in them. */
export async function booksPaidInto(sql: Sql, files: readonly string[]): Promise<Books[]> {
  if (files.length === 0) return [];
  const accounts = new Set(await accountsInFiles(sql, files));
  const paid = await booksWithBank(sql);
  return paid.filter(({ bankAccount }) => spellingsOf(bankAccount).some((one) => accounts.has(one)));
}

/**
 * Statements that are missing of the bank account of a processor account: each of the accounts that share one may be the one whose
 * payout is in it. What was booked there is the bank account's, and mostly nobody's here: it is told beside, and no delta.
 */
export async function observeBank(sql: Sql, books: Books): Promise<Found[]> {
  const bankAccount = await bankAccountOf(sql, books);
  if (bankAccount === null) return [];
  const rows = await statementsOfAccount(sql, spellingsOf(bankAccount));
  const numbers = rows.map(({ number }) => number);
  return [...Map.groupBy(rows, ({ currency }) => currency)].flatMap(([currency, mine]) =>
    gapsAmong(mine.flatMap(inSeries), numbers).map((gap) => ofGap(books, { bankAccount, currency, gap })),
  );
}

/** Without a day it has no place among the others. */
function inSeries({ file, format, statement, number, opening, closing, from, to }: StatementRow): StatementInSeries[] {
  const [begins, ends] = [from ?? to, to ?? from];
  if (begins === null || ends === null) return [];
  return [
    {
      ...{ file, statement, number, opening: BigInt(opening), closing: BigInt(closing) },
      from: dayBegins(Date.parse(begins)),
      to: dayBegins(Date.parse(ends)),
      isDownload: format === 'csv',
    },
  ];
}

function ofGap(
  books: Books,
  { bankAccount, currency, gap }: { bankAccount: string; currency: string; gap: StatementGap },
): Found {
  const { before, after, between, missing } = gap;
  const [closedAt, openedAt] = [new Date(before.to).toISOString(), new Date(after.from).toISOString()];
  return observation(
    'missing_file',
    books,
    ['bank', bankAccount, currency, String(after.to), `${after.opening}`, `${after.closing}`],
    {
      reference: `${bankAccount} ${named(after)}`,
      currency,
      occurredAt: before.to,
      bank: { amount: String(between), first_at: closedAt, last_at: openedAt },
      evidence: {
        bank_account: bankAccount,
        missing,
        ...{ after: closedAt, after_statement: named(before), after_file: before.file },
        ...{ before: openedAt, before_statement: named(after), before_file: after.file },
        ...{ closing: moneyText(before.closing, currency), opening: moneyText(after.opening, currency) },
        between: moneyText(between, currency),
      },
    },
  );
}

const named = ({ statement, number }: StatementInSeries): string =>
  number === null ? statement : `${statement} (${number.value}${number.year === null ? '' : `/${number.year}`})`;
