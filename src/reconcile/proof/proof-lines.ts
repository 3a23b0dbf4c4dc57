import { assertNever } from '../../errors.ts';
import type { Role } from './books-store.ts';
import type { Movement } from './movement-store.ts';

/** What moves an account, in the order a proof prints it. */
export const LINES = [
  'announced',
  'settled',
  'opening_balance',
  'carried_forward',
  'paid_out',
  'returned',
  'bank_credits',
  'bank_returns',
  'matched',
  'corrected',
  'written_off',
  'other',
] as const;
export type ProofLine = (typeof LINES)[number];

const UNDONE = new Set(['payout.failed', 'payout.cancelled', 'payout.returned', 'settlement.payout_reversal']);
const PAID = new Set(['payout.created', 'settlement.payout', 'settlement.topup']);
const OF_LINES = new Set(['fee.recognised', 'fee.recognition_reversed']);

/** Which line of its proof a movement belongs to. What no rule of today posts is `other`, never left out. */
export function proofLine(role: Role, { kind, isDebit }: Pick<Movement, 'kind' | 'isDebit'>): ProofLine {
  if (kind === 'match.allocated') return 'matched';
  if (kind === 'write_off') return 'written_off';
  if (kind.startsWith('reversal')) return 'corrected';
  switch (role) {
    case 'processor_pending':
    case 'processor_reserve':
    case 'disputes_receivable':
    case 'refunds_payable':
    case 'suspense':
      if (kind.startsWith('settlement.') || OF_LINES.has(kind)) return 'settled';
      return isAnnounced(kind) ? 'announced' : 'other';
    case 'processor_balance':
      if (PAID.has(kind)) return 'paid_out';
      if (UNDONE.has(kind)) return 'returned';
      if (kind === 'settlement.carry_forward') return 'carried_forward';
      if (kind === 'settlement.opening' || kind === 'settlement.closing') return 'opening_balance';
      return kind.startsWith('settlement.') ? 'settled' : 'other';
    case 'bank_in_transit':
      if (PAID.has(kind)) return 'paid_out';
      if (UNDONE.has(kind)) return 'returned';
      if (kind === 'bank.line') return isDebit ? 'bank_returns' : 'bank_credits';
      return 'other';
    default:
      return assertNever(role);
  }
}

const ANNOUNCED = ['payment.', 'refund.', 'dispute.', 'transfer.', 'platform_fee.'];
const isAnnounced = (kind: string): boolean => ANNOUNCED.some((prefix) => kind.startsWith(prefix));
