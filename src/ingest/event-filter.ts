import { PosternError } from '../errors.ts';

export const EVENT_STATUSES = ['queued', 'posted', 'no_effect', 'deferred', 'dead'] as const;
export const WAITING_FOR = ['adapter', 'api_key', 'currency', 'object', 'retry_at'] as const;

export type EventStatus = (typeof EVENT_STATUSES)[number];

/**
 * Which events are meant: by the list, by a replay and by a dismissal, with the names of `GET /events`' query. All that is
 * given must hold; nothing given means every event. A provider's event id also finds an event by ours.
 */
export type EventFilter = {
  readonly status?: EventStatus | undefined;
  readonly provider?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly type?: string | undefined;
  /** A payment, refund, dispute, order, invoice, payout … it is about. */
  readonly reference?: string | undefined;
  readonly event_id?: string | undefined;
  /** Of dead letters, unless a status is given. */
  readonly error_code?: string | undefined;
  readonly waiting_for?: (typeof WAITING_FOR)[number] | undefined;
  readonly currency?: string | undefined;
  /** Minor units. */
  readonly amount?: string | undefined;
  readonly amount_min?: string | undefined;
  readonly amount_max?: string | undefined;
  /** Received at or after; ISO 8601. */
  readonly from?: string | undefined;
  /** Received before; ISO 8601. */
  readonly to?: string | undefined;
};

/** How a value must look, by the name it is given under; also what the API's schema and the command line check. */
export const EVENT_FILTER_TEXTS = {
  provider: { pattern: /^[a-z0-9-]{1,100}$/, means: 'a processor such as stripe' },
  endpoint: { pattern: /^[a-z0-9][a-z0-9._-]{0,99}$/, means: 'the name of an endpoint' },
  type: { pattern: /^\P{Cc}{1,600}$/u, means: "the processor's own type" },
  reference: { pattern: /^\P{Cc}{1,600}$/u, means: 'an id of 1 to 600 characters' },
  event_id: { pattern: /^\P{Cc}{1,600}$/u, means: 'an id of 1 to 600 characters' },
  error_code: { pattern: /^[a-z][a-z0-9_]{0,63}$/, means: 'an error code such as rule_failed' },
  currency: { pattern: /^[A-Z]{3}$/, means: 'a currency such as EUR' },
  amount: { pattern: /^-?\d{1,18}$/, means: 'minor units, such as 1999' },
  amount_min: { pattern: /^-?\d{1,18}$/, means: 'minor units, such as 1999' },
  amount_max: { pattern: /^-?\d{1,18}$/, means: 'minor units, such as 1999' },
} as const satisfies Partial<Record<keyof EventFilter, { pattern: RegExp; means: string }>>;

const CHOICES = { status: EVENT_STATUSES, waiting_for: WAITING_FOR } as const;
const TIMES = ['from', 'to'] as const;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/i;

/**
 * A filter as it came from outside, or back from the database.
 * @throws PosternError `invalid_request` that names every part that is unknown or wrong.
 */
export function readEventFilter(value: unknown): EventFilter {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PosternError('invalid_request', 'a filter is an object with the names of the query of GET /events');
  const entries = Object.entries(value).filter(([, given]) => given !== undefined);
  const faults = entries.flatMap(([name, given]) => {
    const message = typeof given === 'string' ? wrongWith(name, given) : 'must be a text';
    return message === null ? [] : [{ path: `/filter/${name}`, message }];
  });
  const [first] = faults;
  if (first !== undefined)
    throw new PosternError('invalid_request', `the filter is wrong: ${first.path} ${first.message}`, { faults });
  return Object.fromEntries(entries) as EventFilter;
}

function wrongWith(name: string, given: string): string | null {
  const text = Object.entries(EVENT_FILTER_TEXTS).find(([known]) => known === name)?.[1];
  if (text !== undefined) return text.pattern.test(given) ? null : `must be ${text.means}`;
  const choices = Object.entries(CHOICES).find(([known]) => known === name)?.[1];
  if (choices !== undefined)
    return choices.some((one) => one === given) ? null : `must be one of ${choices.join(', ')}`;
  if (TIMES.some((known) => known === name))
    return TIME.test(given) && !Number.isNaN(Date.parse(given)) ? null : 'must be a time such as 2026-01-31T12:00:00Z';
  return 'is not a part of a filter';
}

/** The one state in which what is looked for can be; undefined where it can be in any. */
export function statusOf(filter: EventFilter): EventStatus | undefined {
  if (filter.status !== undefined) return filter.status;
  if (filter.waiting_for !== undefined) return 'deferred';
  return filter.error_code === undefined ? undefined : 'dead';
}
