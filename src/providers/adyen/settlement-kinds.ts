import type { SettlementLine } from '../../settlement-line.ts';

/** What names the line as webhooks do: the payment, or its modification (refund, dispute). */
export type TypeRule = { readonly kind: SettlementLine['kind']; readonly by?: 'payment' | 'modification' };

/**
 * Journal types of the settlement details and payment accounting reports. Which way the money went is never the type's to say: a
 * small sale whose fees are larger than itself is a debit.
 * docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report
 */
const RULES: ReadonlyMap<string, TypeRule> = new Map<string, TypeRule>([
  ...types({ kind: 'charge', by: 'payment' }, 'Settled SettledExternallyWithInfo SettledExternally SettledReversed'),
  ...types({ kind: 'refund', by: 'modification' }, 'Refunded RefundedExternallyWithInfo RefundedExternally'),
  ...types({ kind: 'refund_reversal', by: 'modification' }, 'RefundedReversed'),
  ...types(
    { kind: 'chargeback', by: 'modification' },
    'Chargeback SecondChargeback ChargebackExternally ChargebackExternallyWithInfo',
  ),
  ...types(
    { kind: 'chargeback_reversal', by: 'modification' },
    'ChargebackReversed ChargebackReversedExternallyWithInfo',
  ),
  ...types({ kind: 'fee' }, 'Fee MiscCosts PaymentCost AuthorisationSchemeFee InvoiceDeduction'),
  ...types({ kind: 'fee' }, 'AdvancementCommission AdvancementCommissionExternallyWithInfo'),
  ...types({ kind: 'payout' }, 'MerchantPayout AcquirerPayout'),
  ...types({ kind: 'payout_reversal' }, 'BankInstructionReturned'),
  ...types({ kind: 'carry_forward' }, 'Balancetransfer'),
  // Adyen keeps a deposit against what may be charged back, and gives it back.
  ...types({ kind: 'reserve_hold' }, 'DepositCorrection'),
  ...types(
    { kind: 'adjustment' },
    'MatchedStatement ManualCorrected InternalCompanyPayout EpaPaid PaidOut PaidOutReversed AdjustmentExternallyWithInfo',
  ),
]);

const OTHER: TypeRule = { kind: 'other' };

export function typeRule(type: string): TypeRule {
  return RULES.get(type) ?? OTHER;
}

function types(rule: TypeRule, names: string): [string, TypeRule][] {
  return names.split(' ').map((name) => [name, rule]);
}
