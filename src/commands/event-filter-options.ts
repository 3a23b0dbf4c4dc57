import { type Command, InvalidArgumentError, Option } from 'commander';
import { EVENT_FILTER_TEXTS, EVENT_STATUSES, type EventFilter, WAITING_FOR } from '../ingest/event-filter.ts';
import { time } from './options.ts';

/** Values of what `withEventFilter` adds. */
export type EventFilterOptions = Omit<EventFilter, 'event_id' | 'error_code' | 'waiting_for' | 'from' | 'to'> & {
  readonly eventId?: EventFilter['event_id'];
  readonly errorCode?: EventFilter['error_code'];
  readonly waitingFor?: EventFilter['waiting_for'];
  readonly amountMin?: EventFilter['amount_min'];
  readonly amountMax?: EventFilter['amount_max'];
  readonly from?: Date;
  readonly to?: Date;
};

/** Adds the options that say which events are meant, for every command that asks. @param status where not every state can be meant */
export function withEventFilter(command: Command, { status }: { readonly status?: Option } = {}): Command {
  const text = (name: keyof typeof EVENT_FILTER_TEXTS) => (value: string) => {
    const { pattern, means } = EVENT_FILTER_TEXTS[name];
    if (!pattern.test(value)) throw new InvalidArgumentError(means);
    return value;
  };
  return command
    .addOption(status ?? new Option('--status <status>', 'what became of it').choices(EVENT_STATUSES))
    .option('--provider <name>', 'the processor', text('provider'))
    .option('--endpoint <name>', 'the endpoint', text('endpoint'))
    .option('--type <type>', "the provider's own, such as charge.succeeded", text('type'))
    .option('--reference <id>', 'a payment, refund, dispute, order, invoice or payout it is about', text('reference'))
    .option('--event-id <id>', "the provider's id of it, or ours", text('event_id'))
    .option('--error-code <code>', 'what it died of, such as rule_failed', text('error_code'))
    .addOption(new Option('--waiting-for <what>', 'what it waits for').choices(WAITING_FOR))
    .option('--amount <units>', 'what it is worth, in minor units: 1999 is EUR 19.99', text('amount'))
    .option('--amount-min <units>', 'worth so much or more', text('amount_min'))
    .option('--amount-max <units>', 'worth so much or less', text('amount_max'))
    .option('--currency <code>', 'of the amount', text('currency'))
    .option('--from <time>', 'received at or after', time)
    .option('--to <time>', 'received before', time);
}

/** What was asked for; only what was given stands in it. */
export function eventFilterOf(options: EventFilterOptions): EventFilter {
  const given: EventFilter = {
    status: options.status,
    provider: options.provider,
    endpoint: options.endpoint,
    type: options.type,
    reference: options.reference,
    event_id: options.eventId,
    error_code: options.errorCode,
    waiting_for: options.waitingFor,
    currency: options.currency,
    amount: options.amount,
    amount_min: options.amountMin,
    amount_max: options.amountMax,
    from: options.from?.toISOString(),
    to: options.to?.toISOString(),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
