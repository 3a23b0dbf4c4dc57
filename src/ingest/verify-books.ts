import type pg from 'pg';
import { PosternError } from '../errors.ts';
import { verifyLedger } from '../ledger/verify/verify.ts';
import type { Log } from '../log.ts';
import type { Sql } from '../postgres/sql.ts';
import { isVerifyDue } from './housekeeping-store.ts';

/** The task that proves the books, by the name it has in the housekeeping's rows. */
export const VERIFY_BOOKS = 'verify_books';

/** How the error of a run begins that found something wrong, and did not just fail. */
export const BOOKS_WRONG = 'the books do not verify';

/**
 * Proves the books as `ledger verify` does, once a day, and each hour while they are wrong, so that the alarm ends with its
 * cause. False where it is not due, or was broken off.
 *
 * @throws PosternError `internal` that begins with `BOOKS_WRONG`.
 */
export async function verifyBooks(
  session: Sql,
  { pool, log, signal }: { readonly pool: pg.Pool; readonly log: Log; readonly signal: AbortSignal },
): Promise<boolean> {
  if (signal.aborted || !(await isVerifyDue(session, VERIFY_BOOKS))) return false;
  const report = await verifyLedger({ pool, signal }).catch((error: unknown) => {
    // Told to stop: it is begun anew by whoever keeps house next.
    if (signal.aborted) return null;
    throw error;
  });
  if (report === null) return false;
  const wrong = report.checks.flatMap(({ name, fault }) =>
    fault === null ? [] : [`${name}: ${fault.row}: ${fault.found}`],
  );
  if (wrong.length === 0) return true;
  log.error({ wrong }, BOOKS_WRONG);
  throw new PosternError('internal', `${BOOKS_WRONG}: ${wrong.join('; ')}`);
}
