import { withoutBom } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import type { Identification, WebhookRequest } from '../provider.ts';

/**
 * `pending_webhooks` counts down between tries of one event, and `request` tells which API call caused it, not what
 * happened; both are left out of what counts as content. docs.stripe.com/api/events/object
 */
const NOT_CONTENT = ['pending_webhooks', 'request'];
/** No event, but what the API lists beside them. */
export const BALANCE_TRANSACTION = 'balance_transaction';
const ACCOUNT = /^acct_[A-Za-z0-9_]+$/;

/**
 * Snapshot events (`object: "event"`) and thin ones (`"v2.core.event"`) by their envelope. Plain JSON.parse: this is on
 * the way to the acknowledgement, and nothing here is an amount.
 */
export function identify(request: WebhookRequest): Identification {
  let parsed: unknown;
  try {
    parsed = JSON.parse(withoutBom(request.body.toString('utf8')));
  } catch (error) {
    return { kind: 'unreadable', detail: `the body is not JSON: ${(error as Error).message}` };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { kind: 'unreadable', detail: 'the body is no JSON object' };
  }
  const event = parsed as Record<string, unknown>;
  const id = text(event, 'id');
  if (id === null) return { kind: 'unreadable', detail: 'the event has no id' };
  const object = text(event, 'object');
  const thin = object === 'v2.core.event';
  const livemode = own(event, 'livemode');
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: true,
        transmissionId: null,
        // Its own `type` is what kind of movement it is.
        type: object === BALANCE_TRANSACTION ? BALANCE_TRANSACTION : (text(event, 'type') ?? 'unknown'),
        apiVersion: text(event, 'api_version'),
        live: typeof livemode === 'boolean' ? livemode : null,
        account: thin ? contextAccount(text(event, 'context')) : text(event, 'account'),
        occurredAt: occurredAt(own(event, 'created')),
        fingerprint: () => contentFingerprint(request.body, NOT_CONTENT),
      },
    ],
  };
}

/** A thin event's context is the account, below an organisation as a path: `org_1/acct_2`. */
export function contextAccount(context: string | null): string | null {
  const last = context?.split('/').at(-1) ?? '';
  return ACCOUNT.test(last) ? last : null;
}

/** Unix seconds in snapshots, ISO 8601 in thin events. */
function occurredAt(created: unknown): number | null {
  const ms =
    typeof created === 'number' ? created * 1000 : typeof created === 'string' ? Date.parse(created) : Number.NaN;
  return Number.isFinite(ms) ? ms : null;
}

/** Own members only: a body with `__proto__` must not lend its values to those that are missing. */
function own(event: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(event, name) ? event[name] : undefined;
}

function text(event: Record<string, unknown>, name: string): string | null {
  const value = own(event, name);
  return typeof value === 'string' && value !== '' ? value : null;
}
