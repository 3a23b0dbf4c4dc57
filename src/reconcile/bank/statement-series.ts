/** A statement with both its balances, from whatever file, as it is set beside the others of its account and currency. */
export type StatementInSeries = {
  /** The file that brought it. */
  readonly file: string;
  readonly statement: string;
  readonly number: { readonly year: number | null; readonly value: number } | null;
  readonly opening: bigint;
  readonly closing: bigint;
  /** Unix ms (`dayBegins`): the days of its two balances. Banks date the opening by its own first day, or by the day before. */
  readonly from: number;
  readonly to: number;
  /** A CSV: the days are those that somebody asked for, and may begin in the middle of one. */
  readonly isDownload: boolean;
};

/** Between these two something is missing: the second does not open with what the first closed with, or their numbers leave one out. */
export type StatementGap = {
  readonly before: StatementInSeries;
  readonly after: StatementInSeries;
  /** Minor units: what was booked between them. */
  readonly between: bigint;
  /** `13` or `13–15`; null: no number is left out. */
  readonly missing: string | null;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Where the day begins first, it is so much earlier than in UTC. */
const EARLIEST_MS = 13 * HOUR_MS;

/** Files of one account may have been read in the days of several zones: the day that was written, as midnight UTC. */
export const dayBegins = (at: number): number => Math.floor((at + EARLIEST_MS) / DAY_MS) * DAY_MS;

/**
 * Where the statements of one account in one currency do not join, in whatever order they came. The oldest has nothing before it.
 * What overlaps others (the month beside its days) is whole by itself. `numbers` are all of the account, in any currency: one
 * series may count them all. Pure.
 */
export function gapsAmong(
  statements: readonly StatementInSeries[],
  numbers: readonly StatementInSeries['number'][],
): StatementGap[] {
  const all = distinct(statements);
  const counting = yearsThatCount(all);
  const told = new Set(numbers.map(numberName));
  const countsWith = (a: StatementInSeries, b: StatementInSeries): boolean =>
    a.number !== null && b.number !== null && a.number.year === b.number.year && counting.has(a.number.year);
  const isCounted = (a: StatementInSeries, b: StatementInSeries): boolean => countsWith(a, b) && place(a) !== place(b);
  const gaps: StatementGap[] = [];
  const joined: { readonly before: StatementInSeries; readonly after: StatementInSeries }[] = [];
  /** The newest so far: several where several end on one day. */
  let ends: StatementInSeries[] = [];
  /** Those that were the newest before. */
  let earlier: StatementInSeries[] = [];
  for (const left of Map.groupBy(all, ({ to }) => to).values()) {
    const closings = new Map<bigint, number>();
    const closes = (amount: bigint, by: number): Map<bigint, number> =>
      closings.set(amount, (closings.get(amount) ?? 0) + by);
    for (const { closing } of left) closes(closing, 1);
    while (left.length > 0) {
      const joins = left.findIndex((one) => continues(one, ends) !== undefined);
      const begins = left.findIndex(
        ({ opening, closing }) => (closings.get(opening) ?? 0) === (opening === closing ? 1 : 0),
      );
      const next = joins >= 0 ? joins : Math.max(0, begins);
      for (const after of left.splice(next, 1)) {
        closes(after.closing, -1);
        follow(after, continues(after, ends));
      }
    }
  }
  return [...gaps, ...leftOutAmongJoined()];

  function follow(after: StatementInSeries, before: StatementInSeries | undefined): void {
    if (before !== undefined) {
      joined.push({ before, after });
      step(after, before);
      return;
    }
    const last = ends.findLast((one) => countsWith(one, after)) ?? ends.at(-1);
    const inSeries = last !== undefined && isCounted(last, after);
    const isWhole = last === undefined || isWithinAnother(after) || (!inSeries && overlaps(after));
    if (!isWhole)
      gaps.push({ before: last, after, between: after.opening - last.closing, missing: leftOut(last, after) });
    step(after, isWhole ? null : last);
  }

  function step(one: StatementInSeries, instead: StatementInSeries | null): void {
    const [end] = ends;
    if (end !== undefined && one.to === end.to) ends = [...ends.filter((other) => other !== instead), one];
    else {
      earlier = ends;
      ends = [one];
    }
  }

  /** It begins before the newest ends, or on its last day with what is known from before that day. */
  function overlaps(after: StatementInSeries): boolean {
    return ends.some(
      (end) =>
        after.from < end.to ||
        (after.from === end.to && (end.isDownload || after.isDownload || continues(after, earlier) !== undefined)) ||
        // A later version of it, with more of the same day.
        (after.from === end.from && after.opening === end.opening && !differInNumber(after, end)),
    );
  }

  function isWithinAnother(after: StatementInSeries): boolean {
    return all.some((other) => other.from < after.from && other.to >= after.to && !isCounted(other, after));
  }

  /** Numbers between two that join: nothing was booked in what is missing, or the bank counts something else. */
  function leftOutAmongJoined(): StatementGap[] {
    const pairs = joined.filter(({ before, after }) => countsWith(before, after) && place(after) > place(before));
    const days = ({ before, after }: (typeof pairs)[number]) => Math.round((after.to - before.to) / DAY_MS);
    const steps = ({ before, after }: (typeof pairs)[number]) => place(after) - place(before);
    const byYear = Map.groupBy(pairs, ({ after }) => after.number?.year ?? null);
    return [...byYear.values()].flatMap((mine) => {
      // The day of the year as a number leaves out each weekend.
      const countsStatements = mine.some((one) => steps(one) === 1) && mine.some((one) => steps(one) !== days(one));
      if (!countsStatements) return [];
      return mine.flatMap(({ before, after }): StatementGap[] => {
        const missing = leftOut(before, after);
        return missing === null ? [] : [{ before, after, between: 0n, missing }];
      });
    });
  }

  function leftOut(before: StatementInSeries, after: StatementInSeries): string | null {
    if (!countsWith(before, after)) return null;
    const [first, end] = [place(before) + 1, place(after) - 1];
    if (first > end) return null;
    const year = after.number?.year ?? null;
    // Other currencies may have them; of more than anybody sends in a year only the ends are told.
    const isThere = (value: number): boolean => told.has(numberName({ year, value }));
    if (end - first < NUMBERS_LOOKED_AT) {
      const absent = Array.from({ length: end - first + 1 }, (_, n) => first + n).filter((value) => !isThere(value));
      if (absent.length === 0) return null;
      return absent.length === 1 ? `${absent[0]}` : `${absent[0]}–${absent.at(-1)}`;
    }
    return `${first}–${end}`;
  }
}

const NUMBERS_LOOKED_AT = 1_000;

const continues = (after: StatementInSeries, ends: readonly StatementInSeries[]): StatementInSeries | undefined =>
  ends.find((end) => end.closing === after.opening);

const place = ({ number }: StatementInSeries): number => number?.value ?? 0;

const numberName = (number: StatementInSeries['number']): string => JSON.stringify([number?.year, number?.value]);

const differInNumber = (a: StatementInSeries, b: StatementInSeries): boolean =>
  a.number !== null && b.number !== null && numberName(a.number) !== numberName(b.number);

/** By days; each once, whichever files brought it, with its number where one of them has it. */
function distinct(statements: readonly StatementInSeries[]): StatementInSeries[] {
  const same = Map.groupBy(statements, ({ opening, closing, to }) => `${opening} ${closing} ${to}`);
  const once = [...same.values()].flatMap((all) => {
    const mine = all.toSorted((a, b) => (a.file < b.file ? -1 : 1));
    const numbered = mine.filter(({ number }) => number !== null);
    const one = numbered.length > 0 ? numbered : mine.slice(0, 1);
    // Of several the one that came first, so that what comes again changes nothing.
    return [...new Map(one.toReversed().map((each) => [numberName(each.number), each])).values()];
  });
  return once.sort(
    (a, b) =>
      a.to - b.to || place(a) - place(b) || a.from - b.from || Number(a.opening - b.opening || a.closing - b.closing),
  );
}

/** In which years numbers rise with the days. Where they do not (one a day anew, a time, a key), they say nothing. */
function yearsThatCount(sorted: readonly StatementInSeries[]): Set<number | null> {
  const byYear = Map.groupBy(
    sorted.filter(({ number }) => number !== null),
    ({ number }) => number?.year ?? null,
  );
  const rises = (mine: readonly StatementInSeries[]): boolean =>
    mine.every((one, n) => n === 0 || place(one) >= place(mine[n - 1] ?? one));
  return new Set([...byYear].filter(([, mine]) => rises(mine)).map(([year]) => year));
}
