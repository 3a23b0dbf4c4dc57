import { Type } from 'typebox';
import { currencyExponent } from '../currency.ts';
import { DISCREPANCY_STATUSES } from '../discrepancy-status.ts';
import type { DiscrepancyRow, HistoryRow, MovementRow } from '../reconcile/discrepancies/discrepancies-store.ts';
import type { Suggestion } from '../reconcile/engine/match-store.ts';
import { DISCREPANCY_CLASSES, type Difference } from '../reconcile/engine/verdict.ts';
import { PostingShape } from './shapes.ts';

const Text = Type.Union([Type.String(), Type.Null()]);
const Amount = Type.String({ pattern: '^-?\\d+$', description: 'minor units' });
const Time = Type.String({ format: 'date-time' });
const NullTime = Type.Union([Time, Type.Null()]);
const Side = Type.Object(
  {
    amount: Type.Optional(Amount),
    movements: Type.Optional(Type.Integer()),
    first_at: Type.Optional(Time),
    last_at: Type.Optional(Time),
  },
  { description: 'what this side says; empty: nothing' },
);

export const BUCKETS = ['0-1', '2-3', '4-7', '8-30', '31-60', '61+'] as const;

export const DiscrepancyShape = Type.Object({
  id: Type.String(),
  class: Type.Enum([...DISCREPANCY_CLASSES]),
  cause: Text,
  status: Type.Enum([...DISCREPANCY_STATUSES]),
  in_proof: Type.Boolean({
    description: 'an open item; false: an observation, a control that failed without leaving one open',
  }),
  provider: Type.String(),
  account: Type.String(),
  item: Type.Union([Type.String(), Type.Null()], {
    description: 'the role of the ledger account: processor_pending …',
  }),
  reference: Type.String(),
  component: Text,
  currency: Type.String(),
  delta: Type.String({ pattern: '^-?\\d+$', description: 'report − ledger, from the merchant’s side, in minor units' }),
  ledger: Side,
  settlement: Side,
  bank: Side,
  differences: Type.Array(
    Type.Object({
      field: Type.String(),
      ledger: Type.String(),
      settlement: Type.String({ description: 'what the report says; of bank_in_transit the same as bank' }),
      bank: Type.Optional(Type.String({ description: 'what the bank says, of bank_in_transit' })),
    }),
  ),
  age_days: Type.Integer(),
  bucket: Type.Enum([...BUCKETS]),
  severity: Type.Number({ description: 'amount in major units × age in days' }),
  occurred_at: Time,
  due_at: NullTime,
  first_seen_at: Time,
  last_seen_at: Time,
  cleared_at: NullTime,
  fingerprint: Type.String(),
  assignee: Text,
  reason_code: Text,
  suggested: Type.Union([Type.Object({ action: Type.String(), postings: Type.Array(PostingShape) }), Type.Null()]),
  evidence: Type.Record(Type.String(), Type.Unknown()),
});

export const DiscrepancyDetailShape = Type.Object({
  ...DiscrepancyShape.properties,
  movements: Type.Array(
    Type.Object({
      transaction: Type.String(),
      kind: Type.String(),
      at: Time,
      amount: Amount,
      event: Text,
      line: Text,
      settlement: Text,
      row: Type.Union([Type.Integer(), Type.Null()]),
      raw: Text,
      reversed: Type.Boolean({ description: 'taken back, or what takes back' }),
    }),
    { description: 'what moved its item, debit positive, with the lines of reports and statements behind it' },
  ),
  suggestions: Type.Array(
    Type.Object({
      id: Type.String(),
      pass: Type.String(),
      score: Type.Number(),
      amount: Amount,
      currency: Type.String(),
      debit: Type.Object({ reference: Type.String(), component: Text }),
      credit: Type.Object({ reference: Type.String(), component: Text }),
    }),
    { description: 'allocations to agree to; none is posted unasked' },
  ),
  history: Type.Array(Type.Object({ at: Time, actor: Type.String(), action: Type.String(), detail: Type.Unknown() })),
});

const DAY_MS = 86_400_000;

export function ageDays(row: Pick<DiscrepancyRow, 'occurred_at' | 'cleared_at'>, now: number): number {
  const until = row.cleared_at?.getTime() ?? now;
  return Math.max(0, Math.floor((until - row.occurred_at.getTime()) / DAY_MS));
}

export function bucketOf(days: number): (typeof BUCKETS)[number] {
  if (days <= 1) return '0-1';
  if (days <= 3) return '2-3';
  if (days <= 7) return '4-7';
  if (days <= 30) return '8-30';
  return days <= 60 ? '31-60' : '61+';
}

export function discrepancyView(row: DiscrepancyRow, now: number) {
  const days = ageDays(row, now);
  const major = Math.abs(Number(row.delta)) / 10 ** (currencyExponent(row.currency) ?? 2);
  return {
    id: row.id,
    class: row.class,
    cause: row.cause,
    status: row.status,
    in_proof: row.in_proof,
    provider: row.provider,
    account: row.account,
    item: row.item,
    reference: row.reference,
    component: row.component === '' ? null : row.component,
    currency: row.currency,
    delta: row.delta,
    ledger: row.ledger,
    settlement: row.settlement,
    bank: row.bank,
    differences: row.differences.map((one): Difference & { readonly bank?: string } =>
      row.item === 'bank_in_transit' ? { ...one, bank: one.settlement } : one,
    ),
    age_days: days,
    bucket: bucketOf(days),
    severity: Math.round(major * Math.max(1, days) * 100) / 100,
    occurred_at: row.occurred_at.toISOString(),
    due_at: row.due_at?.toISOString() ?? null,
    first_seen_at: row.first_seen_at.toISOString(),
    last_seen_at: row.last_seen_at.toISOString(),
    cleared_at: row.cleared_at?.toISOString() ?? null,
    fingerprint: row.fingerprint,
    assignee: row.assignee,
    reason_code: row.reason_code,
    suggested: row.suggested === null ? null : { ...row.suggested, postings: [...row.suggested.postings] },
    evidence: { ...row.evidence },
  };
}

export function discrepancyDetailView(
  row: DiscrepancyRow,
  {
    movements,
    suggestions,
    history,
  }: {
    readonly movements: readonly MovementRow[];
    readonly suggestions: readonly Suggestion[];
    readonly history: readonly HistoryRow[];
  },
  now: number,
) {
  const part = ({ reference, component }: { readonly reference: string; readonly component: string }) => ({
    reference,
    component: component === '' ? null : component,
  });
  return {
    ...discrepancyView(row, now),
    movements: movements.map(({ at, amount, row: line, ...rest }) => ({
      ...rest,
      at: at.toISOString(),
      amount: String(amount),
      row: line === null ? null : Number(line),
    })),
    suggestions: suggestions.map(({ id, pass, score, amount, currency, debit, credit }) => ({
      id,
      pass,
      score,
      amount: String(amount),
      currency,
      debit: part(debit),
      credit: part(credit),
    })),
    history: history.map(({ at, actor, action, detail }) => ({ at: at.toISOString(), actor, action, detail })),
  };
}
