import { type Static, type TSchema, Type } from 'typebox';
import type { BackfillEventRow, BackfillRow } from './backfill-store.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });

export const BackfillShape = Type.Object({
  id: Type.String(),
  provider: Type.String(),
  endpoint: Type.String(),
  status: Type.String({ description: 'queued, running, done, failed, cancelled' }),
  from: Time,
  to: Time,
  dry_run: Type.Boolean(),
  scheduled: Type.Boolean(),
  actor: Type.String(),
  issued: Type.Integer({ description: 'events the processor lists' }),
  received: Type.Integer({ description: 'of those, here before it was asked' }),
  posted: Type.Integer({ description: 'of those issued, in the ledger now' }),
  missing: Type.Integer({ description: 'of those issued, not here when it was asked' }),
  filled: Type.Integer({ description: 'of those missing, taken in, and neither dead nor unreadable now' }),
  gaps: Type.Integer({
    description:
      'of those missing, money that a webhook should have told ten minutes before and that nothing else had told',
  }),
  conflicts: Type.Integer({ description: 'of those issued, here with other money: for a person' }),
  unreadable: Type.Integer({
    description:
      'of those issued, events whose object the processor does not show: it knows none, or the key may not read it. Not counted as filled or unfinished',
  }),
  unfinished: Type.Object({ queued: Type.Integer(), deferred: Type.Integer(), dead: Type.Integer() }),
  pages: Type.Integer(),
  error: Nullable(Type.String()),
  created_at: Time,
  finished_at: Nullable(Time),
});

export const BackfillEventShape = Type.Object({
  event_id: Type.String(),
  type: Type.String(),
  outcome: Type.String({ description: 'missing, filled, conflict, unfinished' }),
  occurred_at: Nullable(Time),
  event: Nullable(Type.String({ description: 'our event' })),
  status: Nullable(Type.String({ description: "our event's, as it is now" })),
  reason: Nullable(Type.String({ description: 'why our event is not posted' })),
});

export function backfillView(row: BackfillRow): Static<typeof BackfillShape> {
  return {
    id: row.id,
    provider: row.provider,
    endpoint: row.endpoint,
    status: row.status,
    from: row.from_at.toISOString(),
    to: row.to_at.toISOString(),
    dry_run: row.dry_run,
    scheduled: row.scheduled,
    actor: row.actor,
    issued: Number(row.issued),
    received: Number(row.received),
    posted: Number(row.posted),
    missing: Number(row.missing),
    filled: Number(row.filled),
    gaps: Number(row.gaps),
    conflicts: Number(row.conflicts),
    unreadable: Number(row.unreadable),
    unfinished: { queued: Number(row.queued), deferred: Number(row.deferred), dead: Number(row.dead) },
    pages: row.pages,
    error: row.error,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}

export function backfillEventView(row: BackfillEventRow): Static<typeof BackfillEventShape> {
  return { ...row, occurred_at: row.occurred_at?.toISOString() ?? null };
}
