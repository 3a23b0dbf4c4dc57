import type { AccountType } from '../chart.ts';
import type { Posting } from '../queries-store.ts';
import { accountName, BEFORE } from './account-name.ts';
import { decimalsOf, major } from './amount.ts';
import { factsOf } from './facts.ts';
import type { JournalWriter } from './journal.ts';
import { createOneLine } from './text.ts';

/** A comma ends a tag's value, after which a stranger's `date:` or `[2020-01-01]` would move the posting to another day. */
const text = createOneLine(',;[]|');

/** For hledger. Facts are tags, one a comment line. The accounts have the same names as in beancount. */
export const hledger: JournalWriter = {
  contentType: 'text/plain; charset=utf-8',
  extension: 'journal',
  head: ({ from, to, account }) =>
    `; Postern's journal${account === null ? '' : ` of ${text(account)}`}, from ${from ?? 'the first day'} to ${to ?? 'the last day'}\n`,
  // The mark stands there without decimals too: hledger wants one.
  currency: (currency) => `\ncommodity 1000.${'0'.repeat(decimalsOf(currency))} ${currency}\n`,
  account: ({ path, type }) => `\naccount ${accountName(path)}  ; type: ${TYPES[type]}\n  ; path: ${text(path)}\n`,
  openingHead: (day) => `\naccount ${BEFORE}  ; type: E\n\n${day} * opening balances\n`,
  opening: ({ path, currency, amount }) => line(accountName(path), amount, currency),
  openingEnd: (rest) => [...rest].map(([currency, amount]) => line(BEFORE, amount, currency)).join(''),
  transaction({ transaction, postings }) {
    const facts = factsOf(transaction).map(([name, value]) => `    ; ${name}: ${text(value)}\n`);
    const head = `\n${transaction.accountingDate} * ${text(transaction.kind)}\n`;
    return head + facts.join('') + postings.map(postingText).join('');
  },
  // Of the same day as the last transaction, and after it in the file: asserted last.
  closingHead: (day) => `\n${day} * closing balances\n`,
  closing: ({ path, currency, amount }) =>
    `    ${accountName(path)}  ${major(0n, currency)} ${currency} = ${major(amount, currency)} ${currency}\n`,
};

const TYPES: Readonly<Record<AccountType, string>> = {
  asset: 'A',
  liability: 'L',
  equity: 'E',
  income: 'R',
  expense: 'X',
  memo: 'E',
};

function postingText({ account, currency, amount, reference, component }: Posting): string {
  const about = [
    ...(reference === null ? [] : [`    ; reference: ${text(reference)}\n`]),
    ...(component === null ? [] : [`    ; component: ${text(component)}\n`]),
  ];
  return line(accountName(account), amount, currency) + about.join('');
}

const line = (account: string, amount: bigint, currency: string): string =>
  `    ${account}  ${major(amount, currency)} ${currency}\n`;
