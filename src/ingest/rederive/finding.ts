import type { Leg } from '../../ledger/entry.ts';

/**
 * `missing`: the rules would post it, and it is not there. `extra`: it is posted under an event whose rules would not.
 * `different`: posted otherwise than they would. The rest is told, and no difference: `bytes_gone` names what cannot be derived
 * again because retention removed the bytes, `not_comparable` says what else stands in the way.
 */
export type FindingKind = 'missing' | 'extra' | 'different' | 'bytes_gone' | 'not_comparable';

export type Finding = {
  readonly kind: FindingKind;
  readonly effectKey: string | null;
  /** The event that tells it, or told it. */
  readonly event: string | null;
  /** What is posted. */
  readonly transactions: readonly string[];
  readonly reason: string | null;
  readonly derived: readonly Leg[] | null;
  readonly posted: readonly Leg[] | null;
};

export type RederiveCounts = {
  /** Looked at; those that wait, are dead or were dismissed posted nothing and are not compared. */
  events: number;
  waiting: number;
  dead: number;
  dismissed: number;
  /** Transactions that were compared, each with the event that posted it. */
  effects: number;
  missing: number;
  extra: number;
  different: number;
  /** Posted otherwise by an older version of the rules, but the same money: no conflict. */
  newer_rule: number;
  /** Posted in an order that cannot be told any more; the payment as a whole is the same. */
  other_order: number;
  bytes_gone: number;
  not_comparable: number;
};

export const noCounts = (): RederiveCounts => ({
  events: 0,
  waiting: 0,
  dead: 0,
  dismissed: 0,
  effects: 0,
  missing: 0,
  extra: 0,
  different: 0,
  newer_rule: 0,
  other_order: 0,
  bytes_gone: 0,
  not_comparable: 0,
});
