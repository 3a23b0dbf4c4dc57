import type { AccountWorld } from './account-world.ts';
import type { Dialect } from './dialect.ts';
import type { Edits } from './edits.ts';
import type { DiscrepancyClass } from './label.ts';
import type { Shape } from './lives.ts';
import type { WorldAccount } from './world-account.ts';

/**
 * What may go wrong between a processor, its reports and the bank, and what is to be found of it: by reconciliation.md alone, from
 * what was injected, never from how it is looked for.
 */
export type Fault = {
  /** What it is done to: a payment long settled, a batch long paid out, or the newest batch. */
  readonly target: 'payment' | 'batch' | 'newest_batch';
  /** Whether it can happen at this processor, and be shown in its report. */
  fits(dialect: Dialect): boolean;
  /** Of what shows only after months: so long before the others its account is. */
  readonly daysAgo?: number;
  /** What its payment is like; null: nothing about one payment. */
  readonly shape?: (account: WorldAccount) => Shape;
  /** Changes the world, and says what must come of it once the whole world stands. */
  inject(into: Injection): (world: AccountWorld) => readonly Expected[];
};

export type Injection = {
  readonly account: WorldAccount;
  readonly edits: Edits;
  /** The payment's number (target `payment`). */
  readonly number: number;
  readonly batch: number;
  /** Another account of the same processor and currency, for what goes to the wrong one. */
  readonly sibling: { readonly account: WorldAccount; readonly edits: Edits } | null;
};

export type Expected = {
  readonly class: DiscrepancyClass;
  readonly reference: string | null;
  readonly currency: string | null;
  readonly delta: bigint | null;
  /** Where it is found, if not in the account itself. */
  readonly account?: string;
};
