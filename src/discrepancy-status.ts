export const DISCREPANCY_STATUSES = [
  'open',
  'assigned',
  'pending_approval',
  'resolved',
  'auto_cleared',
  'written_off',
  'reopened',
] as const;
export type DiscrepancyStatus = (typeof DISCREPANCY_STATUSES)[number];

/** Nobody has to do anything about it any more. Indexes of what is open have the same list in their condition. */
export const ENDED_STATUSES: readonly DiscrepancyStatus[] = ['resolved', 'auto_cleared', 'written_off'];

/** The same for `in` in a statement. */
export const ENDED_LIST = `(${ENDED_STATUSES.map((status) => `'${status}'`).join(', ')})`;
