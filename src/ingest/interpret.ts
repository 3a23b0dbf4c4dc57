import type { Endpoint } from '../endpoints/endpoint.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { PaymentEvent } from '../payment-event.ts';
import type { Normalised, ObjectReference } from '../providers/provider.ts';

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
  readonly level: string;
  readonly headers: string;
  /** Null where the bytes are nowhere: somebody removed by hand what the gateway would have kept. */
  readonly body: Buffer | null;
};

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
      readonly effects: readonly PaymentEvent[];
    }
  | { readonly kind: 'end'; readonly ending: Ending }
);

/** The reason an event carries on the one more try it gets after its `until` passed. */
export const LAST_TRY = 'until_passed';

/** What an event means, by its endpoint's settings and its provider's adapter. Pure, and never throws. */
export function interpret(event: TakenEvent, endpoint: Endpoint): Interpretation {
  const refused = refusedBySettings(event, endpoint);
  if (refused !== null)
    return { event, references: [], amount: null, kind: 'end', ending: { status: 'no_effect', reason: refused } };
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
      return { ...about, kind: 'end', ending: deferredOrDead(event, { ...meaning, waitingKey: null }) };
    case 'effects':
      if (event.level !== 'body') {
        const reason =
          'the request does not sign its body: the object must be fetched from the processor before it posts';
        return {
          ...about,
          kind: 'end',
          ending: deferredOrDead(event, { waitingFor: 'api_key', waitingKey: null, until: null, reason }),
        };
      }
      return {
        ...about,
        kind: 'post',
        provider: endpoint.provider.name,
        marketplace: endpoint.settings.marketplace ?? null,
        effects: meaning.effects,
      };
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
