import type { MovementLine, SettlementLine } from '../../settlement-line.ts';
import { type CategoryRule, categoryRule } from './settlement-kinds.ts';

/** A balance transaction as a report or the API tells it. Amounts in ISO minor units, signed as Stripe signs them. */
export type StripeMovement = {
  /** `txn_…`: the line's identity, the same in every report and in the API. */
  readonly id: string;
  readonly category: string;
  /** `ch_`, `py_`, `re_`, `pyr_`, `dp_`, `du_`, `po_`, `tu_`, `tr_`, `trr_`, `fee_`, `fr_`; empty where it is not told. */
  readonly source: string;
  /** The charge it is about; empty where it is not told. */
  readonly charge: string;
  readonly batch: string;
  readonly currency: string;
  readonly gross: bigint;
  /** What Stripe takes is positive. */
  readonly fee: bigint;
  readonly net: bigint;
  /** Unix ms. */
  readonly at: number;
  readonly zone: string;
  /** What the payer paid, where that is in another currency. */
  readonly payer?: { readonly amount: bigint; readonly currency: string } | undefined;
};

/**
 * The canonical lines of a balance transaction: one, but where a fee came with what has none. Without a source, the balance
 * transaction stands for what it moved: it is never lost, and a person sees that it matches nothing.
 */
export function stripeLines(
  movement: StripeMovement,
  rule: CategoryRule = categoryRule(movement.category),
): readonly SettlementLine[] {
  const { kind } = rule;
  switch (kind) {
    case 'charge':
    case 'refund':
    case 'refund_reversal':
    case 'chargeback':
    case 'chargeback_reversal':
    case 'transfer':
    case 'platform_fee':
      return [movementLine(movement, kind, rule.by === 'charge')];
    default:
      return balanceLines(movement, kind);
  }
}

/** Written out: of millions of rows nearly all are these. */
function movementLine(movement: StripeMovement, kind: MovementLine['kind'], byCharge: boolean): MovementLine {
  const { id, category, batch, currency, gross, fee, net, at, zone, payer } = movement;
  const line: MovementLine = {
    type: 'settlement.line',
    identity: id,
    batch,
    currency,
    kind,
    reference: referenceOf(movement, byCharge),
    gross,
    fee,
    tax: 0n,
    net,
    at,
    zone,
    word: category,
  };
  return payer === undefined ? line : { ...line, payer };
}

function balanceLines(
  movement: StripeMovement,
  kind: Exclude<CategoryRule['kind'], MovementLine['kind']>,
): readonly SettlementLine[] {
  const { id, category, batch, currency, gross, fee, net, at, zone } = movement;
  const base = { type: 'settlement.line', identity: id, batch, currency, at, zone, word: category } as const;
  switch (kind) {
    case 'fee':
      return [{ ...base, kind, gross: 0n, fee: -net, tax: 0n, net }];
    case 'tax':
      return [{ ...base, kind, gross: 0n, fee: 0n, tax: -net, net }];
    case 'payout':
    case 'topup':
      return [{ ...base, kind, payout: movement.source || id, gross, fee, tax: 0n, net }];
    case 'payout_reversal':
      return withFeeApart(movement, { ...base, kind, payout: movement.source || id, ...whole(gross) });
    case 'reserve_hold': {
      // Holds and releases do not name each other: what is held is one sum by category.
      const direction = gross > 0n ? 'reserve_release' : 'reserve_hold';
      return withFeeApart(movement, { ...base, kind: direction, hold: category, ...whole(gross) });
    }
    case 'adjustment':
      return [{ ...base, kind, gross, fee, tax: 0n, net }];
    default:
      return [{ ...base, kind: 'other', gross, fee, tax: 0n, net }];
  }
}

function referenceOf({ id, source, charge }: StripeMovement, byCharge: boolean): string {
  return (byCharge ? charge || source : source || charge) || id;
}

const whole = (gross: bigint) => ({ gross, fee: 0n, tax: 0n, net: gross });

/** The ledger would take a fee in such a line for what was held or returned. */
function withFeeApart({ id, category, batch, currency, fee, at, zone }: StripeMovement, line: SettlementLine) {
  if (fee === 0n) return [line];
  const base = { type: 'settlement.line', batch, currency, at, zone, word: category } as const;
  const apart: SettlementLine = { ...base, identity: `${id}:fee`, kind: 'fee', gross: 0n, fee, tax: 0n, net: -fee };
  return [line, apart];
}
