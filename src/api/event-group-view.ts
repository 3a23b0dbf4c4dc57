import { type Static, type TSchema, Type } from 'typebox';
import { adviceOf } from '../ingest/advice.ts';
import type { EventGroup } from '../ingest/event-groups-store.ts';
import { AdviceShape } from './event-detail.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });

export const EventGroupShape = Type.Object({
  provider: Type.String(),
  type: Type.String(),
  error_code: Nullable(Type.String()),
  waiting_for: Nullable(Type.String()),
  count: Type.Integer(),
  first: Time,
  last: Time,
  until: Nullable(Time),
  example: Type.String({ description: 'the newest of them' }),
  example_message: Nullable(Type.String()),
  amounts: Type.Array(Type.Object({ currency: Type.String(), amount: Type.String() })),
  advice: Nullable(AdviceShape),
  filter: Type.Record(Type.String(), Type.String(), {
    description: 'what means these events: for GET /events, replays and dismissals',
  }),
});

/** `asked`: the filter in which they were looked for. */
export function eventGroupView(
  group: EventGroup,
  asked: { readonly status: string } & Readonly<Record<string, string | undefined>>,
): Static<typeof EventGroupShape> {
  const { provider, type, error_code, waiting_for } = group;
  const meant = { ...asked, provider, type, error_code, waiting_for };
  return {
    ...group,
    count: Number(group.count),
    first: group.first.toISOString(),
    last: group.last.toISOString(),
    until: group.until?.toISOString() ?? null,
    amounts: [...group.amounts],
    advice: adviceOf({ status: asked.status, error_code, waiting_for }),
    filter: Object.fromEntries(
      Object.entries(meant).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
    ),
  };
}
