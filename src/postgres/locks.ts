/**
 * Advisory locks, named in one place so that no two uses take one number. They are per database. A session's locks end
 * with its connection, so a killed process holds none.
 *
 * Two-key locks are `(class, id)`; the classes are below.
 */
export const ADVISORY_LOCK = {
  /** Held while migrating: instances that start together migrate one after the other. */
  migrate: 7_305_001,
} as const;

export const ADVISORY_LOCK_CLASS = {
  /** `(worker, id of its row)`: a worker's row whose lock is free belongs to a dead worker. */
  worker: 73_051,
  /** `(periods, 0)`: shared by every posting, alone for whoever changes periods. Taken in migrations/0005-ledger-guards.sql. */
  periods: 73_055,
  /** `(overdraft, account)`: whoever credits an account that may not be overdrawn, before it reads the balance. */
  overdraft: 73_061,
  /** `(reconciling, account)`: held while an account is recomputed; free under a run that has no end: its process died. */
  reconciling: 73_062,
  /** `(replay, 0)`: the one lane in which replays run; free when its process died. */
  replay: 73_071,
  /** `(engine, 0)`: held by the one turn that reconciles. */
  engine: 73_081,
} as const;
