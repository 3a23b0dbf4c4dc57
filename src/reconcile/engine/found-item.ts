import { createHash } from 'node:crypto';
import { deltaOf } from './classify.ts';
import { sidesOf } from './classify-pending.ts';
import type { Found, Side } from './discrepancy-store.ts';
import { firstOf, type ItemFacts, lastOf, type Mover, sumOf } from './items.ts';
import type { Item } from './look-around.ts';
import type { Verdict } from './verdict.ts';

/** The same item is the same discrepancy, whatever it is called from one run to the next. */
export function itemFingerprint({ facts, account }: Item): string {
  return fingerprint([
    'item',
    account.provider,
    account.account,
    account.role,
    facts.reference,
    facts.component,
    facts.currency,
  ]);
}

export const fingerprint = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);

/** An item that is a discrepancy, with what each side says of it. */
export function foundItem(item: Item, verdict: Extract<Verdict, { bucket: 'discrepancy' }>, now: number): Found {
  const { facts, account } = item;
  const { role } = account;
  const occurredAt = openedAt(facts) ?? now;
  return {
    fingerprint: itemFingerprint(item),
    class: verdict.class,
    cause: null,
    inProof: true,
    provider: account.provider,
    account: account.account,
    item: role,
    reference: facts.reference,
    component: facts.component,
    currency: facts.currency,
    delta: deltaOf(account, facts.amount),
    ...sidesFor(facts, role),
    differences: verdict.differences,
    suggested: null,
    evidence: {},
    occurredAt,
    dueAt: verdict.dueAt,
  };
}

const EVERYBODY: readonly Mover[] = [
  'announced',
  'line',
  'payout_line',
  'opening',
  'closing',
  'bank',
  'recognised',
  'allocated',
  'written_off',
];

export const openedAt = (facts: ItemFacts): number | undefined => facts.leftSince ?? firstOf(facts, ...EVERYBODY);
export const movedAt = (facts: ItemFacts): number | undefined => lastOf(facts, ...EVERYBODY);

const NONE: Side = {};

function sidesFor(facts: ItemFacts, role: Item['account']['role']): Pick<Found, 'ledger' | 'settlement' | 'bank'> {
  switch (role) {
    case 'processor_balance': {
      const paid = sumOf(facts, 'announced', 'payout_line', 'opening', 'closing');
      return {
        ledger: side(facts, -paid, ['announced', 'payout_line', 'opening', 'closing']),
        settlement: side(facts, sumOf(facts, 'line'), ['line']),
        bank: NONE,
      };
    }
    case 'bank_in_transit':
      return {
        ledger: side(facts, sumOf(facts, 'announced'), ['announced']),
        settlement: NONE,
        bank: side(facts, -sumOf(facts, 'bank', 'passed', 'allocated'), ['bank']),
      };
    case 'processor_pending': {
      if (facts.component === 'fee')
        return {
          ledger: side(facts, sumOf(facts, 'announced'), ['announced']),
          settlement: side(facts, -sumOf(facts, 'line', 'recognised', 'passed', 'allocated'), ['line', 'recognised']),
          bank: NONE,
        };
      const { announced, settled } = sidesOf(facts);
      return {
        ledger: side(facts, announced, ['announced']),
        settlement: side(facts, -settled, ['line']),
        bank: NONE,
      };
    }
    default:
      return {
        ledger: side(facts, sumOf(facts, 'announced'), ['announced']),
        settlement: side(facts, -sumOf(facts, 'line'), ['line']),
        bank: NONE,
      };
  }
}

/** Nothing where neither money nor movements are on it. */
function side(facts: ItemFacts, amount: bigint, movers: readonly Mover[]): Side {
  const first = firstOf(facts, ...movers);
  const last = lastOf(facts, ...movers);
  if (first === undefined || last === undefined) return amount === 0n ? NONE : { amount: String(amount) };
  return {
    amount: String(amount),
    movements: movers.reduce((sum, mover) => sum + (facts.moved[mover]?.count ?? 0), 0),
    first_at: new Date(first).toISOString(),
    last_at: new Date(last).toISOString(),
  };
}
