import { type Static, Type } from 'typebox';
import type { DismissalRow } from '../ingest/dismissal-store.ts';

const Time = Type.String({ format: 'date-time' });

export const DismissalShape = Type.Object({
  id: Type.String(),
  status: Type.String({ description: 'running, done, failed, cancelled' }),
  filter: Type.Record(Type.String(), Type.String()),
  reason: Type.String(),
  actor: Type.String(),
  total: Type.Integer({ description: 'dead letters it meant when it was asked for' }),
  done: Type.Integer({ description: 'of those, looked at' }),
  dismissed: Type.Integer({ description: 'of those, dismissed: the others were not dead any more, or died anew' }),
  error: Type.Union([Type.String(), Type.Null()], { description: 'why its last batch failed; it is tried again' }),
  created_at: Time,
  finished_at: Type.Union([Time, Type.Null()]),
});

export function dismissalView(row: DismissalRow): Static<typeof DismissalShape> {
  return {
    id: row.id,
    status: row.status,
    filter: Object.fromEntries(
      Object.entries(row.filter).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
    ),
    reason: row.reason,
    actor: row.actor,
    total: Number(row.total),
    done: Number(row.looked_at),
    dismissed: Number(row.dismissed),
    error: row.error,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}
