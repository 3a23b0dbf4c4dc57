import { Type } from 'typebox';
import { EVENT_FILTER_TEXTS, EVENT_STATUSES, WAITING_FOR } from '../ingest/event-filter.ts';

const text = (name: keyof typeof EVENT_FILTER_TEXTS, about?: string) => {
  const { pattern, means } = EVENT_FILTER_TEXTS[name];
  return Type.Optional(Type.String({ pattern: pattern.source, description: about ?? means }));
};
const Time = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }));

/** The query of `GET /events`, and the `filter` of replays and dismissals. */
export const EventFilterShape = {
  status: Type.Optional(Type.Enum([...EVENT_STATUSES])),
  provider: text('provider'),
  endpoint: text('endpoint'),
  type: text('type'),
  reference: text('reference', 'a payment, refund, dispute, order, invoice, payout … it is about'),
  event_id: text('event_id', "the processor's id of it, or ours"),
  error_code: text('error_code', 'what dead letters died of; with a status, those of that status'),
  waiting_for: Type.Optional(Type.Enum([...WAITING_FOR], { description: 'what deferred events wait for' })),
  currency: text('currency'),
  amount: text('amount', 'what it is worth in minor units'),
  amount_min: text('amount_min', 'what it is worth in minor units, or more'),
  amount_max: text('amount_max', 'what it is worth in minor units, or less'),
  from: Time('received at or after'),
  to: Time('received before'),
};
