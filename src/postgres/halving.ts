export type Halving<T> = {
  /** All of them; where it throws it is run again for a part of them. */
  work(rows: readonly T[]): Promise<void>;
  /** Whether a row may be to blame; where not, all fail with it. */
  blames(error: unknown): boolean;
  onHalved(): void;
  /** The one that fails by itself. */
  onGuilty(row: T, error: unknown): Promise<void> | void;
};

/** Rows of which one is to blame are halved until it is alone: it must not take others with it. */
export async function halving<T>(rows: readonly T[], parts: Halving<T>): Promise<void> {
  try {
    await parts.work(rows);
  } catch (error) {
    if (!parts.blames(error)) throw error;
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
