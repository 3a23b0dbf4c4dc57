import type { BankFault } from '../bank-format.ts';
import { closingFault } from './balance-proof.ts';
import { moneyText } from './bank-amount.ts';
import { contradiction } from './bank-fault.ts';

/** One page of a statement (most have only one), in one currency. */
export type StatementPage = {
  readonly row: number;
  readonly account: string;
  readonly currency: string;
  readonly statement: string;
  /** The statement's place among the account's. */
  readonly number: number | null;
  /** Null: it does not say. */
  readonly page: number | null;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly opening: bigint | null;
  readonly sum: bigint;
  readonly closing: bigint | null;
};

type Known = { readonly page: StatementPage; readonly end: bigint | null };

/** Accounts of one file whose last page is remembered. */
const ACCOUNTS_MAX = 10_000;

/**
 * Whether the pages of one file follow each other: a page continues where the one before it ended, the next statement opens with
 * what the last one closed with, and a page without balances is proven by its neighbours.
 */
export function createStatementChain() {
  const last = new Map<string, Known>();

  function follow(page: StatementPage): BankFault[] {
    const key = JSON.stringify([page.account, page.currency]);
    const before = last.get(key);
    const faults: BankFault[] = [];
    let start = page.opening;
    if (before !== undefined && !before.page.isLast && (page.isFirst || !continues(before.page, page)))
      faults.push(missingPage(page, before.page));
    else if (before !== undefined && (page.isFirst ? isNext(before.page, page) : true)) {
      start ??= page.isFirst ? null : before.end;
      if (page.opening !== null && before.end !== null && page.opening !== before.end)
        faults.push(brokenChain(page, before.end));
    }
    if (!(page.isFirst && page.isLast)) faults.push(...pageFaults(page, start));
    if (last.size < ACCOUNTS_MAX || before !== undefined) {
      const end = page.closing ?? (start === null ? null : start + page.sum);
      last.set(key, { page, end });
    }
    return faults;
  }

  /** At the end of the file: pages without a balance of their own that nothing came to prove. */
  function rest(): BankFault[] {
    return [...last.values()]
      .filter(({ page }) => !page.isLast && page.closing === null)
      .map(({ page }) =>
        contradiction(
          { row: page.row },
          'it is not the last page, and what proves it is not in this file: hand in all pages as one',
          {
            statement: page.statement,
            expected: `page ${(page.page ?? 1) + 1}`,
            found: 'the end of the file',
          },
        ),
      );
  }

  return { follow, rest };
}

/** A page whose own balances do not prove it (its statement's proof does that) is proven from the start of the pages. */
function pageFaults(page: StatementPage, start: bigint | null): BankFault[] {
  const { row, statement, currency, sum, closing } = page;
  if (start === null)
    return [
      contradiction(
        { row },
        'the page before it, which would tell its opening balance, is not in this file: hand in all pages as one',
        {
          statement,
          expected: `page ${(page.page ?? 2) - 1} or an opening balance in ${currency}`,
          found: `page ${page.page ?? 'without number'}`,
        },
      ),
    ];
  if (closing === null)
    return page.isLast
      ? [
          contradiction({ row }, `nothing proves that no entry in ${currency} is missing`, {
            statement,
            expected: `a closing balance in ${currency}`,
            found: 'none on the last page',
          }),
        ]
      : [];
  const fault =
    page.opening === null
      ? closingFault(row, statement, currency, { opened: start, total: sum, closed: closing })
      : null;
  return fault === null ? [] : [fault];
}

/** Banks give each page an id of its own, but one number. */
const continues = (before: StatementPage, page: StatementPage): boolean =>
  before.number === page.number &&
  (page.number !== null || before.statement === page.statement) &&
  (before.page === null || page.page === null || page.page === before.page + 1);

/** Statements without numbers, or not in their order, may have others between them. */
const isNext = (before: StatementPage, page: StatementPage): boolean =>
  before.number !== null && page.number === before.number + 1;

function missingPage(page: StatementPage, before: StatementPage): BankFault {
  const name = ({ statement, page: no }: StatementPage) => (no === null ? statement : `${statement} page ${no}`);
  return contradiction({ row: page.row }, `the statement before it is not at its end: a page is missing between them`, {
    statement: page.statement,
    expected: `${before.statement} page ${before.page === null ? 'that ends it' : before.page + 1}`,
    found: name(page),
  });
}

function brokenChain({ row, statement, currency, opening }: StatementPage, end: bigint): BankFault {
  return contradiction(
    { row },
    'it does not begin with what the one before it ended with: entries between them are missing',
    {
      statement,
      expected: moneyText(end, currency),
      found: moneyText(opening ?? 0n, currency),
    },
  );
}
