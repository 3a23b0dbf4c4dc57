import { type Life, moment, stableText } from './life.ts';
import { DIGITS } from './random.ts';
import { wireNumber } from './told-event.ts';

/** Objects of about the members and size Stripe sends (docs.stripe.com/api), with values of our own. */
export type StripeObject = { [name: string]: unknown };

type ChargeState = {
  readonly captured: bigint;
  readonly refunded: bigint;
  readonly authorisedOnly?: boolean;
  /** The balance transaction is there, with this fee. */
  readonly fee?: bigint;
  /** How many of the life's refunds the charge lists. */
  readonly refunds?: number;
};

export function chargeObject(life: Life, state: ChargeState): StripeObject {
  const id = chargeId(life);
  const refunds = life.refunds.slice(0, state.refunds ?? 0).map((_, index) => refundObject(life, index, 'succeeded'));
  return {
    id,
    object: 'charge',
    amount: wireNumber(life.amount),
    amount_captured: wireNumber(state.captured),
    amount_refunded: wireNumber(state.refunded),
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: state.fee === undefined ? null : feeMovement(life, state.captured, state.fee),
    billing_details: {
      address: {
        city: 'Riverton',
        country: 'DE',
        line1: '12 Mill Lane',
        line2: null,
        postal_code: '10115',
        state: null,
      },
      email: `payer${life.number}@shop.example`,
      name: `Payer ${life.number}`,
      phone: null,
      tax_id: null,
    },
    calculated_statement_descriptor: 'SHOP EXAMPLE',
    captured: state.authorisedOnly !== true,
    created: Math.floor(life.startedAt / 1000),
    currency: life.currency.toLowerCase(),
    customer: `cus_${stableText(life, 'customer', 14)}`,
    description: `Order ${life.number}`,
    destination: null,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    fraud_details: {},
    livemode: false,
    metadata: { order: String(life.number) },
    on_behalf_of: null,
    outcome: {
      advice_code: null,
      network_status: 'approved_by_network',
      reason: null,
      risk_level: 'normal',
      risk_score: 12,
      seller_message: 'Payment complete.',
      type: 'authorized',
    },
    paid: true,
    payment_intent: intentId(life),
    payment_method: `pm_1${stableText(life, 'method', 23)}`,
    payment_method_details: {
      card: {
        amount_authorized: wireNumber(life.amount),
        brand: 'visa',
        checks: { address_line1_check: 'pass', address_postal_code_check: 'pass', cvc_check: 'pass' },
        country: 'DE',
        exp_month: 11,
        exp_year: 2031,
        fingerprint: stableText(life, 'card', 16),
        funding: 'credit',
        installments: null,
        last4: stableText(life, 'last4', 4, DIGITS),
        mandate: null,
        multicapture: { status: (life.captures?.length ?? 0) > 1 ? 'available' : 'unavailable' },
        network: 'visa',
        overcapture: { maximum_amount_capturable: wireNumber(life.amount), status: 'unavailable' },
        three_d_secure: null,
        wallet: null,
      },
      type: 'card',
    },
    receipt_email: null,
    refunded: state.refunded > 0n && state.refunded === state.captured,
    ...(state.refunds === undefined
      ? {}
      : {
          refunds: {
            object: 'list',
            data: refunds,
            has_more: false,
            total_count: refunds.length,
            url: `/v1/charges/${id}/refunds`,
          },
        }),
    review: null,
    shipping: null,
    source_transfer: null,
    statement_descriptor: null,
    status: 'succeeded',
    transfer_data: null,
    transfer_group: null,
  };
}

export function refundObject(life: Life, index: number, status: 'pending' | 'succeeded' | 'failed'): StripeObject {
  const created = moment(life, 20 + index);
  return {
    id: refundId(life, index),
    object: 'refund',
    amount: wireNumber(life.refunds[index]?.amount ?? 0n),
    balance_transaction: status === 'pending' ? null : movementId(life, `refund${index}`),
    charge: chargeId(life),
    created: Math.floor(created / 1000),
    currency: life.currency.toLowerCase(),
    destination_details: {
      card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
      type: 'card',
    },
    ...(status === 'failed'
      ? {
          failure_balance_transaction: movementId(life, `refund_reversal${index}`),
          failure_reason: 'expired_or_canceled_card',
        }
      : {}),
    metadata: {},
    payment_intent: intentId(life),
    reason: 'requested_by_customer',
    receipt_number: null,
    source_transfer_reversal: null,
    status,
    transfer_reversal: null,
  };
}

