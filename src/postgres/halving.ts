import { isDataError } from './sql.ts';

export type Halving<T> = {
  /** All of them; where it throws it is run again for a part of them. */
  work(rows: readonly T[]): Promise<void>;
  onHalved(): void;
  /** The one that Postgres refuses by itself. */
  onGuilty(row: T, error: unknown): Promise<void> | void;
};

/** Rows that fail on data (SQLSTATE 22, 23, 54) are halved until the guilty one is alone: it must not take others with it. */
export async function halving<T>(rows: readonly T[], parts: Halving<T>): Promise<void> {
  try {
    await parts.work(rows);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const [only] = rows;
    if (only === undefined) return;
    if (rows.length === 1) {
      await parts.onGuilty(only, error);
      return;
    }
    parts.onHalved();
    const middle = rows.length >> 1;
    await halving(rows.slice(0, middle), parts);
    await halving(rows.slice(middle), parts);
  }
}
