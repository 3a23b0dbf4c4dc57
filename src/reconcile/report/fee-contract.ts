import type { Scope } from './scope.ts';
import { amount, given, type Row, type Section, text } from './table.ts';

/** What was agreed with each processor: beside it stands what was charged, and `fee_above_contract` names the lines beyond it. */
export function contractSection({ known, filter }: Scope): Section {
  const rows = known.flatMap(({ provider, account, feeContract }) =>
    feeContract
      .filter(({ currency }) => filter.currency === null || currency === filter.currency)
      .map(
        (term): Row => [
          provider,
          account,
          term.payment_method ?? null,
          term.currency,
          term.percent ?? null,
          minor(term.fixed),
          minor(term.minimum),
          term.from ?? null,
        ],
      ),
  );
  return {
    name: 'fee_contract',
    no: 7,
    title: 'Fee contract',
    columns: [
      text('provider'),
      text('account'),
      text('payment_method'),
      text('currency'),
      text('percent'),
      amount('fixed'),
      amount('minimum'),
      text('from'),
    ],
    rows: given(rows),
  };
}

const minor = (text: string | undefined): bigint | null => (text === undefined ? null : BigInt(text));
