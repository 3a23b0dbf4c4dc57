/** What `ledger verify` looks at. A name says what holds when nothing is wrong. */
export const CHECKS = [
  'balanced',
  'no_orphans',
  'sealed',
  'audit',
  'log',
  'effect_keys',
  'events',
  'requests',
  'balances',
  'days',
  'open_items',
] as const;

export type CheckName = (typeof CHECKS)[number];

/** The first row that is wrong. */
export type Fault = { readonly row: string; readonly found: string };

export type CheckResult = {
  readonly name: CheckName;
  /** What holds, for people. */
  readonly says: string;
  /** How many rows were looked at. */
  readonly checked: number;
  readonly fault: Fault | null;
};

export type VerifyReport = {
  readonly ok: boolean;
  readonly transactions: number;
  readonly postings: number;
  readonly events: number;
  /** Entries of the audit log. */
  readonly audit_entries: number;
  /** Transactions and audit entries recorded but not in the log yet: a second's worth, where the sealer keeps up. */
  readonly unsealed: number;
  /** The log's root, hex, at `log_size`: to be compared with a head that somebody holds. */
  readonly log_size: number;
  readonly root: string;
  readonly heads: number;
  readonly seconds: number;
  readonly checks: readonly CheckResult[];
};

export const SAYS: Readonly<Record<CheckName, string>> = {
  balanced: 'every transaction balances in every currency',
  no_orphans: 'every line has its transaction and account, every seal its transaction or audit entry',
  sealed: 'every transaction is, field by field, what was sealed',
  audit: 'every entry of the audit log is, field by field, what was sealed',
  log: 'the log has no gap, and the root that every signed head says',
  effect_keys: 'no effect is posted twice',
  events: 'every posted event has its transactions, every transaction its event with the bytes it had',
  requests: 'every completed request of a service has its transaction, and no refunds beyond its amount',
  balances: 'the balances kept are those of the lines',
  days: 'the sums by day are those of the sealed lines',
  open_items: 'open items are those of the lines, and make up the balances of their accounts',
};
