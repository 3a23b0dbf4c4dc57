/** A measured figure beside the bare one measured just before it. */
export type Pair = { readonly bare: number; readonly value: number };

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? 0) + high) / 2;
}

/** Neighbours share whatever the machine does at the time, so their ratio says more than the ratio of two averages. */
export function medianRatio(pairs: readonly Pair[]): number {
  return median(pairs.map(({ bare, value }) => value / bare));
}
