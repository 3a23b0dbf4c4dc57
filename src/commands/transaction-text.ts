import type { transactionView } from '../api/views.ts';
import { currencyExponent } from '../currency.ts';
import { formatMajor } from '../money.ts';
import { moment, oneLine, table } from './table.ts';

export type TransactionView = ReturnType<typeof transactionView>;

const EXPONENT_UNKNOWN = 0;

/** A transaction and its postings as people read them. */
export function transactionText({ kind, effect_key: key, effective_at: at, postings }: TransactionView): string {
  const rows = table(
    [
      { title: 'ACCOUNT', of: (row) => row.account },
      { title: 'DEBIT', of: (row) => (row.direction === 'debit' ? amountOf(row) : ''), right: true },
      { title: 'CREDIT', of: (row) => (row.direction === 'credit' ? amountOf(row) : ''), right: true },
      { title: 'CURRENCY', of: (row) => row.currency },
      { title: 'REFERENCE', of: (row) => [row.reference, row.component].filter((part) => part !== null).join(' ') },
    ],
    postings,
  );
  return `\n${kind}  ${oneLine(key)}  ${moment(at)}\n${postings.length === 0 ? 'moves nothing' : rows}`;
}

function amountOf({ amount, currency }: TransactionView['postings'][number]): string {
  return formatMajor(BigInt(amount), currencyExponent(currency) ?? EXPONENT_UNKNOWN);
}
