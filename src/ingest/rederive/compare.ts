import { contentOf, type Leg } from '../../ledger/entry.ts';
import { isSameMoney } from '../../ledger/older-rules.ts';
import { type Derivation, type Group, isDerivable, looks } from './derive.ts';
import type { Finding } from './finding.ts';
import type { PostedTransaction } from './rederive-store.ts';

export type Comparison = {
  readonly findings: readonly Finding[];
  readonly effects: number;
  readonly newerRule: number;
  readonly otherOrder: number;
};

/** Posted beside others by what stood before: another order has others of these. */
const OF_THE_ORDER: ReadonlySet<string> = new Set(['refund.split', 'payment.capture_reversed']);

/** An announcement takes back what a report's line recognised: no event alone leads to it. */
const OF_A_LINE = 'fee.recognition_reversed';

type Difference = Finding & {
  /** The processor told the same: only what stood before it decides what it posted. */
  readonly isOfTheOrder: boolean;
};

/**
 * What is derived against what is posted, by effect key. Of a payment's events those are compared that look at it: the others are
 * there because it sees them, and are compared by themselves.
 */
export function compare(
  group: Group,
  { effects, silent }: Derivation,
  posted: readonly PostedTransaction[],
  ruleVersion: number,
): Comparison {
  const members = group.events.filter(isDerivable);
  const compared = new Set((group.payments.size === 0 ? members : members.filter(looks)).map(({ id }) => id));
  const standing = new Map(posted.map((one) => [one.effectKey, one]));
  const differences: Difference[] = [];
  let newerRule = 0;
  for (const [effectKey, { entry, ...told }] of effects) {
    const tellers = told.tellers.filter(({ event }) => compared.has(event));
    const known = standing.get(effectKey);
    const teller = tellers[0];
    if (teller === undefined) continue;
    if (known === undefined) {
      if (entry === null) continue;
      const { kind, legs } = entry;
      differences.push({
        ...about('missing', effectKey, teller.event),
        derived: legs,
        isOfTheOrder: OF_THE_ORDER.has(kind),
      });
      continue;
    }
    const contrary = tellers.find(({ content }) => !content.equals(known.content));
    const isSame = entry === null || sameLegs(entry.legs, known.legs);
    if (contrary === undefined && isSame) continue;
    const { legs } = entry ?? contrary ?? teller;
    if (known.ruleVersion < ruleVersion && isSameMoney(legs, known.legs)) {
      // Told by several, it is counted with the one that posted it.
      if (compared.has(known.sourceEvent ?? '')) newerRule += 1;
      continue;
    }
    differences.push({
      ...about('different', effectKey, (contrary ?? teller).event),
      transactions: [known.id],
      derived: legs,
      posted: known.legs,
      reason: contrary === undefined ? null : 'the event tells something else than is posted',
      isOfTheOrder: contrary === undefined && group.payments.size > 0,
    });
  }
  for (const { id, effectKey, kind, sourceEvent, legs } of posted) {
    if (sourceEvent === null || !compared.has(sourceEvent) || effects.has(effectKey)) continue;
    if (kind === OF_A_LINE) continue;
    differences.push({
      ...about('extra', effectKey, sourceEvent),
      transactions: [id],
      posted: legs,
      reason: silent.get(sourceEvent) ?? null,
      isOfTheOrder: OF_THE_ORDER.has(kind),
    });
  }
  const isOrder =
    differences.some((one) => one.isOfTheOrder) && endsTheSame(effects, posted, new Set(members.map(({ id }) => id)));
  const left = isOrder ? differences.filter((one) => !one.isOfTheOrder) : differences;
  return {
    findings: left.map(({ isOfTheOrder: _, ...finding }) => finding),
    effects: posted.filter(({ sourceEvent }) => compared.has(sourceEvent ?? '')).length,
    newerRule,
    otherOrder: differences.length - left.length,
  };
}

function about(kind: Finding['kind'], effectKey: string, event: string): Finding {
  return { kind, effectKey, event, transactions: [], reason: null, derived: null, posted: null };
}

const sameLegs = (one: readonly Leg[], other: readonly Leg[]): boolean => contentOf(one).equals(contentOf(other));

/**
 * Two workers on two machines post within a millisecond of each other, and their clocks decide which looks the earlier: which
 * steps a payment took is then not to be told from their ids, but what it came to is.
 */
function endsTheSame(
  effects: Derivation['effects'],
  posted: readonly PostedTransaction[],
  derivable: ReadonlySet<string>,
): boolean {
  const derived = [...effects.values()].flatMap(({ entry }) => entry?.legs ?? []);
  const stands = posted.filter(({ sourceEvent }) => sourceEvent !== null && derivable.has(sourceEvent));
  return sameLegs(net(derived), net(stands.flatMap(({ legs }) => legs)));
}

function net(legs: readonly Leg[]): Leg[] {
  const sums = new Map<string, Leg>();
  for (const leg of legs) {
    const key = JSON.stringify([leg.account.path, leg.reference, leg.component, leg.currency]);
    sums.set(key, { ...leg, amount: leg.amount + (sums.get(key)?.amount ?? 0n) });
  }
  return [...sums.values()].filter(({ amount }) => amount !== 0n);
}
