import { dialectOf } from '../../src/simulate/world/dialects.ts';
import { FAULT_KINDS, type FaultKind, faultOf } from '../../src/simulate/world/faults.ts';
import type { PlannedAccount } from '../../src/simulate/world/world.ts';

/** What takes its whole account with it: a batch with all that is settled in it, or what is agreed of its fees. */
const ALONE: ReadonlySet<FaultKind> = new Set([
  'file_missing',
  'fee_above_contract',
  'file_truncated',
  'wrong_account',
]);
const PAYMENTS_MAX = 8;
const BATCHES_MAX = 3;

const fitting = (provider: string): FaultKind[] =>
  FAULT_KINDS.filter((kind) => faultOf(kind).fits(dialectOf(provider)));

/** An account without a fault, and one for each fault. */
export function eachAlone(provider: string): PlannedAccount[] {
  return [{ provider, faults: [] }, ...fitting(provider).map((kind) => ({ provider, faults: [kind] }))];
}

/** Long ago nothing is the newest, and of one account only one report is. */
const isNewest = (kind: FaultKind): number => (faultOf(kind).target === 'newest_batch' ? 1 : 0);
const isOld = (kind: FaultKind): boolean => faultOf(kind).daysAgo !== undefined;

/** An account for every two faults that one account has room for. */
export function inPairs(provider: string): PlannedAccount[] {
  const kinds = fitting(provider).filter((kind) => !ALONE.has(kind));
  return kinds.flatMap((first, n) =>
    kinds
      .slice(n + 1)
      .filter((second) => isNewest(first) + isNewest(second) + Number(isOld(first) || isOld(second)) < 2)
      .map((second) => ({ provider, faults: [first, second] })),
  );
}

/** The same faults in few accounts, as many in each as there is room for: many pairs at once. */
export function packed(provider: string): PlannedAccount[] {
  const accounts: { provider: string; faults: FaultKind[] }[] = [{ provider, faults: [] }];
  for (const kind of fitting(provider)) {
    const { target } = faultOf(kind);
    const room = target === 'payment' ? PAYMENTS_MAX : target === 'batch' ? BATCHES_MAX : 1;
    const open = accounts
      .slice(1)
      .find(
        ({ faults }) =>
          !ALONE.has(kind) &&
          faults.every((one) => !ALONE.has(one) && isOld(one) === isOld(kind)) &&
          faults.filter((one) => faultOf(one).target === target).length < room,
      );
    if (open === undefined) accounts.push({ provider, faults: [kind] });
    else open.faults.push(kind);
  }
  return accounts;
}
