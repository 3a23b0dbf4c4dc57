import { hash } from 'node:crypto';
import type { AccountRef } from './chart.ts';

/** One line of a transaction to be: debit positive, credit negative, minor units. */
export type Leg = {
  readonly account: AccountRef;
  readonly currency: string;
  readonly amount: bigint;
  readonly reference: string | null;
  readonly component: string | null;
};

/** A transaction to be, under its effect key. Without legs it is a marker: a fact that moves nothing. */
export type Entry = {
  /** UUIDv7 of the transaction, if it becomes one. */
  readonly id: string;
  readonly effectKey: string;
  readonly kind: string;
  /** Unix ms. */
  readonly at: number;
  readonly legs: readonly Leg[];
  /** Hash of what was told: the same under a key is a replay, another a conflict. */
  readonly content: Buffer;
  /** The transaction this takes back. */
  readonly reverses: string | null;
  /** In whose days it is kept, where that is not its request's. */
  readonly zone?: string;
  /** What stands under its key is right, whatever it says. */
  readonly yields?: true;
};

export function leg(
  account: AccountRef,
  currency: string,
  amount: bigint,
  reference?: string,
  component?: string,
): Leg {
  return { account, currency, amount, reference: reference ?? null, component: component ?? null };
}

/** What is in the books as nothing is left out: a zero leg would be a line that says nothing. */
export function withoutZeros(legs: readonly Leg[]): Leg[] {
  return legs.filter((l) => l.amount !== 0n);
}

export function mirrored(legs: readonly Leg[]): Leg[] {
  return legs.map((l) => ({ ...l, amount: -l.amount }));
}

/** One line a place: what goes to and fro on one item is what is left of it. */
export function summed(legs: readonly Leg[]): Leg[] {
  const sums: Leg[] = [];
  for (const line of legs) {
    // A transaction has a handful of lines: comparing them costs less than making a key of each.
    const at = sums.findIndex((one) => isSamePlace(one, line));
    const before = sums[at];
    if (before === undefined) sums.push(line);
    else sums[at] = { ...line, amount: before.amount + line.amount };
  }
  return withoutZeros(sums);
}

const isSamePlace = (a: Leg, b: Leg): boolean =>
  a.account.path === b.account.path &&
  a.reference === b.reference &&
  a.component === b.component &&
  a.currency === b.currency;

/** Behind the key of what a report alone told and no longer tells: whoever tells it later posts it anew, under a next key. */
export const WITHDRAWN = ':withdrawn';

/** What takes a transaction back: its mirror image, once, because its key is made of the other's. */
export function reversalOf(
  original: { readonly id: string; readonly effectKey: string; readonly at: number; readonly legs: readonly Leg[] },
  { id, kind, zone }: { readonly id: string; readonly kind: string; readonly zone: string | null },
): Entry {
  const legs = mirrored(original.legs);
  return {
    id,
    effectKey: `${original.effectKey}:reversed`,
    kind,
    at: original.at,
    legs,
    content: contentOf(legs),
    reverses: original.id,
    ...(zone === null ? {} : { zone }),
  };
}

/** Content is account, reference, component, currency and amount of each leg; never times, texts or message ids. */
export function contentOf(legs: readonly Leg[], told = ''): Buffer {
  const lines = legs
    .map((l) => JSON.stringify([l.account.path, l.reference, l.component, l.currency, l.amount.toString()]))
    .sort();
  return hash('sha256', `${told}\n${lines.join('\n')}`, 'buffer').subarray(0, 16);
}
