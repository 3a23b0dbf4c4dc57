import type { FeeTerm } from '../providers/provider.ts';

/**
 * The terms of a contract so that the first that fits a line holds: one for its method of payment before one for every method, and
 * of these the one that began last; of what is the same in both, the one that is listed first.
 */
export const inOrder = (terms: readonly FeeTerm[]): FeeTerm[] =>
  [...terms].sort((a, b) => Number(isForAny(a)) - Number(isForAny(b)) || compare(b.from ?? '', a.from ?? ''));

const isForAny = (term: FeeTerm): boolean => term.payment_method === undefined;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
