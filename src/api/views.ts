import type { Static } from 'typebox';
import type { ShownToken } from '../access/token-service.ts';
import type { ShownEndpoint, ShownSecret } from '../endpoints/service.ts';
import type { Account, Posting, Transaction } from '../ledger/queries-store.ts';
import type { EventRow } from './event-store.ts';
import type {
  AccountShape,
  EndpointShape,
  EventShape,
  PostingShape,
  SecretShape,
  TokenShape,
  TransactionShape,
} from './shapes.ts';

export function accountView(account: Account): Static<typeof AccountShape> {
  return {
    id: account.path,
    type: account.type,
    open_item: account.openItem,
    currencies: [...account.currencies],
    open: account.open,
    overdraft: account.overdraft,
  };
}

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
    source: {
      event: transaction.source.event,
      settlement_line: transaction.source.line,
      request: transaction.source.request,
    },
    cause: transaction.source.cause,
    postings: postings.map(postingView),
  };
}

export function eventView(row: EventRow): Static<typeof EventShape> {
  const references: Record<string, string[]> = {};
  for (const { kind, value } of row.reference_list) references[kind] = [...(references[kind] ?? []), value];
  return {
    id: row.id,
    provider: row.provider,
    endpoint: row.endpoint,
    event_id: row.event_id,
    type: row.type,
    api_version: row.api_version,
    live: row.live,
    account: row.account,
    status: row.status,
    reason: row.reason,
    references,
    amount: row.amount === null ? null : String(row.amount),
    currency: row.currency,
    occurred_at: iso(row.occurred_at),
    received_at: row.received_at.toISOString(),
    posted_at: iso(row.posted_at),
    attempts: row.attempts,
    next_attempt_at: iso(row.next_attempt_at),
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message },
    waiting_for: row.waiting_for,
    until: iso(row.until),
    duplicates: row.duplicates,
    last_duplicate_at: iso(row.last_duplicate_at),
    conflict: row.conflict,
    trace_id: row.trace_id,
    transactions: [...row.transactions],
  };
}

/** `baseUrl` is what processors call, without a slash at its end. */
export function endpointView(
  { rotationOverlapMs, ...endpoint }: ShownEndpoint,
  baseUrl: string,
): Static<typeof EndpointShape> {
  return {
    ...endpoint,
    id: String(endpoint.id),
    url: `${baseUrl}/webhooks/${endpoint.provider}/${endpoint.name}`,
    secrets: endpoint.secrets.map(secretView),
    rotation_overlap_s: Math.round(rotationOverlapMs / 1000),
  };
}

export function secretView(secret: ShownSecret): Static<typeof SecretShape> {
  return {
    id: secret.id,
    not_before: iso(secret.not_before),
    not_after: iso(secret.not_after),
    last_used_at: iso(secret.last_used_at),
    uses: Number(secret.uses),
    state: secret.state,
    removable_since: iso(secret.removableSince),
  };
}

export function tokenView(token: ShownToken): Static<typeof TokenShape> {
  return {
    id: token.id,
    name: token.name,
    roles: [...token.roles],
    expires_at: iso(token.expires_at),
    last_used_at: iso(token.last_used_at),
  };
}

function iso(time: Date | null): string | null {
  return time?.toISOString() ?? null;
}
