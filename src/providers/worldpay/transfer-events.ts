/** What an event of a transfer batch does to the balance. support.worldpay.com, "Transfer Batch report" */
export type TransferMeaning =
  | 'charge'
  | 'refund'
  | 'refund_reversal'
  | 'chargeback'
  | 'chargeback_reversal'
  | 'fee'
  | 'hold'
  | 'payout'
  | 'payout_reversal'
  | 'rounding'
  | 'other';

const EVENTS: Readonly<Record<string, TransferMeaning>> = {
  SETTLED: 'charge',
  SETTLED_BY_MERCHANT: 'charge',
  CAPTURED: 'charge',
  REFUNDED: 'refund',
  REFUNDED_BY_MERCHANT: 'refund',
  SENT_FOR_REFUND: 'refund',
  REFUND_FAILED: 'refund_reversal',
  CHARGED_BACK: 'chargeback',
  CHARGEBACK_REVERSED: 'chargeback_reversal',
  // The invoice of the charges, taken off this transfer.
  INVOICE_PAID: 'fee',
  PAYMENT_TO_MERCHANT_INITIATED: 'payout',
  PAYMENT_TO_MERCHANT: 'payout',
  PAYMENT_TO_MERCHANT_FAILED: 'payout_reversal',
  PAYMENT_TO_MERCHANT_RETURNED: 'payout_reversal',
  DEPOSIT_CORRECTION: 'hold',
  TRANSFERRED_TO_DEPOSIT: 'hold',
  AMOUNT_TRANSFERRED_TO_DEPOSIT: 'hold',
  ROUNDING: 'rounding',
};

/** What is not known is `other`: it goes to suspense for a person to say. */
export function transferMeaning(event: string): TransferMeaning {
  const name = event
    .trim()
    .toUpperCase()
    .replaceAll(/[\s-]+/g, '_');
  return Object.hasOwn(EVENTS, name) ? (EVENTS[name] ?? 'other') : 'other';
}
