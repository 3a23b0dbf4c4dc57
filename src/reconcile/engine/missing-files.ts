import type { Sql } from '../../postgres/sql.ts';
import type { RulesOf } from './account-rules.ts';
import { dayOf } from './days.ts';
import { openedAt } from './found-item.ts';
import type { Item } from './look-around.ts';
import { type Lag, lagsAround, type MissingFile, openMissingFiles } from './missing-files-store.ts';

const DAY_MS = 86_400_000;
/** A few lines of other days stand in every report. */
const SHARE_MIN = 0.1;
const FILES_MAX = 200;

/**
 * Which missing file the line of a movement is most probably in, by the id of its discrepancy: the neighbours of the file tell how
 * many days before it was booked what a report of this account has was announced. What is in a missing file is shown under it,
 * and is no discrepancy of its own.
 */
export async function coverOf(
  sql: Sql,
  items: readonly Item[],
  rulesOf: RulesOf,
): Promise<(item: Item) => string | null> {
  const accounts = new Map(items.map(({ account }) => [account.id, account]));
  const files = await openMissingFiles(sql, [...accounts.values()]);
  const covered = new Map<string, string>();
  for (const account of accounts.values()) {
    const { zone } = rulesOf(account);
    const mine = files.filter((file) => file.provider === account.provider && file.account === account.account);
    for (const file of mine.slice(0, FILES_MAX)) {
      const { provider, account: name, occurredAt: at } = file;
      const offsets = usualOffsets(await lagsAround(sql, { provider, account: name, at }), zone);
      for (const booked of bookedDays(file, zone))
        for (const offset of offsets) {
          const key = `${account.id} ${shifted(booked, -offset)}`;
          if (!covered.has(key)) covered.set(key, file.id);
        }
    }
  }
  return ({ facts, account }) => {
    const at = openedAt(facts);
    return at === undefined ? null : (covered.get(`${account.id} ${dayOf(at, rulesOf(account).zone)}`) ?? null);
  };
}

/** By how many days lines were booked after what they settle; 0 and 1 where nothing is known. */
function usualOffsets(lags: readonly Lag[], zone: string): number[] {
  if (lags.length === 0) return [0, 1];
  const counts = new Map<number, number>();
  for (const { bookedAt, announcedAt } of lags) {
    const offset = daysBetween(dayOf(announcedAt, zone), dayOf(bookedAt, zone));
    counts.set(offset, (counts.get(offset) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count >= lags.length * SHARE_MIN).map(([offset]) => offset);
}

/** The day of the payout, or those between the batches on both sides of a gap. */
function bookedDays({ occurredAt, after, before }: MissingFile, zone: string): string[] {
  if (after === null || before === null) return [dayOf(occurredAt.getTime(), zone)];
  const [first, last] = [dayOf(Date.parse(after), zone), dayOf(Date.parse(before), zone)];
  const between = Array.from({ length: Math.min(FILES_MAX, Math.max(0, daysBetween(first, last) - 1)) }, (_, n) =>
    shifted(first, n + 1),
  );
  return between.length === 0 ? [first] : between;
}

const daysBetween = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);

const shifted = (day: string, days: number): string =>
  new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
