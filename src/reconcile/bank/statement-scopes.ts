/** Accounts and statements of one file that are remembered. */
const KEPT_MAX = 100_000;

/** Of two days that follow each other, also where a clock is changed. */
const A_DAY_MS = 36 * 3_600_000;

type Run = {
  readonly no: number;
  readonly from: number | null;
  readonly to: number | null;
  readonly closing: bigint | null;
};

export type StatementScopes = ReturnType<typeof createStatementScopes>;

/** Of one file: within what equal bookings are counted. What two of its statements tell alike (the day's, the month's) is one booking. */
export function createStatementScopes() {
  const statements = new Map<string, number>();
  const runs = new Map<string, Run>();
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

  /**
   * Of bookings that only their content names: statements of a day that follow each other tell bookings of their own, equal or not.
   * One that does not begin with what the last one ended with, or begins before it, tells its bookings again, as does one behind
   * a longer period. `isPage`: it is a further page of the last one.
   */
  function run(account: string, opening: bigint | null, from: number | null, isPage: boolean): number {
    const last = runs.get(account);
    if (last !== undefined && (isPage || follows(last, opening, from))) return last.no;
    made += 1;
    return made;
  }

  /** Of the last statement of an account that `run` was asked for. */
  function ran(account: string, run: Run): void {
    if (runs.size < KEPT_MAX || runs.has(account)) runs.set(account, run);
  }

  return { statement, run, ran };
}

function follows(last: Run, opening: bigint | null, from: number | null): boolean {
  if (opening === null || last.closing === null) return true;
  const isLater = from === null || last.from === null || from >= last.from;
  const isShort = last.from === null || last.to === null || last.to - last.from < A_DAY_MS;
  return opening === last.closing && isLater && isShort;
}
