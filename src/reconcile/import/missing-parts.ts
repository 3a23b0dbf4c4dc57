const TOLD_MAX = 20;

/** Which files of a report are still to come, of what is there of it; empty where it is whole. */
export function missingParts(parts: readonly { readonly part: number; readonly is_last: boolean }[]): string {
  const last = parts.find((one) => one.is_last)?.part;
  if (last === undefined) return 'the last one';
  const have = new Set(parts.map((one) => one.part));
  return Array.from({ length: last }, (_, n) => n + 1)
    .filter((n) => !have.has(n))
    .slice(0, TOLD_MAX)
    .join(', ');
}
