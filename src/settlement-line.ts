/**
 * Canonical settlement lines: the one vocabulary between the readers of settlement reports (which make them) and the
 * ledger's rules (which post them). One raw row may give several lines; a line says *what the processor settled*, never which
 * accounts move.
 *
 * Amounts are ISO 4217 minor units of the settlement currency, signed from the merchant's side: what comes in is positive,
 * and a fee that is taken is positive too, so that net = gross − fee − tax. `batch` is what the lines of one payment to the
 * merchant have in common (ledger.md's B): the payout where every line names it, the processor's batch, or the report's
 * period where an account is paid out by hand.
 */
type LineBase = {
  readonly type: 'settlement.line';
  /**
   * The provider's own id of the line: unique in the account, for ever. Where it has none, `HASHED` and a hash over the line's
   * canonical fields (never its raw text); lines that are the same in all of them are told apart by the import, by their number.
   */
  readonly identity: string;
  /** `UNBATCHED` where the report does not name it yet. */
  readonly batch: string;
  readonly currency: string;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly tax: bigint;
  readonly net: bigint;
  /** Unix ms: when the report says that it was booked. */
  readonly at: number;
  /** In whose days the report is kept, as `America/Los_Angeles`. */
  readonly zone: string;
  /** The provider's own word for its kind. */
  readonly word?: string;
};

/** What was announced by a webhook, or will be: it clears the open item of its reference. */
export type MovementLine = LineBase & {
  readonly kind:
    | 'charge'
    | 'refund'
    | 'refund_reversal'
    | 'chargeback'
    | 'chargeback_reversal'
    | 'transfer'
    | 'platform_fee';
  /** Payment, refund, dispute, transfer or platform fee, as its webhook names it. */
  readonly reference: string;
  /** As the events of the dispute have it, where the processor names it by the payment disputed (PayPal). */
  readonly component?: 'gross' | 'dispute';
  /** What the payer paid, signed as `gross`, where that is in another currency. */
  readonly payer?: { readonly amount: bigint; readonly currency: string };
  /** It happened before the account's first day here: no webhook will ever tell it. The import says so, not a reader. */
  readonly beforeLive?: true;
};

export type HoldLine = LineBase & { readonly kind: 'reserve_hold' | 'reserve_release'; readonly hold: string };

/** What one batch hands on to another: each of the two has a line with the same `from` and `to`. */
export type CarryLine = LineBase & { readonly kind: 'carry_forward'; readonly from: string; readonly to: string };

/** Payouts and top-ups: gross is what left the balance for the bank, negative; a top-up's is positive. */
export type PayoutLine = LineBase & {
  readonly kind: 'payout' | 'topup' | 'payout_reversal';
  readonly payout: string;
  /** What arrives at the bank, signed as its webhook does (paid out positive), where that is in another currency. */
  readonly settled?: { readonly amount: bigint; readonly currency: string };
};

/** Lines about nothing but the balance. `other` is a kind nobody knows: it goes to suspense, never away. */
export type BalanceLine = LineBase & {
  readonly kind: 'fee' | 'tax' | 'fx_conversion' | 'rounding' | 'adjustment' | 'other';
};

export type SettlementLine = MovementLine | HoldLine | CarryLine | PayoutLine | BalanceLine;

/** A line seen before without its batch now names it: only the balance moves, from the one to the other. */
export type BatchNamed = {
  readonly type: 'settlement.batch_named';
  /** Of the line. */
  readonly identity: string;
  readonly from: string;
  readonly to: string;
  readonly net: bigint;
  readonly currency: string;
  /** Unix ms: when the line was booked. */
  readonly at: number;
  readonly zone: string;
};

/**
 * What a report says was there when its period began or ended, for accounts whose payouts do not name their lines. `batch` is
 * the period.
 */
export type PeriodBalance = {
  readonly type: 'settlement.opening' | 'settlement.closing';
  readonly batch: string;
  /** The period before (opening) or after (closing); null: the account's first, and what was there came before us. */
  readonly neighbour: string | null;
  readonly amount: bigint;
  readonly currency: string;
  /** Unix ms: the period's first or last moment. */
  readonly at: number;
  readonly zone: string;
  /** From 2 on: how often the report of this period said it otherwise. The import's to say. */
  readonly version?: number;
};

/** The batch of a line that names none yet. */
export const UNBATCHED = 'unpaid';

/** To whom a period hands on what is left of it where no report states that: to nobody yet. */
export const UNPROVEN = 'unproven';

/** What an identity begins with that is a hash over the line's fields. */
export const HASHED = '#';

/** What contradicts itself in a line, or null: a reader says it with the row's number, and the ledger refuses it. */
export function lineFault(line: SettlementLine): string | null {
  const { kind, gross, fee, tax, net } = line;
  if (net !== gross - fee - tax) return `net ${net} is not gross ${gross} − fee ${fee} − tax ${tax}`;
  switch (kind) {
    case 'fee':
    case 'tax':
      return gross === 0n ? null : `gross of a ${kind} line must be 0, not ${gross}`;
    case 'payout':
    case 'topup':
      return tax === 0n ? null : `a ${kind} line has no tax: ${tax} is for a line of its own`;
    case 'reserve_hold':
    case 'reserve_release':
    case 'carry_forward':
    case 'fx_conversion':
    case 'rounding':
    case 'payout_reversal':
      // It would be posted as what was held, carried or returned, and nobody would ever see it as an expense.
      return fee === 0n && tax === 0n
        ? null
        : `a ${kind} line has neither fee nor tax: they are for lines of their own`;
    case 'adjustment':
    case 'other':
      return null;
    default:
      return payerFault(line);
  }
}

function payerFault({ payer, gross, currency }: MovementLine): string | null {
  if (payer === undefined) return null;
  if (payer.currency === currency) return `the payer's amount is only for another currency than ${currency}`;
  if (payer.amount < 0n !== gross < 0n && payer.amount !== 0n && gross !== 0n)
    return `the payer's amount ${payer.amount} and gross ${gross} have opposite signs`;
  return null;
}
