/**
 * Square's words for what moves a balance, developer.squareup.com/reference/square/enums/ActivityType. What is not here is
 * nobody's payment: it goes to suspense under its own word, where a person looks at it (savings, loans, payroll, transfers).
 */
export type SquareKind =
  | 'charge'
  | 'refund'
  | 'dispute'
  | 'platform_fee'
  | 'hold'
  | 'release'
  | 'fee'
  | 'tax'
  | 'payout'
  | 'adjustment'
  | 'other';

const WORDS: Readonly<Record<Exclude<SquareKind, 'other'>, string>> = {
  charge: 'CHARGE',
  refund: 'REFUND',
  dispute: 'DISPUTE OPEN_DISPUTE',
  platform_fee: 'APP_FEE_REVENUE APP_FEE_REFUND',
  hold: 'HOLD_ADJUSTMENT RESERVE_HOLD',
  release: 'RELEASE_ADJUSTMENT RESERVE_RELEASE',
  fee:
    'FEE DEPOSIT_FEE DEPOSIT_FEE_REVERSED FREE_PROCESSING GIFT_CARD_LOAD_FEE GIFT_CARD_LOAD_FEE_REFUND LOCAL_OFFERS_FEE ' +
    'PAID_SERVICE_FEE PAID_SERVICE_FEE_REFUND PROCESSING_FEE PROCESSING_FEE_REFUND SUBSCRIPTION_FEE ' +
    'SUBSCRIPTION_FEE_PAID_REFUND SUBSCRIPTION_FEE_REFUND THIRD_PARTY_FEE THIRD_PARTY_FEE_REFUND ' +
    'UNDO_GIFT_CARD_LOAD_FEE_REFUND UNDO_PROCESSING_FEE_REFUND',
  tax: 'TAX_ON_FEE',
  payout: 'PAYOUT',
  adjustment:
    'ADJUSTMENT AUTOMATIC_BITCOIN_CONVERSIONS AUTOMATIC_BITCOIN_CONVERSIONS_REVERSED AUTOMATIC_SAVINGS ' +
    'AUTOMATIC_SAVINGS_REVERSED BALANCE_FOLDERS_TRANSFER BALANCE_FOLDERS_TRANSFER_REVERSED CREDIT_CARD_REPAYMENT ' +
    'CREDIT_CARD_REPAYMENT_REVERSED ESCHEATMENT GIFT_CARD_POOL_TRANSFER GIFT_CARD_POOL_TRANSFER_REVERSED ' +
    'INITIAL_BALANCE_CHANGE LOCAL_OFFERS_CASHBACK MONEY_TRANSFER MONEY_TRANSFER_REVERSAL OTHER OTHER_ADJUSTMENT ' +
    'PERCENTAGE_PROCESSING_DEACTIVATION PERCENTAGE_PROCESSING_ENROLLMENT PERCENTAGE_PROCESSING_REPAYMENT ' +
    'PERCENTAGE_PROCESSING_REPAYMENT_REVERSED REDEMPTION_CODE RETURNED_PAYOUT SQUARE_CAPITAL_PAYMENT ' +
    'SQUARE_CAPITAL_REVERSED_PAYMENT SQUARE_PAYROLL_TRANSFER SQUARE_PAYROLL_TRANSFER_REVERSED',
};

const KINDS: ReadonlyMap<string, SquareKind> = new Map([
  ...of('charge'),
  ...of('refund'),
  ...of('dispute'),
  ...of('platform_fee'),
  ...of('hold'),
  ...of('release'),
  ...of('fee'),
  ...of('tax'),
  ...of('payout'),
  ...of('adjustment'),
]);

function of(kind: Exclude<SquareKind, 'other'>): [string, SquareKind][] {
  return WORDS[kind].split(' ').map((word) => [word, kind]);
}

export function squareKind(word: string): SquareKind {
  return KINDS.get(word) ?? 'other';
}
