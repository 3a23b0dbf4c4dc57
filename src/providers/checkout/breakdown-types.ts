/**
 * What one row of a financial action is: the money itself, a cost of it, or something that is about the balance alone.
 * checkout.com/docs/funds-management/reconcile-with-checkout-com/breakdown-types
 */
export type Breakdown =
  /** `payment`, `action`: whether the webhooks name it by its payment or by its own action. */
  | {
      readonly is: 'movement';
      readonly kind: 'charge' | 'refund' | 'dispute' | 'returned' | 'transfer';
      readonly named: 'payment' | 'action';
    }
  | { readonly is: 'fee' | 'tax' | 'hold' | 'payout' | 'topup' | 'adjustment' | 'other' };

const CHARGE: Breakdown = { is: 'movement', kind: 'charge', named: 'payment' };
const REFUND: Breakdown = { is: 'movement', kind: 'refund', named: 'action' };
/** A dispute's own id is in no report: its webhooks are posted under the payment, too. */
const DISPUTE: Breakdown = { is: 'movement', kind: 'dispute', named: 'payment' };
/** A payment or refund that failed to clear: what it had moved comes back. */
const RETURNED: Breakdown = { is: 'movement', kind: 'returned', named: 'payment' };
const SENT: Breakdown = { is: 'movement', kind: 'transfer', named: 'payment' };

const NAMES: Readonly<Record<string, Breakdown>> = {
  capture: CHARGE,
  'partial capture': CHARGE,
  charge: CHARGE,
  refund: REFUND,
  'partial refund': REFUND,
  'clearing failed': RETURNED,
  // "You have lost the arbitration case. Your account has been debited an arbitration fee."
  'chargeback (arbl)': { is: 'fee' },
  'card payout': SENT,
  'bank payout': SENT,
  'pay to card': SENT,
  'pay to bank': SENT,
  'top up': { is: 'topup' },
  adjustment: { is: 'adjustment' },
  'cover negative position': { is: 'adjustment' },
  'invoice settlement': { is: 'adjustment' },
  'transaction amount discrepancy': { is: 'adjustment' },
  'transfer in': { is: 'adjustment' },
  'transfer out': { is: 'adjustment' },
};

const PAYOUTS: ReadonlySet<string> = new Set(['payout', 'merchant payout', 'settlement']);
/** Moved to and from the balances that are withheld: Collateral and Operational. */
const HELD = /^(?:rolling reserve|fixed reserve|reserve|security deposit|collateral|operational funding)\b/;
const TAX = /(?:^|\s)(?:tax|vat|gst)$/;
const FEE = /(?:^|\s)fees?$/;

/** What is not known is `other`: it goes to suspense for a person to say. */
export function breakdownOf(action: string, breakdown: string, hasPayment: boolean): Breakdown {
  const name = canonical(breakdown);
  // What moves between the balances stays withheld, whatever its rows are called.
  if (HELD.test(canonical(action)) && !FEE.test(name) && !TAX.test(name)) return { is: 'hold' };
  if (TAX.test(name)) return { is: 'tax' };
  if (FEE.test(name)) return { is: 'fee' };
  if (HELD.test(name)) return { is: 'hold' };
  // A payment to somebody is called a payout as well, and has a payment's id.
  if (PAYOUTS.has(name)) return hasPayment ? SENT : { is: 'payout' };
  const known = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  if (known !== undefined) return known;
  return name.startsWith('chargeback') ? DISPUTE : { is: 'other' };
}

/** Under what a cost is kept whose action has no money of its own in the file: an authorisation's, or one that is billed later. */
export function costOf(action: string): Extract<Breakdown, { is: 'movement' }> {
  const name = canonical(action);
  if (name === 'refund' || name === 'partial refund') return { is: 'movement', kind: 'refund', named: 'action' };
  if (name.startsWith('chargeback') || name.startsWith('dispute'))
    return { is: 'movement', kind: 'dispute', named: 'payment' };
  return { is: 'movement', kind: 'charge', named: 'payment' };
}

function canonical(text: string): string {
  return text.trim().toLowerCase().replaceAll(/\s+/g, ' ');
}
