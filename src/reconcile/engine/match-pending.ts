import { countOf, type ItemFacts, type ItemKey, itemId, sumOf } from './items.ts';
import { type AccountKey, keyId } from "./keys-store.ts";

/** An allocation that a pass would post. Amounts are positive; the debited item was below zero. */
export type Wish = {
  readonly accountId: number;
  readonly currency: string;
  readonly debit: ItemKey;
  readonly credit: ItemKey;
  readonly amount: bigint;
  readonly pass: string;
  readonly score: number;
};

/** An item of `processor_pending` with what else names it. */
export type Candidate = { readonly facts: ItemFacts; readonly keys: readonly AccountKey[] };

/** What an item is open by its own movements, and by what people did. */
export const ownAmount = (facts: ItemFacts): bigint => facts.amount - sumOf(facts, 'passed');

export const isOfReport = (facts: ItemFacts): boolean => countOf(facts, 'line') > 0;
export const isAnnounced = (facts: ItemFacts): boolean => countOf(facts, 'announced') > 0;

/**
 * What belongs together although it has different references: first what several items of one payment come to, then what one
 * key alone ties to one other. Looks at what items are by their own movements, never at what passes posted before, so that any
 * order of arrival comes to the same. `ambiguous` are ties that people may agree to. Pure.
 */
export function matchPending(candidates: readonly Candidate[]): {
  readonly wishes: readonly Wish[];
  readonly ambiguous: readonly Wish[];
} {
  const open = candidates.filter(({ facts }) => ownAmount(facts) !== 0n);
  const wishes: Wish[] = [];
  const taken = new Set<string>();
  for (const members of groupsBy(open, 'payment')) {
    if (members.some(({ facts }) => taken.has(itemId(facts)))) continue;
    if (!members.some(({ facts }) => isOfReport(facts)) || !members.some(({ facts }) => isAnnounced(facts))) continue;
    if (members.length < 2 || total(members) !== 0n) continue;
    for (const { facts } of members) taken.add(itemId(facts));
    wishes.push(...spread(members, 'group'));
  }
  const ambiguous: Wish[] = [];
  // The object a line names tells more than the merchant's word, which a second attempt of the same order has too.
  for (const kind of ['payment', 'merchant'] as const) {
    const ties = tiesOf(
      open.filter(({ facts }) => !taken.has(itemId(facts))),
      kind,
    );
    for (const { line, announced } of ties) {
      const lines = ties.filter((tie) => tie.announced === announced);
      const told = ties.filter((tie) => tie.line === line);
      const alone = lines.length === 1 && told.length === 1;
      const pass = kind === 'payment' ? 'payment' : 'merchant_reference';
      const wish = allocation(line, announced, absolute(ownAmount(line)), pass, alone ? 1 : 0.9);
      if (alone) {
        wishes.push(wish);
        taken.add(itemId(line)).add(itemId(announced));
      } else if (ownAmount(line) === -ownAmount(announced)) ambiguous.push(wish);
    }
  }
  return { wishes, ambiguous };
}

type Tie = { readonly line: ItemFacts; readonly announced: ItemFacts };

/** Pairs of an item of a report without announcement and an announced one without line that share a key. */
function tiesOf(open: readonly Candidate[], kind: AccountKey['kind']): Tie[] {
  const ties = new Map<string, Tie>();
  for (const members of groupsBy(open, kind)) {
    const lines = members.filter(({ facts }) => isOfReport(facts) && !isAnnounced(facts));
    const told = members.filter(({ facts }) => isAnnounced(facts) && !isOfReport(facts));
    for (const { facts: line } of lines)
      for (const { facts: announced } of told)
        if (ownAmount(line) > 0n !== ownAmount(announced) > 0n)
          ties.set(`${itemId(line)} ${itemId(announced)}`, { line, announced });
  }
  return [...ties.values()];
}

/** Those that share a key of a kind, of one component, currency and direction. */
function groupsBy(candidates: readonly Candidate[], kind: AccountKey['kind']): Candidate[][] {
  const groups = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const { facts } = candidate;
    for (const key of candidate.keys) {
      if (key.kind !== kind) continue;
      const id = JSON.stringify([keyId(key), facts.component, facts.currency, directionOf(facts)]);
      groups.set(id, [...(groups.get(id) ?? []), candidate]);
    }
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, members]) => distinct(members));
}

const distinct = (members: readonly Candidate[]): Candidate[] => [
  ...new Map(members.map((member) => [itemId(member.facts), member])).values(),
];

/** Money that comes in, or that goes out: a payment and its refund share every key and are not each other's. */
function directionOf(facts: ItemFacts): 'in' | 'out' {
  const told = sumOf(facts, 'announced');
  const amount = told === 0n ? -sumOf(facts, 'line') : told;
  return amount >= 0n ? 'in' : 'out';
}

const total = (members: readonly Candidate[]): bigint =>
  members.reduce((sum, { facts }) => sum + ownAmount(facts), 0n);

/** Allocations that bring items whose sum is zero to zero, each. */
export function spread(members: readonly { readonly facts: ItemFacts }[], pass: string, score = 1): Wish[] {
  const sorted = members
    .map(({ facts }) => ({ facts, left: ownAmount(facts) }))
    .sort((a, b) => (itemId(a.facts) < itemId(b.facts) ? -1 : 1));
  const wishes: Wish[] = [];
  const below = sorted.filter(({ left }) => left < 0n);
  for (const above of sorted.filter(({ left }) => left > 0n)) {
    for (const one of below) {
      const amount = -one.left < above.left ? -one.left : above.left;
      if (amount <= 0n) continue;
      one.left += amount;
      above.left -= amount;
      wishes.push(allocation(one.facts, above.facts, amount, pass, score));
    }
  }
  return wishes;
}

export function allocation(one: ItemFacts, other: ItemFacts, amount: bigint, pass: string, score: number): Wish {
  const [debit, credit] = ownAmount(one) < 0n ? [one, other] : [other, one];
  return {
    accountId: one.accountId,
    currency: one.currency,
    debit: keyOf(debit),
    credit: keyOf(credit),
    amount,
    pass,
    score,
  };
}

const keyOf = ({ accountId, reference, component, currency }: ItemKey): ItemKey => ({
  accountId,
  reference,
  component,
  currency,
});

const absolute = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
