/** What balances are told for where payouts do not name their lines: a month, a day, or any run of days, by its name. */
export type BalancePeriod = {
  readonly name: string;
  /** The periods of the same length before and after it, as their reports will name them. */
  readonly before: string;
  readonly after: string;
};

const DAY_MS = 86_400_000;

/** `from` and `until` are days, `2026-01-01`, and both belong to it. Null where they are none. */
export function balancePeriod(from: string, until: string): BalancePeriod | null {
  const [first, last] = [dayOf(from), dayOf(until)];
  if (first === null || last === null || last < first) return null;
  const [start, end] = [new Date(first), new Date(last)];
  const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()];
  const isMonth =
    start.getUTCDate() === 1 && end.getUTCFullYear() === year && end.getTime() === Date.UTC(year, month + 1, 0);
  if (isMonth)
    return { name: monthText(year, month), before: monthText(year, month - 1), after: monthText(year, month + 1) };
  const length = last - first + DAY_MS;
  const named = (at: number): string =>
    length === DAY_MS ? dayText(at) : `${dayText(at)}..${dayText(at + length - DAY_MS)}`;
  return { name: named(first), before: named(first - length), after: named(first + length) };
}

function dayOf(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const at = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(at) || dayText(at) !== text ? null : at;
}

const dayText = (at: number): string => new Date(at).toISOString().slice(0, 10);
const monthText = (year: number, month: number): string => dayText(Date.UTC(year, month, 1)).slice(0, 7);
