import type { Posting } from '../queries-store.ts';
import { accountName, BEFORE } from './account-name.ts';
import { major } from './amount.ts';
import { factsOf } from './facts.ts';
import type { JournalWriter } from './journal.ts';
import { createOneLine } from './text.ts';

const oneLine = createOneLine();

/** Beancount's own escapes come on top of those that keep the text on one line. */
const quoted = (text: string): string => `"${oneLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** For beancount 2. A balance is asserted for the beginning of its day, with the accounts below it. */
export const beancount: JournalWriter = {
  contentType: 'text/plain; charset=utf-8',
  extension: 'beancount',
  // With a tolerance of 0 a cent off is an error, as it is in our own books.
  head: ({ from, to, account }) => `option "title" ${quoted(titleOf(from, to, account))}
option "inferred_tolerance_multiplier" "0"
`,
  currency: (currency, day) => `\n${day} commodity ${currency}\n`,
  account: ({ path, currencies }, day) =>
    `\n${day} open ${accountName(path)} ${currencies.join(',')}\n  path: ${quoted(path)}\n`,
  openingHead: (day) => `\n${day} open ${BEFORE}\n\n${day} * "opening balances"\n`,
  opening: ({ path, currency, amount }) => line(accountName(path), amount, currency),
  openingEnd: (rest) => [...rest].map(([currency, amount]) => line(BEFORE, amount, currency)).join(''),
  transaction({ transaction, postings }) {
    const facts = factsOf(transaction).map(([name, value]) => `  ${name}: ${quoted(value)}\n`);
    const head = `\n${transaction.accountingDate} * ${quoted(transaction.kind)}\n`;
    return head + facts.join('') + postings.map(postingText).join('');
  },
  closingHead: () => '\n',
  closing: ({ path, currency, withBelow }, day) =>
    `${dayAfter(day)} balance ${accountName(path)} ${major(withBelow, currency)} ${currency}\n`,
};

function titleOf(from: string | null, to: string | null, account: string | null): string {
  const days = from === null && to === null ? '' : ` from ${from ?? 'the first day'} to ${to ?? 'the last day'}`;
  return `Postern's journal${account === null ? '' : ` of ${account}`}${days}`;
}

function postingText({ account, currency, amount, reference, component }: Posting): string {
  const about = [
    ...(reference === null ? [] : [`    reference: ${quoted(reference)}\n`]),
    ...(component === null ? [] : [`    component: ${quoted(component)}\n`]),
  ];
  return line(accountName(account), amount, currency) + about.join('');
}

const line = (account: string, amount: bigint, currency: string): string =>
  `  ${account}  ${major(amount, currency)} ${currency}\n`;

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
