import { hash } from 'node:crypto';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { assertNever, messageOf, PosternError } from '../errors.ts';
import type { PaymentEvent } from '../payment-event.ts';
import type { AuthenticityLevel, Normalised, ObjectReference } from '../providers/provider.ts';

/** An event as a worker takes it: its row, and the bytes that brought it. */
export type TakenEvent = {
  readonly id: string;
  readonly endpointId: number;
  readonly item: number;
  readonly eventId: string;
  readonly type: string;
  readonly account: string;
  readonly live: boolean | null;
  readonly attempts: number;
  /** The reason it had before: an event that waited says so. */
  readonly reason: string | null;
  /** Unix ms. */
  readonly receivedAt: number;
  readonly level: AuthenticityLevel;
  readonly headers: string;
  /** Null where the bytes are nowhere: somebody removed by hand what the gateway would have kept. */
  readonly body: Buffer | null;
  /** What the processor answered when it was asked for the event's object; null: it was not asked since the event came. */
  readonly fetched: FetchedObject | null;
  /** Where its reception was traced (tracing.ts). */
  readonly trace?: Buffer | null;
};

/** What became of asking the processor for an event's object. */
export type FetchedObject =
  | { readonly outcome: 'found'; readonly body: Buffer }
  | { readonly outcome: 'missing' | 'refused'; readonly detail: string };

/** An object to be asked for, not before `dueAt` (unix ms). */
export type FetchOrder = { readonly object: ObjectReference; readonly dueAt: number };

/** How an event leaves the queue, or that it does not yet. */
export type Ending =
  | { readonly status: 'posted'; readonly reason: string | null }
  | { readonly status: 'no_effect'; readonly reason: string }
  | {
      readonly status: 'deferred';
      readonly reason: string;
      readonly waitingFor: 'adapter' | 'api_key' | 'currency' | 'object' | 'retry_at';
      readonly waitingKey: string | null;
      /** Unix ms, or null for without end. */
      readonly until: number | null;
      readonly fetch?: FetchOrder;
    }
  | { readonly status: 'dead'; readonly code: string; readonly message: string };

export type Interpretation = {
  readonly event: TakenEvent;
  readonly references: readonly ObjectReference[];
  readonly amount: { readonly amount: bigint; readonly currency: string } | null;
} & (
  | {
      readonly kind: 'post';
      readonly provider: string;
      readonly marketplace: string | null;
      /** In whose days its account's books are kept; null: UTC. */
      readonly zone: string | null;
      readonly effects: readonly PaymentEvent[];
    }
  | { readonly kind: 'end'; readonly ending: Ending }
);

/** The reason an event carries on the one more try it gets after its `until` passed. */
export const LAST_TRY = 'until_passed';

/** The code, or the beginning of the reason, of an event whose object the processor does not know. */
export const OBJECT_MISSING = 'object_missing';

/** What an event means, by its endpoint's settings and its provider's adapter. Pure, and never throws. */
export function interpret(event: TakenEvent, endpoint: Endpoint): Interpretation {
  const refused = refusedBySettings(event, endpoint);
  if (refused !== null)
    return { event, references: [], amount: null, kind: 'end', ending: { status: 'no_effect', reason: refused } };
  const unanswered = event.fetched === null ? null : endWithoutObject(event, event.fetched, endpoint);
  if (unanswered !== null) return { event, references: [], amount: null, kind: 'end', ending: unanswered };
  const { body } = event;
  if (body === null) {
    const message = 'its delivery is neither in its day nor among those kept: restore it from a backup, then replay';
    return {
      event,
      references: [],
      amount: null,
      kind: 'end',
      ending: { status: 'dead', code: 'body_missing', message },
    };
  }
  let meaning: Normalised;
  try {
    meaning = endpoint.provider.normalise(
      {
        item: event.item,
        id: event.eventId,
        type: event.type,
        account: event.account,
        headers: JSON.parse(event.headers) as [string, string][],
        body,
        receivedAt: event.receivedAt,
        level: event.level,
        fetched: event.fetched?.outcome === 'found' ? event.fetched.body : null,
      },
      endpoint.settings,
    );
  } catch (error) {
    // Normalising is pure: the same bytes fail again, so no attempt is wasted on them.
    const code = error instanceof PosternError ? error.code : 'normaliser_failed';
    return {
      event,
      references: [],
      amount: null,
      kind: 'end',
      ending: { status: 'dead', code, message: messageOf(error) },
    };
  }
  const about = { event, references: meaning.references, amount: meaning.amount };
  switch (meaning.kind) {
    case 'no_effect':
      return { ...about, kind: 'end', ending: { status: 'no_effect', reason: meaning.reason } };
    case 'deferred':
      return {
        ...about,
        kind: 'end',
        ending: deferredOrDead(event, { ...meaning, waitingKey: parkedUnder(meaning.waitingFor, endpoint) }),
      };
    case 'fetch':
      return { ...about, kind: 'end', ending: fetchOrPark(event, meaning, endpoint) };
    case 'effects':
      if (event.level !== 'body' && event.fetched === null) {
        // The adapter should have asked for the object; amounts that nobody signed post nothing whatever it says.
        const message = 'the request does not sign its body, and the adapter did not ask for the object';
        return { ...about, kind: 'end', ending: { status: 'dead', code: 'normaliser_failed', message } };
      }
      return {
        ...about,
        kind: 'post',
        provider: endpoint.provider.name,
        marketplace: endpoint.settings.marketplace ?? null,
        zone: endpoint.settings.time_zone ?? null,
        effects: meaning.effects,
      };
  }
}

