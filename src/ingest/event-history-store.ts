import { int2Array, textArray, uuidTextArray } from '../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import { storableText } from './read-events.ts';

/** An attempt that failed: it is tried again (`failed`), or it was the last (`died`). */
export type FailedAttempt = {
  readonly eventId: string;
  readonly what: 'failed' | 'died';
  readonly attempt: number;
  readonly code: string;
  readonly message: string;
};

const MESSAGE_BYTES_MAX = 1_000;
const ATTEMPT_SHOWN_MAX = 30_000;

/** Notes attempts with the time of their transaction. */
export async function noteFailedAttempts(tx: Tx, failed: readonly FailedAttempt[]): Promise<void> {
  await tx.query(
    `insert into postern.event_history (event_id, what, attempt, error_code, error_message)
     select * from unnest($1::uuid[], $2::text[], $3::int2[], $4::text[], $5::text[])`,
    [
      uuidTextArray(failed.map((one) => one.eventId)),
      textArray(failed.map((one) => one.what)),
      int2Array(failed.map((one) => Math.min(ATTEMPT_SHOWN_MAX, one.attempt))),
      textArray(failed.map((one) => one.code)),
      textArray(failed.map((one) => storableText(one.message, MESSAGE_BYTES_MAX))),
    ],
  );
}

export type HistoryRow = {
  readonly at: Date;
  readonly what: 'failed' | 'died' | 'dismissed';
  readonly attempt: number | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly dismissal_id: string | null;
};

/** What happened to an event that did not go well, the latest `limit`, oldest first. */
export async function selectHistory(sql: Sql, eventId: string, limit: number): Promise<HistoryRow[]> {
  const { rows } = await sql.query<HistoryRow>(
    `select at, what, attempt, error_code, error_message, actor, reason, dismissal_id
     from postern.event_history where event_id = $1 order by id desc limit $2`,
    [eventId, limit],
  );
  return rows.toReversed();
}
