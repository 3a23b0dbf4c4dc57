import type { EventFilter } from '../event-filter.ts';

export const REPLAY_STATUSES = ['running', 'paused', 'done', 'cancelled', 'failed'] as const;
export type ReplayStatus = (typeof REPLAY_STATUSES)[number];

/** One event by our id, or those that a filter means. */
export type ReplayTarget = { readonly event: string } | { readonly filter: EventFilter };

/** Events a second, unless another rate is chosen: what leaves the latency of live traffic as it is on a small machine. */
export const REPLAY_RATE_DEFAULT = 100;
export const REPLAY_RATE_MAX = 5_000;

/**
 * What came of one event, or would on a dry run. `posted`: it is posted now, or what it lacked is. `unchanged`: nothing was to be
 * posted. `deferred`: it waits, or is tried again. `failed`: it is dead, or what it tells contradicts what is posted.
 */
export type ReplayOutcome = 'posted' | 'unchanged' | 'deferred' | 'failed';

/** A line of a transaction, as the API shows it. */
export type ShownPosting = {
  readonly account: string;
  readonly direction: 'debit' | 'credit';
  readonly amount: string;
  readonly currency: string;
  readonly reference: string | null;
  readonly component: string | null;
};

/** A transaction that stands, or (without an id) one as the rules would have it. */
export type ShownTransaction = {
  readonly id: string | null;
  readonly effect_key: string;
  readonly kind: string | null;
  /** Left out where the transaction itself tells them. */
  readonly postings?: readonly ShownPosting[];
};

/** An event before or after: its state and, of its transactions, those in which the two differ. */
export type ReplaySide = {
  readonly status: string;
  readonly reason: string | null;
  readonly transactions: readonly ShownTransaction[];
};

/** What became of one event; told where there is something to tell. */
export type Replayed = {
  readonly event: string;
  readonly outcome: ReplayOutcome;
  /** Null: only counted. */
  readonly change: { readonly before: ReplaySide; readonly after: ReplaySide } | null;
};
