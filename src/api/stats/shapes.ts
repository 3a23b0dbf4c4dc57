import { type TSchema, Type } from 'typebox';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });

const QueueFiguresShape = Type.Object({
  name: Type.String(),
  paused: Type.Boolean(),
  depth: Type.Integer({ description: 'due, and in nobody’s hands' }),
  active: Type.Integer({ description: 'in a worker’s transaction now' }),
  deferred: Type.Integer({ description: 'waits for something named, or for a time' }),
  failed: Type.Integer({ description: 'tried, failed, and to be tried again' }),
  dead: Type.Integer({ description: 'waits for a person' }),
  oldest_age_seconds: Type.Number({ description: 'since the oldest that is due became so' }),
  rate_per_second: Type.Number({ description: 'what left, over the last one to two minutes' }),
  rate_in_per_second: Nullable(Type.Number({ description: 'what came, over the same time; null where nobody counts' })),
  drain_seconds: Nullable(
    Type.Number({ description: 'until it is empty, if both rates stay as they are; null: then never' }),
  ),
});

const RiskShape = Type.Object({
  currency: Nullable(Type.String({ description: 'null: events whose amount could not be read' })),
  amount: Nullable(Type.String({ pattern: '^\\d+$', description: 'minor units; refunds count as much as payments' })),
  events: Type.Integer(),
  drop_off_at: Nullable(
    Type.String({ format: 'date-time', description: 'when the processor would stop sending the oldest of them again' }),
  ),
});

export const QueueStatsShape = Type.Object({
  as_of: Time,
  queues: Type.Array(QueueFiguresShape),
  endpoints: Type.Array(
    Type.Object({
      provider: Type.String(),
      endpoint: Type.String(),
      disabled: Type.Boolean(),
      last_event_at: Nullable(Time),
      silence_seconds: Nullable(Type.Number({ description: 'null: nothing ever came' })),
      expected_silence_seconds: Type.Number({
        description: 'three times the largest gap of the last seven days, at least ten minutes',
      }),
      silent: Type.Boolean({ description: 'for longer than expected' }),
      last_24_hours: Type.Object({
        accepted: Type.Integer({ description: 'duplicates among them' }),
        duplicates: Type.Integer(),
        conflicts: Type.Integer(),
        rejected: Type.Integer({ description: 'requests; signature failures among them' }),
        signature_failures: Type.Integer(),
        gaps: Type.Integer({ description: 'events of money that no webhook brought and a backfill found' }),
      }),
      amount_at_risk: Type.Array(RiskShape, {
        description: 'of events that are deferred, dead, or queued for over a minute; read every ten seconds',
      }),
    }),
  ),
  housekeeping: Type.Array(
    Type.Object({
      name: Type.String(),
      interval_s: Type.Integer(),
      last_run_at: Nullable(Time),
      last_error: Nullable(Type.String()),
    }),
  ),
});

export const QueueShape = Type.Object({
  name: Type.String(),
  paused: Type.Boolean(),
  reason: Nullable(Type.String({ description: 'of the last order' })),
  actor: Nullable(Type.String()),
  changed_at: Nullable(Time),
  settings: Type.Record(Type.String(), Type.Number(), { description: 'the same in every process of this release' }),
  workers: Type.Array(
    Type.Object({
      id: Type.String(),
      started_at: Time,
      holding: Type.Integer({ description: 'events in its hands now' }),
      settings: Nullable(
        Type.Record(Type.String(), Type.Number(), { description: 'what its process was started with' }),
      ),
    }),
  ),
});
