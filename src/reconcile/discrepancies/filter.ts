import type { DiscrepancyStatus } from '../../discrepancy-status.ts';
import type { DiscrepancyClass } from '../engine/verdict.ts';

/** Which discrepancies are meant; all of it must be true. */
export type DiscrepancyFilter = {
  readonly type?: DiscrepancyClass | undefined;
  readonly status?: DiscrepancyStatus | undefined;
  /** False: neither resolved, cleared nor written off. */
  readonly finished?: boolean | undefined;
  readonly provider?: string | undefined;
  readonly account?: string | undefined;
  readonly currency?: string | undefined;
  readonly reference?: string | undefined;
  readonly cause?: string | undefined;
  readonly assignee?: string | undefined;
  /** Items, or observations. */
  readonly in_proof?: boolean | undefined;
  readonly min_age_days?: number | undefined;
  readonly max_age_days?: number | undefined;
};