/** Asked for where there is a key to ask with; otherwise it waits for one. */
function fetchOrPark(
  event: TakenEvent,
  { object, reason, notBefore }: Extract<Normalised, { kind: 'fetch' }>,
  endpoint: Endpoint,
): Ending {
  if (event.fetched !== null) {
    const message = `the adapter asks for ${object.kind} ${object.id} again, which it was given`;
    return { status: 'dead', code: 'normaliser_failed', message };
  }
  const wait = { waitingKey: parkedUnder('api_key', endpoint), until: null };
  const { api } = endpoint.provider;
  if (api === undefined) return deferredOrDead(event, { ...wait, waitingFor: 'api_key', reason });
  if (keyOf(endpoint) === null) {
    return deferredOrDead(event, {
      ...wait,
      waitingFor: 'api_key',
      reason: `${reason}; set ${api.keySetting} on the endpoint`,
    });
  }
  return {
    status: 'deferred',
    reason: `${reason}; ${object.kind} ${object.id} is being fetched`,
    waitingFor: 'object',
    waitingKey: null,
    until: null,
    fetch: { object, dueAt: notBefore ?? event.receivedAt },
  };
}

/** The processor knows no such object, or does not let us see it. */
function endWithoutObject(event: TakenEvent, fetched: FetchedObject, endpoint: Endpoint): Ending | null {
  switch (fetched.outcome) {
    case 'found':
      return null;
    case 'missing':
      // Anybody can send a hint about an object that never was: nothing for a person to look at.
      return event.level === 'body'
        ? { status: 'dead', code: OBJECT_MISSING, message: fetched.detail }
        : { status: 'no_effect', reason: `${OBJECT_MISSING}: ${fetched.detail}` };
    case 'refused':
      return {
        status: 'deferred',
        reason: fetched.detail,
        waitingFor: 'api_key',
        waitingKey: parkedUnder('api_key', endpoint),
        until: null,
      };
    default:
      return assertNever(fetched);
  }
}

/** The endpoint's key to the processor's API, or null. */
export function keyOf(endpoint: Pick<Endpoint, 'provider' | 'settings'>): string | null {
  const { api } = endpoint.provider;
  const key = api === undefined ? undefined : endpoint.settings[api.keySetting];
  return typeof key === 'string' && key !== '' ? key : null;
}

/**
 * What an event was parked under: when it changes (another key, a newer adapter), what it waited for may be there. Of a
 * key only a mark is kept, which does not tell it.
 */
export function parkedUnder(
  waitingFor: Extract<Ending, { status: 'deferred' }>['waitingFor'],
  endpoint: Endpoint,
): string | null {
  switch (waitingFor) {
    case 'api_key': {
      const key = keyOf(endpoint);
      return key === null ? 'no key' : `key ${hash('sha256', `postern ${endpoint.id} ${key}`).slice(0, 12)}`;
    }
    case 'adapter':
    case 'currency':
      return `normaliser ${endpoint.provider.normaliserVersion}`;
    case 'object':
    case 'retry_at':
      return null;
    default:
      return assertNever(waitingFor);
  }
}

export function deferredOrDead(
  event: TakenEvent,
  waits: Omit<Extract<Ending, { status: 'deferred' }>, 'status'>,
): Ending {
  if (event.reason === LAST_TRY) {
    return { status: 'dead', code: 'waited_too_long', message: `what it waited for did not come: ${waits.reason}` };
  }
  const { reason, waitingFor, waitingKey, until } = waits;
  return { status: 'deferred', reason, waitingFor, waitingKey, until };
}

function refusedBySettings(event: TakenEvent, endpoint: Endpoint): string | null {
  const { mode, accounts } = endpoint.settings;
  if (mode === 'live' && event.live === false) return 'test_mode';
  if (mode === 'test' && event.live === true) return 'live_mode';
  if (accounts !== undefined && !accounts.includes(event.account)) return `account_not_listed: ${event.account}`;
  return null;
}