export function disputeObject(life: Life, movements: readonly StripeObject[], status: string): StripeObject {
  return {
    id: disputeId(life),
    object: 'dispute',
    amount: wireNumber(life.dispute?.amount ?? 0n),
    balance_transactions: movements,
    charge: chargeId(life),
    created: Math.floor(moment(life, 39) / 1000),
    currency: life.currency.toLowerCase(),
    enhanced_eligibility_types: [],
    evidence: {},
    evidence_details: {
      due_by: Math.floor(moment(life, 39) / 1000) + 864_000,
      has_evidence: false,
      past_due: false,
      submission_count: 0,
    },
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: intentId(life),
    payment_method_details: {
      card: { brand: 'visa', case_type: 'chargeback', network_reason_code: '10' },
      type: 'card',
    },
    reason: 'fraudulent',
    status,
  };
}

export function payoutObject(life: Life, status: 'pending' | 'paid' | 'failed'): StripeObject {
  const failed = status === 'failed';
  return {
    id: payoutId(life),
    object: 'payout',
    amount: wireNumber(life.payout?.amount ?? 0n),
    application_fee: null,
    application_fee_amount: null,
    arrival_date: Math.floor(moment(life, 60) / 1000),
    automatic: true,
    balance_transaction: `txn_1${stableText(life, 'payouttxn', 23)}`,
    created: Math.floor(moment(life, 50) / 1000),
    currency: life.currency.toLowerCase(),
    description: 'STRIPE PAYOUT',
    destination: `ba_1${stableText(life, 'bank', 23)}`,
    failure_balance_transaction: failed ? `txn_1${stableText(life, 'payoutback', 23)}` : null,
    failure_code: failed ? 'account_closed' : null,
    failure_message: failed ? 'The bank account has been closed.' : null,
    livemode: false,
    metadata: {},
    method: 'standard',
    original_payout: null,
    reconciliation_status: 'completed',
    reversed_by: null,
    source_type: 'card',
    statement_descriptor: null,
    status,
    type: 'bank_account',
  };
}

export function feeMovement(life: Life, captured: bigint, fee: bigint): StripeObject {
  return movement(life, 'charge', { amount: captured, fee, at: life.startedAt, type: 'charge' });
}

type Movement = { readonly amount: bigint; readonly fee: bigint; readonly at: number; readonly type: string };

/** A balance transaction. */
export function movement(life: Life, label: string, { amount, fee, at, type }: Movement): StripeObject {
  const currency = life.currency.toLowerCase();
  return {
    id: movementId(life, label),
    object: 'balance_transaction',
    amount: wireNumber(amount),
    available_on: Math.floor(at / 1000) + 172_800,
    created: Math.floor(at / 1000),
    currency,
    description: null,
    exchange_rate: null,
    fee: wireNumber(fee),
    fee_details:
      fee === 0n
        ? []
        : [
            {
              amount: wireNumber(fee),
              application: null,
              currency,
              description: 'Processing fees',
              type: 'stripe_fee',
            },
          ],
    net: wireNumber(amount - fee),
    reporting_category: type === 'charge' ? 'charge' : amount < 0n ? 'dispute' : 'dispute_reversal',
    source: type === 'charge' ? chargeId(life) : disputeId(life),
    status: 'pending',
    type,
  };
}

export const chargeId = (life: Life): string => `ch_3${stableText(life, 'charge', 23)}`;
export const intentId = (life: Life): string => `pi_3${stableText(life, 'intent', 23)}`;
export const refundId = (life: Life, index: number): string => `re_3${stableText(life, `refund${index}`, 23)}`;
export const disputeId = (life: Life): string => `du_1${stableText(life, 'dispute', 23)}`;
export const payoutId = (life: Life): string => `po_1${stableText(life, 'payout', 23)}`;
/** A balance transaction: `charge`, `refund0`, `dispute1`. */
export const movementId = (life: Life, label: string): string => `txn_3${stableText(life, `${label}txn`, 23)}`;
