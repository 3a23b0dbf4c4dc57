import { csvCell as cell } from '../../csv-cell.ts';
import { major } from './amount.ts';
import { factsOf } from './facts.ts';
import type { JournalWriter } from './journal.ts';

const FACTS = [
  'transaction',
  'effect_key',
  'effective_at',
  'recorded_at',
  'reverses',
  'source_event',
  'source_line',
  'source_request',
  'cause',
];
const COLUMNS = ['date', 'kind', 'line', 'account', 'currency', 'debit', 'credit', 'reference', 'component', ...FACTS];

type Row = {
  readonly day: string;
  readonly kind: string;
  readonly line: string;
  readonly account: string;
  readonly currency: string;
  readonly amount: bigint;
  readonly reference?: string | null;
  readonly component?: string | null;
};

/** RFC 4180, a row a posting. Debits − credits of an account's rows are its balance at the end: opening balances are rows too. */
export const csv: JournalWriter = {
  contentType: 'text/csv; charset=utf-8; header=present',
  extension: 'csv',
  head: () => `${COLUMNS.join(',')}\r\n`,
  currency: () => '',
  account: () => '',
  openingHead: () => '',
  opening: ({ path, currency, amount }, day) =>
    rowText({ day, kind: 'opening_balance', line: '', account: path, currency, amount }),
  openingEnd: () => '',
  transaction({ transaction, postings }) {
    const known = new Map(factsOf(transaction));
    // Not so many times over as there are lines.
    const facts = FACTS.map((name) => cell(known.get(name) ?? '')).join(',');
    const { accountingDate: day, kind } = transaction;
    return postings.map((posting) => rowText({ ...posting, day, kind, line: String(posting.line) }, facts)).join('');
  },
  closingHead: () => '',
  closing: () => '',
};

const NO_FACTS = FACTS.map(() => '').join(',');

function rowText({ day, kind, line, account, currency, amount, reference, component }: Row, facts = NO_FACTS): string {
  const debit = amount > 0n ? major(amount, currency) : '';
  const credit = amount < 0n ? major(-amount, currency) : '';
  const texts = [cell(reference ?? ''), cell(component ?? '')].join(',');
  return `${day},${cell(kind)},${line},${cell(account)},${currency},${debit},${credit},${texts},${facts}\r\n`;
}
