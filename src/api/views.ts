import type { Static } from 'typebox';
import type { Posting, Transaction } from '../ledger/queries-store.ts';
import type { PostingShape, TransactionShape } from './shapes.ts';

export function postingView(posting: Posting): Static<typeof PostingShape> {
  return {
    account: posting.account,
    direction: posting.amount > 0n ? 'debit' : 'credit',
    amount: String(posting.amount < 0n ? -posting.amount : posting.amount),
    currency: posting.currency,
    reference: posting.reference,
    component: posting.component,
  };
}

export function transactionView(
  transaction: Transaction,
  postings: readonly Posting[],
): Static<typeof TransactionShape> {
  return {
    id: transaction.id,
    kind: transaction.kind,
    effect_key: transaction.effectKey,
    effective_at: transaction.effectiveAt.toISOString(),
    recorded_at: transaction.recordedAt.toISOString(),
    accounting_date: transaction.accountingDate,
    reverses: transaction.reverses,
    source: { event: transaction.sourceEvent, settlement_line: null, request: null },
    postings: postings.map(postingView),
  };
}
