import type { Life } from '../life.ts';

/** What moves on the processor's balance, as it truly did: what its report is to say. */
export type Movement = {
  readonly kind: MovementKind;
  /** Unique among the movements of its life, or of its batch: `capture0`, `refund1`, `dispute2`, `fee`. */
  readonly name: string;
  readonly index: number;
  /** The payment it belongs to; null for what is about the account. */
  readonly life: Life | null;
  /** The object as the ledger names its item; of `fee` and `unknown` there is none. */
  readonly reference: string | null;
  /** Unix ms. */
  readonly at: number;
  /** In which batch the processor settles it. */
  readonly batch: number;
  /** Minor units of the account's currency, signed from the merchant's side; a fee or tax that is taken is positive. */
  readonly gross: bigint;
  readonly fee: bigint;
  readonly tax: bigint;
  /** What the payer paid, where that is in another currency, and what one unit of it was changed to. */
  readonly payer?: { readonly amount: bigint; readonly currency: string; readonly rate: string };
  /** Its fee is half a minor unit more. */
  readonly half?: true;
  /** Of a movement that stands in a report a second time under an id of its own. */
  readonly twin?: true;
};

export type MovementKind =
  | 'charge'
  | 'refund'
  | 'refund_reversal'
  | 'chargeback'
  | 'chargeback_reversal'
  | 'transfer'
  | 'platform_fee'
  | 'fee'
  | 'reserve_hold'
  | 'reserve_release'
  /** A payout that came back. */
  | 'payout_reversal'
  | 'rounding'
  /** Of a kind nobody has heard of. */
  | 'unknown';

export const netOf = ({ gross, fee, tax }: Pick<Movement, 'gross' | 'fee' | 'tax'>): bigint => gross - fee - tax;
