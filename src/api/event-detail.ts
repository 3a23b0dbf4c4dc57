import { type Static, type TSchema, Type } from 'typebox';
import { adviceOf, OBSTACLES } from '../ingest/advice.ts';
import { type HistoryRow, selectHistory } from '../ingest/event-history-store.ts';
import { transactionsOfEvent } from '../ledger/queries-store.ts';
import type { Sql } from '../postgres/sql.ts';
import { type EventRow, selectDeliveryIds } from './event-store.ts';
import { EventShape, TransactionShape } from './shapes.ts';
import { eventView, transactionView } from './views.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const AdviceShape = Type.Object(
  { kind: Type.Enum([...OBSTACLES]), what_to_do: Type.String() },
  { description: 'what stands in its way, and what a person can do about it' },
);

const HistoryShape = Type.Object({
  at: Type.String({ format: 'date-time' }),
  what: Type.String({ description: 'failed: an attempt that is made again; died: the last; dismissed: by a person' }),
  attempt: Nullable(Type.Integer()),
  error: Nullable(Type.Object({ code: Type.String(), message: Nullable(Type.String()) })),
  actor: Nullable(Type.String()),
  reason: Nullable(Type.String()),
  dismissal: Nullable(Type.String()),
});

export const EventDetailShape = Type.Object({
  ...EventShape.properties,
  deliveries: Type.Array(Type.String()),
  posted: Type.Array(TransactionShape),
  history: Type.Array(HistoryShape, { description: 'what did not go well, the latest 100, oldest first' }),
  advice: Nullable(AdviceShape),
});

export type EventDetail = Static<typeof EventDetailShape>;

const HISTORY_MAX = 100;

/** An event with what it posted, who brought it, what became of its attempts, and what to do. */
export async function eventDetail(sql: Sql, row: EventRow): Promise<EventDetail> {
  const [deliveries, posted, history] = await Promise.all([
    selectDeliveryIds(sql, row.id),
    transactionsOfEvent(sql, row.id),
    selectHistory(sql, row.id, HISTORY_MAX),
  ]);
  return {
    ...eventView(row),
    deliveries,
    posted: posted.map((one) => transactionView(one.transaction, one.postings)),
    history: history.map(historyView),
    advice: adviceOf(row),
  };
}

function historyView(row: HistoryRow): Static<typeof HistoryShape> {
  return {
    at: row.at.toISOString(),
    what: row.what,
    attempt: row.attempt,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message },
    actor: row.actor,
    reason: row.reason,
    dismissal: row.dismissal_id,
  };
}
