import { type TSchema, Type } from 'typebox';

/** The shapes others build on (the API's own reference is made from them). */
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });
const Amount = Type.String({ pattern: '^-?\\d+$', description: 'minor units' });

export const ProblemShape = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
});

export const SecretShape = Type.Object({
  id: Type.String(),
  not_before: Nullable(Time),
  not_after: Nullable(Time),
  last_used_at: Nullable(Time),
  uses: Type.Integer(),
  state: Type.Union([Type.Literal('in_use'), Type.Literal('idle'), Type.Literal('waiting'), Type.Literal('ended')], {
    description: 'waiting: not yet valid; in_use: verified a request within rotation_overlap_s; idle: did not',
  }),
  removable_since: Nullable(Time),
});

export const EndpointShape = Type.Object({
  id: Type.String(),
  provider: Type.String(),
  name: Type.String(),
  url: Type.String(),
  disabled: Type.Boolean(),
  settings: Type.Record(Type.String(), Type.Unknown(), {
    description: 'docs/providers.md and docs/settlements.md have them',
  }),
  secrets: Type.Array(SecretShape),
  rotation_overlap_s: Type.Integer({
    description: 'how long the processor may go on signing with an old secret; what to give as overlap_s',
  }),
});

export const TokenShape = Type.Object({
  id: Type.String(),
  name: Type.String(),
  roles: Type.Array(Type.String()),
  expires_at: Nullable(Time),
  last_used_at: Nullable(Time),
  token: Type.Optional(Type.String({ description: 'shown once' })),
});

export const EventShape = Type.Object({
  id: Type.String(),
  provider: Type.String(),
  endpoint: Type.String(),
  event_id: Type.String(),
  type: Type.String(),
  api_version: Nullable(Type.String()),
  live: Nullable(Type.Boolean()),
  account: Type.String(),
  status: Type.String(),
  reason: Nullable(Type.String()),
  references: Type.Record(Type.String(), Type.Array(Type.String())),
  amount: Nullable(Amount),
  currency: Nullable(Type.String()),
  occurred_at: Nullable(Time),
  received_at: Time,
  posted_at: Nullable(Time),
  attempts: Type.Integer(),
  next_attempt_at: Nullable(Time),
  error: Nullable(Type.Object({ code: Type.String(), message: Nullable(Type.String()) })),
  waiting_for: Nullable(Type.String()),
  until: Nullable(Time),
  duplicates: Type.Integer(),
  last_duplicate_at: Nullable(Time),
  conflict: Type.Boolean(),
  trace_id: Nullable(Type.String({ description: 'of the trace of its reception; null where nothing is traced' })),
  transactions: Type.Array(Type.String()),
});

export const PostingShape = Type.Object({
  account: Type.String(),
  direction: Type.Union([Type.Literal('debit'), Type.Literal('credit')]),
  amount: Amount,
  currency: Type.String(),
  reference: Nullable(Type.String()),
  component: Nullable(Type.String()),
});

export const TransactionShape = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  effect_key: Type.String(),
  effective_at: Time,
  recorded_at: Time,
  accounting_date: Type.String(),
  reverses: Nullable(Type.String()),
  source: Type.Object({
    event: Nullable(Type.String()),
    settlement_line: Nullable(Type.String()),
    request: Nullable(Type.String()),
  }),
  cause: Nullable(Type.String({ description: 'JSON: who did it and why, where a person or a matching pass did' })),
  postings: Type.Array(PostingShape),
});

export const DeliveryShape = Type.Object({
  id: Type.String(),
  provider: Type.String(),
  endpoint: Type.String(),
  received_at: Time,
  source_ip: Type.String(),
  method: Type.String(),
  path: Type.String(),
  headers: Type.Array(Type.Array(Type.String())),
  body_base64: Type.String(),
  body_sha256: Type.String(),
  verified: Type.Object({ level: Type.String(), secret_id: Nullable(Type.String()) }),
  events: Type.Array(Type.String()),
});

export const AccountShape = Type.Object({
  id: Type.String(),
  type: Type.String(),
  open_item: Type.Boolean(),
  currencies: Type.Array(Type.String()),
  open: Type.Boolean(),
  overdraft: Type.Union([Type.Literal('allowed'), Type.Literal('refused')], {
    description: 'refused: no request of a service may take it below zero',
  }),
});

export const BalanceShape = Type.Object({
  account: Type.String(),
  at: Nullable(Time),
  known_at: Nullable(Time),
  balances: Type.Array(
    Type.Object({
      currency: Type.String(),
      exponent: Type.Integer(),
      debits: Amount,
      credits: Amount,
      balance: Amount,
    }),
  ),
});

export const TrialBalanceShape = Type.Object({
  at: Nullable(Time),
  accounts: Type.Array(
    Type.Object({ account: Type.String(), currency: Type.String(), debits: Amount, credits: Amount, balance: Amount }),
  ),
  totals: Type.Array(Type.Object({ currency: Type.String(), debits: Amount, credits: Amount })),
});

export const AuditShape = Type.Object({
  id: Type.String(),
  at: Time,
  actor: Type.String(),
  action: Type.String(),
  subject: Type.String(),
  reason: Nullable(Type.String()),
  details: Type.Unknown(),
  sealed_as: Nullable(Type.Integer({ description: "its place in the ledger's log; null while it is not sealed yet" })),
});

/** An account's path, or the bare id of one that services named. */
export const AccountId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 600 }) });

export const Id = Type.Object({ id: Type.String({ minLength: 1, maxLength: 200 }) });

/** The answers every route may give beside its own. */
export const problems = { '4xx': ProblemShape, '5xx': ProblemShape };

/** A number in a path, as `endpoints/12`; anything else names nothing. */
export function numericId(text: string): number | null {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}
