import type { Books } from './chart.ts';
import { contentOf, type Leg, withoutZeros } from './entry.ts';

export type RuleContext = Books & { readonly marketplace: string | null };

/** What looks at what stands about one payment or payout. */
export type PaymentLook =
  | { readonly kind: 'authorise'; readonly payment: string }
  /** `series` where the processor tells totals: then the increase is released. */
  | { readonly kind: 'release'; readonly payment: string; readonly total: bigint; readonly series: string | null }
  | { readonly kind: 'final'; readonly payment: string }
  | { readonly kind: 'running_total'; readonly payment: string; readonly total: bigint; readonly series: string }
  | { readonly kind: 'assumed_capture'; readonly payment: string; readonly amount: bigint; readonly currency: string }
  | { readonly kind: 'proves_manual'; readonly payment: string }
  /** A capture whose refunds will be split as it was: only takes the lock and is remembered. */
  | { readonly kind: 'sold'; readonly payment: string }
  /** A refund that begins (`live`) or fails, on an account that passes money on. */
  | {
      readonly kind: 'split';
      readonly payment: string;
      readonly refund: string;
      readonly amount: bigint;
      readonly live: boolean;
    }
  /** A payout is announced once, and again where the report that alone told it took it back; `payment` is the payout. */
  | { readonly kind: 'paid_out'; readonly payment: string }
  /** A payout comes back once, whatever its end is called; `payment` is the payout. */
  | { readonly kind: 'undone'; readonly payment: string };

/** What looks at the fees of one reference: what was announced, and what lines recognised for want of that. */
export type FeeLook =
  | { readonly kind: 'fee_announced'; readonly reference: string }
  | { readonly kind: 'fee_recognised'; readonly reference: string };

/**
 * What a draft must look at before it is an entry, each under the lock of its payment or reference. Everything else looks at
 * its event alone, so that any order ends the same.
 */
export type Look = PaymentLook | FeeLook;

/** An entry before it has looked. `key` is without provider and account. */
export type Draft = {
  readonly key: string;
  readonly kind: string;
  readonly at: number;
  readonly legs: readonly Leg[];
  readonly content: Buffer;
  readonly look: Look | null;
  /** In whose days it is kept, where that is not its request's. */
  readonly zone?: string;
  /** What stands under its key is right, whatever it says: a report does not contradict what a webhook announced. */
  readonly yields?: true;
};

export function draft(
  effect: { readonly key: string; readonly at: number; readonly type: string },
  legs: readonly Leg[],
  look: Look | null = null,
  told?: string,
): Draft {
  const kept = withoutZeros(legs);
  return { key: effect.key, kind: effect.type, at: effect.at, legs: kept, content: contentOf(kept, told), look };
}

/** Whose lock a look needs. */
export const lookedAt = (look: Look): string => ('payment' in look ? look.payment : look.reference);

export const isFeeLook = (look: Look | null): look is FeeLook => look !== null && 'reference' in look;
