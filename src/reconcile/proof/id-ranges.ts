/** Transactions between two ids, both included. */
export type IdRange = { readonly first: string; readonly last: string };

/** More would be as many scans; beyond it neighbours are taken together, and what lies between them is read in vain. */
const RANGES_MAX = 32;

/**
 * Ranges that overlap as one. The days of an account that were recorded together span the same ids: read one by one, a report of
 * a month that was imported in one go would be read thirty times.
 */
export function mergedRanges(ranges: readonly IdRange[]): IdRange[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  let merged: IdRange[] = [];
  for (const range of sorted) {
    const before = merged.at(-1);
    if (before === undefined || before.last < range.first) merged.push(range);
    else if (before.last < range.last) merged[merged.length - 1] = { first: before.first, last: range.last };
  }
  while (merged.length > RANGES_MAX) {
    merged = merged.flatMap((range, n) => {
      if (n % 2 === 1) return [];
      return [{ first: range.first, last: merged[n + 1]?.last ?? range.last }];
    });
  }
  return merged;
}
