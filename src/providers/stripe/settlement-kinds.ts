import type { SettlementLine } from '../../settlement-line.ts';

/**
 * What a reporting category means (docs.stripe.com/reports/reporting-categories). The list is open: what is not here is
 * `other`, goes to suspense and is asked about. A charge that fails late and what a partial capture leaves are movements of the
 * charge: with it they come to what was captured.
 */
export type CategoryRule = {
  readonly kind: SettlementLine['kind'];
  /** Which column names it as webhooks do; the row's source unless told. */
  readonly by?: 'charge';
};

const MOVEMENTS: Readonly<Record<string, CategoryRule>> = {
  charge: { kind: 'charge' },
  charge_failure: { kind: 'charge', by: 'charge' },
  partial_capture_reversal: { kind: 'charge', by: 'charge' },
  refund: { kind: 'refund' },
  refund_failure: { kind: 'refund_reversal' },
  dispute: { kind: 'chargeback' },
  dispute_reversal: { kind: 'chargeback_reversal' },
  platform_earning: { kind: 'platform_fee' },
  platform_earning_refund: { kind: 'platform_fee' },
  transfer: { kind: 'transfer' },
  transfer_reversal: { kind: 'transfer' },
};

const PAYOUTS: Readonly<Record<string, CategoryRule>> = {
  payout: { kind: 'payout' },
  payout_reversal: { kind: 'payout_reversal' },
  topup: { kind: 'topup' },
  topup_reversal: { kind: 'payout_reversal' },
};

const COSTS: Readonly<Record<string, CategoryRule>> = {
  fee: { kind: 'fee' },
  network_cost: { kind: 'fee' },
  tax: { kind: 'tax' },
};

/** Signed: what is held is negative, what is released positive. */
const RESERVES: Readonly<Record<string, CategoryRule>> = {
  connect_reserved_funds: { kind: 'reserve_hold' },
  risk_reserved_funds: { kind: 'reserve_hold' },
};

/** Known, and for a person to say which account they are for. */
const ADJUSTMENTS =
  'advance advance_funding anticipation_repayment climate_order_purchase climate_order_refund connect_collection_transfer ' +
  'contribution financing_paydown financing_paydown_reversal financing_payout financing_payout_reversal ' +
  'issuing_authorization_hold issuing_authorization_release issuing_dispute issuing_transaction other_adjustment ' +
  'unreconciled_customer_funds';

const RULES: ReadonlyMap<string, CategoryRule> = new Map([
  ...[MOVEMENTS, PAYOUTS, COSTS, RESERVES].flatMap((rules) => Object.entries(rules)),
  ...ADJUSTMENTS.split(' ').map((name): [string, CategoryRule] => [name, { kind: 'adjustment' }]),
]);

const OTHER: CategoryRule = { kind: 'other' };

export function categoryRule(category: string): CategoryRule {
  return RULES.get(category) ?? OTHER;
}
