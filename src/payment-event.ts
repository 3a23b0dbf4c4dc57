/**
 * Canonical payment events: the one vocabulary between the providers' adapters (which make them) and the ledger's rules
 * (which post them). ledger.md names them; an adapter says *what happened to which object*, never which accounts move.
 *
 * Amounts are ISO 4217 minor units, signed only where a comment says so. `at` is when the processor says it happened
 * (unix ms). `key` is the object and what happened to it, without provider and account: `ch_1:captured`. With them in
 * front it is the effect key, unique for ever.
 */
export type Effect = {
  /** `{object id}:{effect}`; the ledger puts `{provider}:{account}:` in front. */
  readonly key: string;
  /** Unix milliseconds: the object's own time, never when a message was made or received. */
  readonly at: number;
};

type Amount = { readonly amount: bigint; readonly currency: string };

/** What a separately authorised payment's capture, cancel or expiry says about its authorisation. */
export type AuthorisationRelease = {
  /** What this capture takes from the authorisation. */
  readonly amount: bigint;
  /** Where the authorisation is another object than the payment (PayPal). */
  readonly id?: string;
  /** True when nothing can be captured any more: what is open is released. */
  readonly final: boolean;
};

export type PaymentAuthorised = Effect & Amount & { readonly type: 'payment.authorised'; readonly payment: string };

export type PaymentCaptured = Effect &
  Amount & {
    readonly type: 'payment.captured';
    readonly payment: string;
    /** What the processor passes on to another seller (destination charges, split lines), and to whom. */
    readonly seller?: { readonly id: string; readonly amount: bigint };
    readonly tax?: bigint;
    /** Only where the payment was authorised separately. */
    readonly authorisation?: AuthorisationRelease;
    /**
     * The processor tells only how much was captured in all: `amount` is that total, the effect key ends in it, and the
     * increase over the highest total posted is what posts.
     */
    readonly runningTotal?: boolean;
    /**
     * `assumed`: an authorisation taken for a capture because the account captures automatically (Adyen); it is not
     * posted, or reversed, once a capture or cancellation proves the payment manual. `proves_manual` is that proof.
     */
    readonly captureMode?: 'assumed' | 'proves_manual';
  };

/** Capture failed, payment returned late: takes back what `payment.captured` of the same payment posted. */
export type PaymentReversed = Effect &
  Amount & {
    readonly type: 'payment.reversed';
    readonly payment: string;
    readonly seller?: { readonly id: string; readonly amount: bigint };
    readonly tax?: bigint;
    /** The capture this takes back, posted first if it is not there; undefined where the adapter emits it itself. */
    readonly captureKey?: string;
  };

/** Failed, cancelled or expired: no money moves; what the authorisation still holds is released. */
export type PaymentEnded = Effect & {
  readonly type: 'payment.failed' | 'payment.cancelled';
  readonly payment: string;
  readonly currency: string;
  /** Adyen: a cancellation proves the payment manual. */
  readonly captureMode?: 'proves_manual';
};

export type PaymentTaxKnown = Effect & Amount & { readonly type: 'payment.tax_known'; readonly payment: string };

/** `amount` may be negative: a fee given back. */
export type FeeKnown = Effect &
  Amount & {
    readonly type: 'payment.fee_known';
    /** The payment, refund or dispute the fee belongs to. */
    readonly reference: string;
    readonly of: 'payment' | 'refund' | 'dispute';
  };

export type PlatformFee = Effect &
  Amount & { readonly type: 'platform_fee.created' | 'platform_fee.refunded'; readonly fee: string };

/** A reversal names itself in `transfer`, as the processor's report does. */
export type Transfer = Effect &
  Amount & {
    readonly type: 'transfer.created' | 'transfer.reversed';
    readonly transfer: string;
    readonly seller: string;
  };

export type Refund = Effect &
  Amount & {
    readonly type: 'refund.created' | 'refund.succeeded' | 'refund.failed';
    readonly refund: string;
    /** The payment it gives back, where the processor says so; accounts with a marketplace need it to split. */
    readonly payment?: string;
  };

/** `withdrawn` and `reinstated` are keyed by the movement, so that several cycles of one dispute all post. */
export type Dispute = Effect &
  Amount & {
    readonly type: 'dispute.withdrawn' | 'dispute.reinstated' | 'dispute.lost';
    readonly dispute: string;
    /** Where the processor names a dispute by the payment disputed (PayPal), its open item must not mix with the payment's. */
    readonly component?: 'gross' | 'dispute';
  };

/** `amount` is negative where the processor takes money from the bank account (negative payouts, top-ups). */
export type Payout = Effect &
  Amount & {
    readonly type: 'payout.created' | 'payout.failed' | 'payout.cancelled' | 'payout.returned';
    readonly payout: string;
    /** What arrives at the bank, where that is in another currency than the balance it left. */
    readonly settled?: { readonly amount: bigint; readonly currency: string };
  };

export type PaymentEvent =
  | PaymentAuthorised
  | PaymentCaptured
  | PaymentReversed
  | PaymentEnded
  | PaymentTaxKnown
  | FeeKnown
  | PlatformFee
  | Transfer
  | Refund
  | Dispute
  | Payout;

export type PaymentEventType = PaymentEvent['type'];
