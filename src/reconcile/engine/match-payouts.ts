import { countOf, firstOf, type ItemFacts, itemId } from './items.ts';
import { allocation, ownAmount, spread, type Wish } from './match-pending.ts';

/** An item of `bank_in_transit`: a payout with what a bank's text would call it, a bank line with its text, or both in one. */
export type TransitCandidate = {
  readonly facts: ItemFacts;
  /** Normalised (`plainText`): the payout's id, its trace id, the report's word for the bank. Empty for a bank line. */
  readonly names: readonly string[];
  /** Normalised: all references and texts of its bank lines. Empty for a payout. */
  readonly text: string;
  /** Unix ms: by when the bank line of this payout is due. */
  readonly dueAt: number;
};

const DAY_MS = 86_400_000;
/** Shorter ones stand in other texts by chance. */
const NAME_MIN = 6;
/** A bank may book by value date, before the processor says that it paid. */
const EARLY_MS = 2 * DAY_MS;
const SUGGESTED_A_LINE = 5;

/** Letters and digits alone: banks drop, break and pad everything else. */
export const plainText = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9]/g, '');

/** Which payouts a bank's text names. */
export const namesIn = (text: string, names: readonly string[]): boolean =>
  names.some((name) => name.length >= NAME_MIN && text.includes(name));

/**
 * Payouts and the bank lines that pay them: first by what the lines name, where several may belong to several, then by amount and
 * window where that fits one pair alone. By what items are by their own movements, so that any order of arrival comes to the
 * same. Pure.
 */
export function matchPayouts(candidates: readonly TransitCandidate[]): {
  readonly wishes: readonly Wish[];
  readonly ambiguous: readonly Wish[];
} {
  const open = candidates.filter(({ facts }) => ownAmount(facts) !== 0n || hasFailed(facts));
  const wishes: Wish[] = [];
  const taken = new Set<TransitCandidate>();
  for (const members of namedGroups(open)) {
    for (const member of members) taken.add(member);
    wishes.push(...ofGroup(members));
  }
  const left = open.filter((one) => !taken.has(one));
  const pairs = left.filter(isBank).flatMap((line) =>
    left.filter((payout) => fits(payout, line)).map((payout) => ({ line, payout })),
  );
  const ambiguous: Wish[] = [];
  for (const { line, payout } of pairs) {
    const rivals = pairs.filter((other) => other.line === line || other.payout === payout).length - 1;
    const amount = magnitude(line.facts);
    const wish = allocation(line.facts, payout.facts, amount, 'amount_and_window', 1 / (1 + rivals));
    if (rivals === 0) wishes.push(wish);
    else ambiguous.push(wish);
  }
  const alone = left.filter((one) => !pairs.some(({ line, payout }) => line === one || payout === one));
  return { wishes, ambiguous: [...ambiguous, ...daySums(alone)].slice(0, left.length * SUGGESTED_A_LINE) };
}

/** Paid out and come back: a bank line that names it says that the bank had the money, and has it still. */
export const hasFailed = (facts: ItemFacts): boolean =>
  countOf(facts, 'announced') > 1 && countOf(facts, 'bank') === 0 && ownAmount(facts) === 0n;

const isBank = ({ facts }: TransitCandidate): boolean =>
  countOf(facts, 'bank') > 0 && countOf(facts, 'announced') === 0;
const isPayout = ({ facts }: TransitCandidate): boolean =>
  countOf(facts, 'announced') > 0 && countOf(facts, 'bank') === 0;

function fits(payout: TransitCandidate, line: TransitCandidate): boolean {
  if (!isPayout(payout) || payout.facts.currency !== line.facts.currency) return false;
  return ownAmount(payout.facts) === -ownAmount(line.facts) && isInWindow(payout, line);
}

function isInWindow(payout: TransitCandidate, line: TransitCandidate): boolean {
  const paidAt = firstOf(payout.facts, 'announced');
  const bookedAt = firstOf(line.facts, 'bank');
  return paidAt !== undefined && bookedAt !== undefined && bookedAt >= paidAt - EARLY_MS && bookedAt < payout.dueAt;
}

/** Bank lines and the payouts they name, with the other lines that name those, and so on. */
function namedGroups(open: readonly TransitCandidate[]): TransitCandidate[][] {
  const groups = new Map<TransitCandidate, Set<TransitCandidate>>();
  for (const line of open) {
    if (line.text === '') continue;
    for (const payout of open) {
      if (payout === line || payout.names.length === 0 || payout.facts.currency !== line.facts.currency) continue;
      if (!namesIn(line.text, payout.names)) continue;
      const joined = new Set([...(groups.get(line) ?? [line]), ...(groups.get(payout) ?? [payout])]);
      for (const member of joined) groups.set(member, joined);
    }
  }
  return [...new Set(groups.values())]
    .map((group) => [...group].sort((a, b) => (itemId(a.facts) < itemId(b.facts) ? -1 : 1)))
    .sort(([a], [b]) => (a !== undefined && b !== undefined && itemId(a.facts) < itemId(b.facts) ? -1 : 1));
}

/**
 * What nets is netted, item by item. What does not: a line is given to its payout whole, so that what is missing of it stays open
 * there; a line that names several pays them in their order, and what is left of it stays its own.
 */
function ofGroup(members: readonly TransitCandidate[]): Wish[] {
  if (members.reduce((sum, { facts }) => sum + ownAmount(facts), 0n) === 0n) return spread(members, 'payout_reference');
  const payouts = members.filter(isPayout);
  const lines = members.filter(isBank);
  const [payout] = payouts;
  if (payout !== undefined && payouts.length === 1)
    return lines
      .filter((line) => hasFailed(payout.facts) || ownAmount(line.facts) > 0n !== ownAmount(payout.facts) > 0n)
      .map((line) => allocation(line.facts, payout.facts, magnitude(line.facts), 'payout_reference', 1));
  return spread(
    members.filter((member) => isPayout(member) || isBank(member)),
    'payout_reference',
  );
}

const magnitude = (facts: ItemFacts): bigint => {
  const amount = ownAmount(facts);
  return amount < 0n ? -amount : amount;
};

/** All payouts of one day may have come as one line: shown, for somebody to agree. */
function daySums(left: readonly TransitCandidate[]): Wish[] {
  const days = Map.groupBy(left.filter((one) => isPayout(one) && !hasFailed(one.facts)), ({ facts }) =>
    JSON.stringify([facts.currency, Math.floor((firstOf(facts, 'announced') ?? 0) / DAY_MS)]),
  );
  return left.filter(isBank).flatMap((line) => {
    const fitting = [...days.values()].filter(
      (payouts) =>
        payouts.length > 1 &&
        payouts.every((payout) => payout.facts.currency === line.facts.currency && isInWindow(payout, line)) &&
        payouts.reduce((sum, { facts }) => sum + ownAmount(facts), 0n) === -ownAmount(line.facts),
    );
    return fitting.flatMap((payouts) => spread([line, ...payouts], 'sum_of_day', 0.8 / fitting.length));
  });
}
