/** What a BAI2 type code says of an entry's direction, by the ranges of the BAI's list. */
export type Bai2Direction = 'in' | 'out' | 'none' | 'unknown';

export function bai2Direction(code: string): Bai2Direction {
  if (!/^\d{3}$/.test(code)) return 'unknown';
  const value = Number(code);
  // Non-monetary information.
  if (value === 890) return 'none';
  // Credits, then debits; and those that banks define for themselves.
  if ((value >= 100 && value <= 399) || (value >= 920 && value <= 959)) return 'in';
  if ((value >= 400 && value <= 699) || (value >= 960 && value <= 999)) return 'out';
  return 'unknown';
}

/** Debit reversal, posted and returned, ACH returned or rejected, item returned; the same of credits. */
const REVERSALS = new Set(['252', '255', '257', '258', '261', '266', '552', '555', '557', '558', '561', '566']);

export const isBai2Reversal = (code: string): boolean => REVERSALS.has(code);

export const OPENING_LEDGER = '010';
export const CLOSING_LEDGER = '015';
