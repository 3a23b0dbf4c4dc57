import type { FaultKind } from './faults.ts';

/** A discrepancy that a fault must lead to. What the specification leaves open is null, and not compared. */
export type Label = {
  readonly class: DiscrepancyClass;
  readonly provider: string;
  readonly account: string;
  /** The item: payment, refund, payout, batch. */
  readonly reference: string | null;
  readonly currency: string | null;
  /** Minor units: report − ledger, lines − payout, bank − payout, from the merchant's side. */
  readonly delta: string | null;
  readonly fault: FaultKind;
};

export type DiscrepancyClass =
  | 'wrong_account'
  | 'currency_mismatch'
  | 'status_mismatch'
  | 'direction_mismatch'
  | 'duplicate_in_settlement'
  | 'duplicate_in_ledger'
  | 'missing_in_ledger'
  | 'missing_in_settlement'
  | 'split_incomplete'
  | 'amount_mismatch'
  | 'fee_mismatch'
  | 'missing_file'
  | 'missing_payout'
  | 'proof_failed'
  | 'roll_forward_break'
  | 'payout_total_mismatch'
  | 'bank_amount_mismatch'
  | 'payout_reversed'
  | 'payout_not_in_bank'
  | 'unidentified_bank_credit'
  | 'refund_not_sent'
  | 'dispute_stale'
  | 'reserve_overdue'
  | 'unknown_kind'
  | 'duplicate_file'
  | 'amended_file'
  | 'file_total_mismatch'
  | 'unparsed_line'
  | 'late_settlement'
  | 'fee_above_contract'
  | 'fx_difference'
  | 'rounding_residual'
  | 'conflicting_announcement';
