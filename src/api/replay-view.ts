import { type Static, type TSchema, Type } from 'typebox';
import { REPLAY_STATUSES, type ReplaySide } from '../ingest/replay/replay.ts';
import type { ReplayChangeRow, ReplayRow } from '../ingest/replay/replay-store.ts';
import { PostingShape } from './shapes.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });

export const REPLAY_OUTCOMES = ['posted', 'unchanged', 'deferred', 'failed'] as const;

const SideShape = Type.Object({
  status: Type.String(),
  reason: Nullable(Type.String()),
  transactions: Type.Array(
    Type.Object({
      id: Nullable(Type.String({ description: 'null: not posted' })),
      effect_key: Type.String(),
      kind: Nullable(Type.String()),
      postings: Type.Optional(Type.Array(PostingShape)),
    }),
    { description: 'those in which the two sides differ; before: what stands, after: what the rules have' },
  ),
});

export const ReplayChangeShape = Type.Object({
  event: Type.String(),
  outcome: Type.Enum([...REPLAY_OUTCOMES]),
  before: SideShape,
  after: SideShape,
});

export const ReplayShape = Type.Object({
  id: Type.String(),
  status: Type.Enum([...REPLAY_STATUSES]),
  event: Nullable(Type.String({ description: 'the one event that is meant; null: those of the filter' })),
  filter: Type.Record(Type.String(), Type.String(), { description: 'as in GET /events' }),
  dry_run: Type.Boolean({ description: 'nothing is posted: the counts and changes are what would be' }),
  reason: Type.String(),
  actor: Type.String(),
  rate: Type.Integer({ description: 'events a second' }),
  total: Nullable(Type.Integer({ description: 'null until they are counted' })),
  done: Type.Integer({ description: 'posted + unchanged + deferred + failed' }),
  posted: Type.Integer({ description: 'posted now, or what was missing of them is' }),
  unchanged: Type.Integer({ description: 'nothing was to be posted' }),
  deferred: Type.Integer({ description: 'wait, or are tried again' }),
  failed: Type.Integer({ description: 'dead, or they tell something else than is posted' }),
  note: Nullable(Type.String({ description: 'why it stands still, or failed' })),
  changes: Type.Array(ReplayChangeShape, {
    description: 'the first hundred; all by /changes. In a list of replays none',
  }),
  created_at: Time,
  finished_at: Nullable(Time),
});

export function replayView(row: ReplayRow, changes: readonly ReplayChangeRow[]): Static<typeof ReplayShape> {
  return {
    id: row.id,
    status: row.status,
    event: row.event_id,
    filter: { ...row.filter },
    dry_run: row.dry_run,
    reason: row.reason,
    actor: row.actor,
    rate: row.rate,
    total: row.total === null ? null : Number(row.total),
    done: Number(row.done),
    posted: Number(row.posted),
    unchanged: Number(row.unchanged),
    deferred: Number(row.deferred),
    failed: Number(row.failed),
    note: row.note,
    changes: changes.map(replayChangeView),
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}

export function replayChangeView(row: ReplayChangeRow): Static<typeof ReplayChangeShape> {
  return { event: row.event_id, outcome: row.outcome, before: sideView(row.before), after: sideView(row.after) };
}

function sideView({ status, reason, transactions }: ReplaySide): Static<typeof SideShape> {
  return {
    status,
    reason,
    transactions: transactions.map(({ postings, ...one }) => ({
      ...one,
      ...(postings === undefined ? {} : { postings: [...postings] }),
    })),
  };
}
