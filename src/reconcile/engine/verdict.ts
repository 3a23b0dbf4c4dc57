/** The classes of open items, of all hops. The first that is true names an item. */
export const ITEM_CLASSES = [
  'wrong_account',
  'currency_mismatch',
  'status_mismatch',
  'direction_mismatch',
  'duplicate_in_settlement',
  'duplicate_in_ledger',
  'missing_in_ledger',
  'missing_in_settlement',
  'split_incomplete',
  'amount_mismatch',
  'fee_mismatch',
  'missing_file',
  'missing_payout',
  'proof_failed',
  'roll_forward_break',
  'payout_total_mismatch',
  'bank_amount_mismatch',
  'payout_reversed',
  'payout_not_in_bank',
  'unidentified_bank_credit',
  'refund_not_sent',
  'dispute_stale',
  'reserve_overdue',
  'unknown_kind',
] as const;
export type ItemClass = (typeof ITEM_CLASSES)[number];

/** Controls that failed without leaving an item open. */
export const OBSERVATION_CLASSES = [
  'duplicate_file',
  'amended_file',
  'file_total_mismatch',
  'unparsed_line',
  'late_settlement',
  'fee_above_contract',
  'fx_difference',
  'rounding_residual',
  'conflicting_announcement',
  // Also an item's class: here it is a gap in numbers or days.
  'missing_file',
] as const;
export type ObservationClass = (typeof OBSERVATION_CLASSES)[number];

export type DiscrepancyClass = ItemClass | ObservationClass;

export const DISCREPANCY_CLASSES: readonly DiscrepancyClass[] = [
  ...new Set<DiscrepancyClass>([...ITEM_CLASSES, ...OBSERVATION_CLASSES]),
];

/** Both as text: amounts in minor units, times as ISO 8601. `settlement` is the other side: the report's, or in the third hop the bank's. */
export type Difference = { readonly field: string; readonly ledger: string; readonly settlement: string };

/** What an open item is. `dueAt` (unix ms): when its window ends, where it has one; it is judged again then. */
export type Verdict =
  | { readonly bucket: 'in_transit' | 'informational'; readonly dueAt: number | null }
  | {
      readonly bucket: 'discrepancy';
      readonly class: ItemClass;
      readonly dueAt: number | null;
      readonly differences: readonly Difference[];
    };

export const inTransit = (dueAt: number | null): Verdict => ({ bucket: 'in_transit', dueAt });

export const informational = (dueAt: number | null = null): Verdict => ({ bucket: 'informational', dueAt });

export function discrepancy(
  name: ItemClass,
  differences: readonly Difference[] = [],
  dueAt: number | null = null,
): Verdict {
  return { bucket: 'discrepancy', class: name, dueAt, differences };
}

/** Not before its window ends. */
export const onceDue = (now: number, dueAt: number, late: () => Verdict): Verdict =>
  now < dueAt ? inTransit(dueAt) : withDue(late(), dueAt);

const withDue = (verdict: Verdict, dueAt: number): Verdict => ({ ...verdict, dueAt: verdict.dueAt ?? dueAt });
