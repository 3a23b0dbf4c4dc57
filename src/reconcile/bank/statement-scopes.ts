/** Accounts and statements of one file that are remembered. */
const KEPT_MAX = 100_000;

export type StatementScopes = ReturnType<typeof createStatementScopes>;

/** Of one file: within what equal bookings are counted. What two of its statements tell alike (the day's, the month's) is one booking. */
export function createStatementScopes() {
  const statements = new Map<string, number>();
  let made = 0;

  /** Of a statement, and of its further pages. `name` is what they have in common. */
  function statement(account: string, name: string, isFirst: boolean): number {
    const key = JSON.stringify([account, name]);
    const begun = statements.get(key);
    if (begun !== undefined && !isFirst) return begun;
    made += 1;
    if (begun !== undefined || statements.size < KEPT_MAX) statements.set(key, made);
    return made;
  }

  return { statement };
}
